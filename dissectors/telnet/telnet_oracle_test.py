#!/usr/bin/env python3
"""Every foreign capture with Telnet, and one of a made session, read by us and by tshark: the same connections are Telnet.

tshark takes port 23 for Telnet whatever it carries; we only what negotiates. Each difference is listed below with its reason; one that
is not listed, or is listed and does not occur, fails the test. Suricata has no record of Telnet.
Exit status 77: the program or tshark is not there.
"""
import argparse
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = SOURCE.parent / "shared" / "captures"
FOREIGN = ["net/zeek-mixed-vlan-mpls.pcap"]
# capture: (connections that only tshark takes for Telnet, that only we do, why)
DIFFERS = {}

SESSION = [  # (from the client, bytes)
    (0, b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"), (1, b"\xff\xfb\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27"),
    (0, b"\xff\xfa\x18\x01\xff\xf0"), (1, b"\xff\xfa\x18\x00xterm\xff\xf0"), (0, b"\xff\xfb\x03\xff\xfd\x01\r\ngateway login: "),
    (1, b"admin\r\x00"), (0, b"admin\r\nPassword: "), (1, b"guess\r\x00"), (0, b"\r\n\r\nLogin incorrect\r\ngateway login: "),
    (1, b"admin\r\x00"), (0, b"admin\r\nPassword: "), (1, b"right\r\x00"), (0, b"\r\nLast login: Mon\r\n# "), (1, b"exit\r\x00"),
]


def frame(from_client, seq, ack, flags, payload=b""):
    source, destination = (bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2])) if from_client else (bytes([10, 0, 0, 2]), bytes([10, 0, 0, 1]))
    sport, dport = (40000, 23) if from_client else (23, 40000)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0x4000, 64, 6, 0) + source + destination
    checksum = sum(struct.unpack(">10H", ip))
    checksum = (checksum & 0xFFFF) + (checksum >> 16)
    checksum = ~((checksum & 0xFFFF) + (checksum >> 16)) & 0xFFFF
    ip = ip[:10] + struct.pack(">H", checksum) + ip[12:]
    return bytes(range(12)) + b"\x08\x00" + ip + struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0) + payload


def write_session(folder):
    frames = [frame(True, 1000, 0, 2), frame(False, 2000, 1001, 18), frame(True, 1001, 2001, 16)]
    cseq, sseq = 1001, 2001
    for from_client, data in SESSION:
        frames.append(frame(from_client, cseq if from_client else sseq, sseq if from_client else cseq, 24, data))
        cseq, sseq = (cseq + len(data), sseq) if from_client else (cseq, sseq + len(data))
    frames += [frame(True, cseq, sseq, 17), frame(False, sseq, cseq + 1, 17), frame(True, cseq + 1, sseq + 1, 16)]
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    out += [struct.pack("<IIII", 1700000000, 1000 * i, len(f), len(f)) + f for i, f in enumerate(frames)]
    path = pathlib.Path(folder) / "session.pcap"
    path.write_bytes(b"".join(out))
    return path


def ours_of(binary, capture):
    done = subprocess.run([binary, "read", "-o", "-", "--events", "flow", capture], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr[-500:]
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {frozenset([(r["src_ip"], r["src_port"]), (r["dest_ip"], r["dest_port"])]) for r in records if r.get("app_proto") == "telnet"}


def tshark_of(capture):
    done = subprocess.run(["tshark", "-r", str(capture), "-Y", "telnet", "-T", "fields", "-e", "ip.src", "-e", "tcp.srcport", "-e", "ip.dst", "-e", "tcp.dstport"],
                          capture_output=True, text=True, timeout=60)
    rows = [line.split("\t") for line in done.stdout.splitlines() if line]
    return {frozenset([(row[0], int(row[1])), (row[2], int(row[3]))]) for row in rows}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="")
    binary = parser.parse_args().binary
    if not binary or not shutil.which("tshark"):
        print("skipped: no program or no tshark")
        return 77
    faults, connections = [], 0
    with tempfile.TemporaryDirectory() as folder:
        captures = [write_session(folder)] + [CAPTURES / name for name in FOREIGN if (CAPTURES / name).exists()]
        for capture in captures:
            ours, theirs = ours_of(binary, capture), tshark_of(capture)
            connections += len(ours)
            expected = DIFFERS.get(capture.stem, (0, 0, ""))[:2]
            if (len(theirs - ours), len(ours - theirs)) != expected:
                faults.append(f"{capture.stem}: only tshark {sorted(map(sorted, theirs - ours))}, only ours {sorted(map(sorted, ours - theirs))}; listed {expected}")
    print("\n".join(faults))
    print(f"{len(captures)} captures, {connections} connections of ours, {len(faults)} lines of differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
