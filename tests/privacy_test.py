#!/usr/bin/env python3
"""Meter readings and identifiers do not reach an output in plain where masking is on: every output is searched for them."""
import json
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
import packets  # noqa: E402
from cases import case, check, equal  # noqa: E402

SERIAL, IDENTITY, READING = b"SERIAL-9F3A1", bytes.fromhex("FE00002B0123456789ABCDEF0011223344"), 0x00BC614E
SITE = "site: {{name: t}}\nprivacy: {{{privacy}}}\n"


def capture_of(folder):
    def frame(source, destination, payload):
        return packets.ethernet(packets.mac("02:00:00:00:00:02"), packets.mac("02:00:00:00:00:10"), 0x0800,
                                packets.ip(source, destination, 17, packets.udp(source, 3610, destination, 3610, payload)))
    meter = [(0x8D, SERIAL), (0x83, IDENTITY), (0xE0, READING.to_bytes(4, "big"))]
    frames = [frame("192.168.1.2", "192.168.1.10", packets.echonet(1, "05FF01", "028801", 0x62, [(0xE0, b"")])),
              frame("192.168.1.10", "192.168.1.2", packets.echonet(1, "028801", "05FF01", 0x72, meter)),
              frame("192.168.1.10", "192.168.1.2", packets.echonet(2, "0EF001", "05FF01", 0x73, [(0x83, IDENTITY)])),
              # The last property says more bytes than there are: what was read is told, and is as private.
              frame("192.168.1.10", "192.168.1.2", packets.echonet(3, "028801", "05FF01", 0x72, meter)[:-1])]
    path = folder / "meter.pcap"
    packets.write_pcap(path, [(1_700_000_000_000_000_000 + i * 1_000_000_000, f) for i, f in enumerate(frames)])
    return path


def plain_forms(data):
    return [data.hex(), data.hex().upper(), data.decode("latin-1") if data.isascii() else data.hex()]


def read(program, folder, privacy, name):
    site = folder / f"{name}.yaml"
    site.write_text(SITE.format(privacy=privacy), encoding="utf-8")
    out = folder / name
    done = program.run("read", "-c", site, "-o", out, capture_of(folder))
    equal(done.status, 0, f"exit status: {done.err}")
    return (out / "eve.json").read_text(encoding="utf-8") + done.out.decode() + done.err


def leaks(text):
    found = [form for secret in (SERIAL, IDENTITY, READING.to_bytes(4, "big")) for form in plain_forms(secret) if form in text]
    return found + ([str(READING)] if re.search(rf"\b{READING}\b", text) else [])


@case
def without_masking_everything_is_there(program, folder):
    text = read(program, folder, "mask: false", "plain")
    check(SERIAL.hex() in text.lower() and IDENTITY.hex() in text.lower(), "the capture does not hold what is looked for")


@case
def masking_is_on_by_default_and_nothing_leaks(program, folder):
    equal(leaks(read(program, folder, "", "default")), [], "plain identifiers in the outputs")


@case
def with_a_key_pseudonyms_correlate_and_another_key_gives_others(program, folder):
    values = []
    for number, key in enumerate(("0123456789abcdef0123", "0123456789abcdef0123", "another-key-entirely")):
        (folder / f"{number}.key").write_text(key, encoding="utf-8")
        (folder / f"{number}.key").chmod(0o600)
        text = read(program, folder, f"mask: true, key_file: {number}.key", f"keyed{number}")
        equal(leaks(text), [], "plain identifiers in the outputs")
        found = re.findall(r"masked:[0-9a-f]{16}", text)
        check(found, "there is no pseudonym")
        values.append(found)
    equal(values[0], values[1], "pseudonyms under the same key")
    check(not set(values[0]) & set(values[2]), "two keys share a pseudonym")
    check(len(set(values[0])) < len(values[0]), "the same identity in two messages has two pseudonyms")


@case
def records_stay_valid(program, folder):
    validator = cases.schema_validator()
    (folder / "k.key").write_text("0123456789abcdef", encoding="utf-8")
    (folder / "k.key").chmod(0o600)
    for line in read(program, folder, "mask: true, key_file: k.key", "valid").splitlines():
        if line.startswith("{"):
            equal(cases.schema_faults(validator, json.loads(line)), [], "faults against the schema")


if __name__ == "__main__":
    sys.exit(cases.main(__doc__))
