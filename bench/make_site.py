#!/usr/bin/env python3
"""A site file that fits a capture, filled up to the size of a large site. usage: make_site.py CAPTURE.pcap FOLDER [ASSETS] [ENTRIES]

Writes FOLDER/site.yaml, assets.csv and allow.csv: every internal host of the capture is an asset, every conversation is
allowed, and as many more assets and allow entries as asked for are added that no packet matches. `without.yaml` beside it
is the same site with every detector switched off.
"""
import collections
import csv
import ipaddress
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[1]
INSIDE = ipaddress.ip_network("10.0.0.0/9")


def conversations(path):
    """(source, destination, protocol, destination port) -> frames, of an Ethernet pcap in this machine's byte order."""
    seen = collections.Counter()
    with open(path, "rb") as data:
        data.read(24)
        while header := data.read(16):
            frame = data.read(struct.unpack("<IIII", header)[2])
            if frame[12:14] == b"\x08\x00":
                seen[frame[26:30], frame[30:34], frame[23], frame[36:38] if frame[23] in (6, 17) else b""] += 1
            elif frame[12:14] == b"\x86\xdd":
                seen[frame[22:38], frame[38:54], frame[20], frame[56:58] if frame[20] in (6, 17) else b""] += 1
            elif frame[12:14] == b"\x08\x06":
                seen[frame[28:32], frame[38:42], 0, b""] += 1
    return seen


def main():
    capture, folder = sys.argv[1], pathlib.Path(sys.argv[2])
    assets_wanted = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    entries_wanted = int(sys.argv[4]) if len(sys.argv) > 4 else 1_000_000
    folder.mkdir(parents=True, exist_ok=True)
    asks, answers, hosts, pairs = set(), set(), {}, {}
    for (source, destination, protocol, port), _ in conversations(capture).items():
        ends = ipaddress.ip_address(source), ipaddress.ip_address(destination)
        for end in ends:
            # Link-local addresses repeat on every link and need a tagged one, which the capture does not have.
            if end.version == 4 and end in INSIDE:
                hosts.setdefault(end, None)
        if protocol == 17 and port == struct.pack("!H", 3610):
            pairs.setdefault(frozenset(ends), "udp/3610")
            # A controller asks more than one device; in the mix it is the one whose address ends in .1.
            (asks if ends[0].version == 4 and ends[0].packed[-1] == 1 else answers).add(ends[0])
        else:
            pairs.setdefault(frozenset(ends), "")
    with open(folder / "assets.csv", "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["name", "role", "address", "segment", "capacity_kw", "jc_star"])
        count = 0
        for host in hosts:
            role = "ems" if host in asks else "device" if host in answers else "sensor_device"
            rows.writerow([f"host-{count}", role, host, "site", 4 if role == "device" else "", 1 if role == "device" else ""])
            count += 1
        filler = 0
        while count < assets_wanted:
            rows.writerow([f"host-{count}", "device", ipaddress.ip_address(0x0A800000 + filler), "far", 4, 1])
            filler += 1
            count += 1
    names = {host: f"host-{i}" for i, host in enumerate(hosts)}
    with open(folder / "allow.csv", "w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["from", "to", "ports", "direction", "reason"])
        count = 0
        for pair in pairs:
            ends = [names.get(end, str(end)) for end in pair]
            if len(ends) == 2 and any(end in names for end in pair):
                rows.writerow([ends[0], ends[1], "", "both", "seen"])
                count += 1
        first = len(hosts)
        span = assets_wanted - first
        while count < entries_wanted:
            rows.writerow([f"host-{first + count % span}", f"203.{count >> 16 & 255}.{count >> 8 & 255}.{count & 255}", "tcp/443", "", "filler"])
            count += 1
    text = """site: {name: bench, timezone: Asia/Tokyo}
segments:
  - {name: site, prefix: 10.0.0.0/9}
  - {name: far, prefix: 10.128.0.0/9}
asset_files: [assets.csv]
allow_files: [allow.csv]
"""
    (folder / "site.yaml").write_text(text)
    present = re.findall(r"DetectorId::(\w+),", (ROOT / "src/config/detectors_present.h").read_text(encoding="utf-8"))
    rows = csv.DictReader(open(ROOT / "src/model/data/detectors.csv", encoding="utf-8"))
    off = [row["detector"] for row in rows if re.sub("[.-]", "_", row["detector"]) in present]
    (folder / "without.yaml").write_text(text + "detectors:\n" + "".join(f"  {name}: {{enabled: false}}\n" for name in off))
    print(f"{len(hosts)} hosts, {len(pairs)} pairs of the capture; {assets_wanted} assets, {entries_wanted} entries")


if __name__ == "__main__":
    main()
