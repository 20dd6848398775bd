#!/usr/bin/env python3
"""Turns the Public Suffix List into C++ tables: the suffixes themselves, and how letters follow each other in its labels.

usage: generate_name_tables.py public_suffix_list.dat OUTPUT

The list (https://publicsuffix.org/list/, MPL-2.0) is that of Debian's package publicsuffix. Its labels (towns and
prefectures of Japan and other countries in Latin letters, trades, brands, English words) are also the word list from
which the letter model is made: log2 of the probability of each character after the one before it, with 0.5 added to
every count, in 1/256 bits. Digits are one character of the model, so are '-' and the ends of a label.
"""
import collections
import math
import re
import sys

NORMAL, WILDCARD, EXCEPTION = 1, 2, 4
SLOTS = 32768
ALPHABET = "abcdefghijklmnopqrstuvwxyz0-"


def fnv1a(text):
    value = 0x811C9DC5
    for byte in text.encode("ascii"):
        value = (value ^ byte) * 0x01000193 & 0xFFFFFFFF
    return value


def rules(path):
    kinds = collections.defaultdict(int)
    for line in open(path, encoding="utf-8"):
        words = line.split()
        if not words or words[0].startswith("//"):
            continue
        rule = words[0].lower()
        kind = NORMAL
        if rule.startswith("!"):
            rule, kind = rule[1:], EXCEPTION
        elif rule.startswith("*."):
            rule, kind = rule[2:], WILDCARD
        kinds[rule.encode("idna").decode("ascii")] |= kind
    return kinds


def slots_of(kinds):
    slots, steps_max = [None] * SLOTS, 0
    for rule in sorted(kinds):
        # From the last character to the first, so that one pass over a name serves all its suffixes.
        at, steps = fnv1a(rule[::-1]) % SLOTS, 1
        while slots[at] is not None:
            at, steps = (at + 1) % SLOTS, steps + 1
        slots[at] = rule
        steps_max = max(steps_max, steps)
    return slots, steps_max


def letters_of(kinds):
    words = {label for rule in kinds for label in rule.split(".")
             if re.fullmatch(r"[a-z0-9-]{4,}", label) and not label.startswith("xn--")}
    pairs, firsts = collections.Counter(), collections.Counter()
    for word in sorted(words):
        before = "-"
        for character in re.sub(r"[0-9]", "0", word) + "-":
            pairs[before, character] += 1
            firsts[before] += 1
            before = character
    return [[round(256 * math.log2((pairs[a, b] + 0.5) / (firsts[a] + 0.5 * len(ALPHABET)))) for b in ALPHABET]
            for a in ALPHABET]


def main():
    kinds = rules(sys.argv[1])
    slots, steps_max = slots_of(kinds)
    lines = ["// Made by generate_name_tables.py from the Public Suffix List (https://publicsuffix.org/list/, MPL-2.0).",
             f"constexpr std::size_t suffix_slots = {SLOTS}, suffix_steps_max = {steps_max},",
             f"                      suffix_labels_max = {max(rule.count('.') + 2 for rule in kinds)};",
             "constexpr SuffixRule suffix_rules[suffix_slots] = {"]
    lines += ["{}," if rule is None else f'{{"{rule}", {kinds[rule]}}},' for rule in slots]
    lines += ["};", f"constexpr std::int16_t letter_pairs[{len(ALPHABET)}][{len(ALPHABET)}] = {{"]
    lines += ["{" + ", ".join(map(str, row)) + "}," for row in letters_of(kinds)]
    lines += ["};", ""]
    with open(sys.argv[2], "w", encoding="ascii") as output:
        output.write("\n".join(lines))


if __name__ == "__main__":
    main()
