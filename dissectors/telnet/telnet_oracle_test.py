#!/usr/bin/env python3
"""Every foreign capture with Telnet, and one of a made session, read by us and by tshark: the same connections are Telnet.

tshark takes port 23 for Telnet whatever it carries; we only what negotiates. Each difference is listed below with its reason; one that
is not listed, or is listed and does not occur, fails the test. Suricata has no record of Telnet.
Exit status 77: the program or tshark is not there.
"""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

FOREIGN = ["net/zeek-mixed-vlan-mpls.pcap"]
# capture: (connections that only tshark takes for Telnet, that only we do, why)
DIFFERS = {}

SESSION = [  # (from the client, bytes)
    (0, b"\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfd\x27"), (1, b"\xff\xfb\x18\xff\xfc\x20\xff\xfc\x23\xff\xfc\x27"),
    (0, b"\xff\xfa\x18\x01\xff\xf0"), (1, b"\xff\xfa\x18\x00xterm\xff\xf0"), (0, b"\xff\xfb\x03\xff\xfd\x01\r\ngateway login: "),
    (1, b"admin\r\x00"), (0, b"admin\r\nPassword: "), (1, b"guess\r\x00"), (0, b"\r\n\r\nLogin incorrect\r\ngateway login: "),
    (1, b"admin\r\x00"), (0, b"admin\r\nPassword: "), (1, b"right\r\x00"), (0, b"\r\nLast login: Mon\r\n# "), (1, b"exit\r\x00"),
]


def connections_of_ours(records):
    return {frozenset([(r["src_ip"], r["src_port"]), (r["dest_ip"], r["dest_port"])]) for r in records if r.get("app_proto") == "telnet"}


FIELDS = ["ip.src", "tcp.srcport", "ip.dst", "tcp.dstport"]


def connections_of_tshark(frames):
    rows = [[row[field][0] for field in FIELDS] for _, row in frames]
    return {frozenset([(source, int(source_port)), (destination, int(destination_port))]) for source, source_port, destination, destination_port in rows}


def compare_tshark(capture, ours, theirs):
    return peers.differences(capture, "tshark's connections", collections.Counter(theirs), collections.Counter(ours), DIFFERS)


def captures(folder):
    return [peers.write_frames(folder / "session.pcap", peers.connection(SESSION, 40000, 23))] + peers.those_there(FOREIGN)


if __name__ == "__main__":
    asked = [peers.tshark(compare_tshark, "telnet", FIELDS, shape=connections_of_tshark)]
    sys.exit(peers.run("flow", captures, asked, select=connections_of_ours,
                       summary="{captures} captures, {records} connections of ours, {faults} lines of differences"))
