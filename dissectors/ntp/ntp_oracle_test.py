#!/usr/bin/env python3
"""Foreign captures with NTP and one with every kind of message, read by us and by tshark: the same fields and values.

Suricata 7 recognises NTP and records nothing of it. Each difference is listed below with its reason; one that is not
listed, or is listed and does not occur, fails the test. Exit status 77: the program, the captures or tshark are not there.
"""
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

MODES = {name: number for number, name in enumerate(["", "symmetric_active", "symmetric_passive", "client", "server", "broadcast", "control", "private"])}
LEAPS = ["none", "last_minute_has_61_seconds", "last_minute_has_59_seconds", "unsynchronized"]
FIELDS = ["ntp.flags.li", "ntp.flags.vn", "ntp.flags.mode", "ntp.stratum", "ntp.ppoll", "ntp.precision", "ntp.rootdelay", "ntp.rootdispersion",
          "ntp.refid", "ntp.ctrl.flags2.r", "ntp.ctrl.flags2.opcode", "ntp.ctrl.sequence", "ntp.ctrl.count", "ntp.priv.flags.r", "ntp.priv.reqcode",
          "ntp.priv.impl", "ntp.priv.numitems", "udp.srcport", "udp.dstport"]
# capture: {frame: why}
DIFFERS = {}


def header(first, stratum=2, poll=6, precision=0xE9, delay=0x8000, dispersion=0x10000, reference=b"\xc0\0\2\1", rest=b""):
    times = struct.pack(">QQQQ", 0xE500000000000000, 0xE500000100000000, 0xE500000200000000, 0xE500000380000000)
    return bytes([first, stratum, poll, precision]) + struct.pack(">II", delay, dispersion) + reference + times + rest


def captures(folder):
    datagrams = []
    for version in (1, 2, 3, 4):
        for mode in range(1, 6):
            for leap in range(4):
                datagrams.append((mode in (1, 3), 123 if mode in (1, 2) else 40000 + mode, 123, header(leap << 6 | version << 3 | mode)))
    for stratum, reference in ((0, b"RATE"), (0, b"DENY"), (1, b"GPS\0"), (1, b"PPS\0"), (15, b"\1\2\3\4"), (16, b"\0\0\0\0")):
        datagrams.append((False, 41000, 123, header(0x24, stratum, reference=reference)))
    for rest in (struct.pack(">I", 7) + bytes(16), struct.pack(">I", 7) + bytes(20), struct.pack(">HH", 0x0104, 28) + bytes(24)):
        datagrams.append((False, 41001, 123, header(0x24, rest=rest)))
    for operation in (1, 2, 3, 10, 12):
        datagrams.append((True, 42000, 123, struct.pack(">BBHHHHH", 0x16, operation, operation, 0, 0, 0, 0)))
        datagrams.append((False, 42000, 123, struct.pack(">BBHHHHH", 0x16, 0x80 | operation, operation, 0x0615, 0, 0, 8) + b"a=1,b=2,"))
    for code in (0, 20, 42):
        datagrams.append((True, 43000, 123, bytes([0x17, 0, 3, code]) + bytes(4)))
        datagrams.append((False, 43000, 123, bytes([0x97, 0, 3, code]) + struct.pack(">HH", 2, 72) + bytes(144)))
    return peers.named_in_index(["ntp"]) + [peers.write_datagrams(folder / "every-kind.pcap", datagrams)]


def number(row, field, base=0):
    values = row[field]
    return None if not values else {"True": 1, "False": 0}.get(values[0]) if values[0] in ("True", "False") else int(values[0], base)


# tshark shows the precision without its sign and both root fields as they stand.
def fields_of_tshark(row):
    out = {"version": number(row, "ntp.flags.vn"), "mode": number(row, "ntp.flags.mode")}
    if out["mode"] == 6:
        return out | {"response": number(row, "ntp.ctrl.flags2.r"), "opcode": number(row, "ntp.ctrl.flags2.opcode"),
                      "sequence": number(row, "ntp.ctrl.sequence"), "count": number(row, "ntp.ctrl.count")}
    if out["mode"] == 7:
        return out | {"response": number(row, "ntp.priv.flags.r"), "code": number(row, "ntp.priv.reqcode"), "implementation": number(row, "ntp.priv.impl"),
                      "items": number(row, "ntp.priv.numitems") or 0}
    reference = bytes.fromhex(row["ntp.refid"][0].replace(":", ""))
    return out | {"leap": LEAPS[number(row, "ntp.flags.li")], "stratum": number(row, "ntp.stratum"), "poll": number(row, "ntp.ppoll"),
                  "precision": (number(row, "ntp.precision") + 128) % 256 - 128, "delay": round(number(row, "ntp.rootdelay") / 65536, 4),
                  "dispersion": round(number(row, "ntp.rootdispersion") / 65536, 4), "reference": reference.hex()}


def fields_of_ours(record):
    ntp = record["ntp"]
    out = {"version": ntp["version"], "mode": MODES[ntp.get("mode", "")]}
    if "control" in ntp:
        control = ntp["control"]
        return out | {"response": int(control["response"]), "opcode": control["opcode"], "sequence": control["sequence"], "count": control["count"]}
    if "private" in ntp:
        private = ntp["private"]
        return out | {"response": int(private["response"]), "code": private["request_code"], "implementation": private["implementation"], "items": private["items"]}
    text = ntp.get("reference_id", ntp.get("kiss_code", ""))
    reference = bytes(map(int, text.split("."))) if ntp["stratum"] >= 2 else text.encode().ljust(4, b"\0")
    return out | {"leap": ntp["leap"], "stratum": ntp["stratum"], "poll": ntp["poll"], "precision": ntp["precision"],
                  "delay": round(ntp["root_delay"], 4), "dispersion": round(ntp["root_dispersion"], 4), "reference": reference.hex()}


def compare_tshark(capture, ours, frames):
    theirs = {frame: fields_of_tshark(row) for frame, row in frames if row["ntp.flags.mode"]}
    mine = {record["pcap_cnt"]: fields_of_ours(record) for record in ours}
    return peers.differences_by_key(capture, "frame", theirs, mine, DIFFERS)


if __name__ == "__main__":
    sys.exit(peers.run("ntp", captures, [peers.tshark(compare_tshark, "ntp && !icmp", FIELDS)], collection=peers.CAPTURES, summary=peers.SUMMARY_WITH_PEERS))
