#!/usr/bin/env python3
"""Writes detectors.md: the detectors of this build, from the catalogue, the list of what is present and the messages.

usage: describe_detectors.py [--check]     --check: says whether the file is what would be written, and writes nothing
"""
import csv
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = pathlib.Path(__file__).with_name("detectors.md")


def joined(text):
    """C++ string literals beside each other, as one text."""
    return "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text)).replace('\\"', '"')


def messages():
    """DetectorId -> (English, Japanese)."""
    source = (ROOT / "src/output/detector_messages.cpp").read_text(encoding="utf-8")
    found = {}
    for name, body in re.findall(r"\{DetectorId::(\w+),(.*?)\}(?=,|\})", source, re.S):
        literals = re.findall(r'(?:"(?:[^"\\]|\\.)*"\s*)+', body)
        if len(literals) >= 2:
            found[name] = joined(literals[0]), joined(literals[1])
    return found


def page():
    present = re.findall(r"DetectorId::(\w+),", (ROOT / "src/config/detectors_present.h").read_text(encoding="utf-8"))
    rows = list(csv.DictReader(open(ROOT / "src/model/data/detectors.csv", encoding="utf-8")))
    said = messages()
    lines = ["# The detectors of this build", "",
             "Made by `describe_detectors.py` from the catalogue (`src/model/data/detectors.csv`), `src/config/detectors_present.h` and the",
             "messages; change those. Severity: 1 critical, 2 high, 3 medium, 4 low. Settings go under `detectors:` with the keys shown.", ""]
    for row in rows:
        key = re.sub(r"[.-]", "_", row["detector"])
        if key not in present:
            continue
        english, japanese = said[key]
        lines += [f"## `{row['detector']}`", "", f"{english} · {japanese}", "",
                  f"Severity {row['severity']}, `gid` {row['gid']}, `signature_id` {row['sid']}, scenario `{row['scenario']}`, clauses {row['clauses']}.  ",
                  f"Needs: {row['needs'] if row['needs'] != '-' else 'nothing beside the traffic'}.  ",
                  f"Settings: {'`' + row['defaults'] + '`' if row['defaults'] not in ('', '-') else '`repeat`, `enabled`'}.  ",
                  f"Fires when {row['fires_when']}.", ""]
    return "\n".join(lines)


def main():
    text = page()
    if "--check" in sys.argv:
        if PAGE.read_text(encoding="utf-8") != text:
            sys.exit(f"{PAGE.name} is not what the catalogue says; run src/detect/describe_detectors.py")
        return
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
