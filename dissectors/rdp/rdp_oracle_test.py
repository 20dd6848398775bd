#!/usr/bin/env python3
"""Foreign captures with TPKT and one with every value of RDP's beginning, read by us, by tshark and by Suricata.

Listed differences: Suricata writes the cookie, which names a user, and we that it is there (OURS); it reads the
certificates of the TLS inside (`tls_handshake`), and we end where TLS begins; what only one of us reads is in DIFFERS. One
that is not listed, or is listed and does not occur, fails the test. Exit status 77: the program, the captures or both
peers are not there.
"""
import collections
import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

# Members that only we write.
OURS = {"cookie_present", "routing_token_present", "requested_protocols", "protocol_number", "malformed"}
OURS_OF_CLIENT = {"keyboard_layout_number", "build_number"}
# capture: (records that only Suricata has, records that only we have, why)
DIFFERS = {
    "every-value": (3, 3, "a reserved bit in the flags (twice) and protocol 16 (RDSAAD): Suricata then drops the negotiation, we what is unknown"),
}
CORE = struct.Struct("<IHHHHII32sIII64s")


def tpkt(body):
    return struct.pack(">BBH", 3, 0, len(body) + 4) + body


def connection(code, rest=b""):
    return tpkt(bytes([6 + len(rest), code, 0, 0, 0x12, 0x34, 0]) + rest)


def negotiation(kind, flags, value):
    return struct.pack("<BBHI", kind, flags, 8, value)


REQUEST, CONFIRM = connection(0xE0, negotiation(1, 0, 0)), connection(0xD0, negotiation(2, 0, 0))
OPTIONAL = struct.pack("<HHIHHH", 0xCA01, 1, 0, 16, 15, 0) + bytes(64)


def core(version=0x80004, layout=0x409, build=2600, keyboard=4, ime="", name="HOST", optional=OPTIONAL):
    wide = lambda text: text.encode("utf-16le")  # noqa: E731  Padded by the format.
    body = CORE.pack(version, 1024, 768, 0xCA01, 0xAA03, layout, build, wide(name), keyboard, 3, 12, wide(ime)) + optional
    return struct.pack("<HH", 0xC001, len(body) + 4) + body


def connect(blocks):
    ber = lambda tag, body: tag + b"\x82" + struct.pack(">H", len(body)) + body  # noqa: E731
    per = lambda size: struct.pack(">H", 0x8000 | size)  # noqa: E731
    inner = bytes.fromhex("000800100001c000") + b"Duca" + per(len(blocks)) + blocks
    conference = bytes.fromhex("000500147c0001") + per(len(inner)) + inner
    domain = bytes.fromhex("30190201220201020201000201010201000201010202ffff020102")
    return tpkt(b"\2\xf0\x80" + ber(b"\x7f\x65", bytes.fromhex("0401010401010101ff") + domain * 3 + ber(b"\4", conference)))


def exchanges():
    for flags in (0, 1, 2, 4, 8):
        yield [(True, connection(0xE0, negotiation(1, flags, 3)))]
    yield [(True, connection(0xE0))]
    yield [(True, connection(0xE0, b"Cookie: mstshash=someone\r\n" + negotiation(1, 0, 11)))]
    for flags in (1, 2, 4, 8, 16, 32, 128):
        yield [(True, REQUEST), (False, connection(0xD0, negotiation(2, flags, 0)))]
    for protocol in (1, 2, 3, 4, 8, 16, 32):
        yield [(True, REQUEST), (False, connection(0xD0, negotiation(2, 0, protocol)))]
    for failure in range(1, 7):
        yield [(True, REQUEST), (False, connection(0xD0, negotiation(3, 0, failure)))]
    blocks = [core(version=0x80001)] + [core(version=0x80004 + i) for i in range(10)] + [core(optional=OPTIONAL[:12] + struct.pack("<H", 1 << i) + OPTIONAL[14:]) for i in range(13)]
    blocks += [core(keyboard=i) for i in range(9)] + [core(layout=i) for i in (0x411, 0x407, 0x804, 0x412, 0x40C, 0xFFFF)]
    blocks += [core(build=i) for i in (2195, 3790, 6001, 7601, 9600, 10240, 14393, 17763, 19041, 22621)]
    blocks += [core(ime="imejp.ime"), core(name="監視端末1"), core(optional=b"")]
    blocks += [core(optional=OPTIONAL[:8] + struct.pack("<H", depth) + OPTIONAL[10:]) for depth in (4, 8, 15, 24, 32, 0)]
    blocks += [core(optional=OPTIONAL[:size]) for size in (2, 4, 8, 10, 12, 14)]
    for kind in range(9):
        more = "55274-OEM".encode("utf-16le").ljust(64, b"\0") + bytes([kind, 0]) + struct.pack("<IIIHII", 0, 300, 200, 90 * (kind % 5), 150, 100)
        blocks.append(core(optional=OPTIONAL[:14] + more))
    network = struct.pack("<HHI", 0xC003, 8 + 24, 2) + b"rdpdr\0\0\0" + bytes(4) + b"cliprdr\0" + bytes(4)
    for block in blocks + [core() + network, network]:
        yield [(True, REQUEST), (False, CONFIRM), (True, connect(block)), (False, tpkt(b"\2\xf0\x80\x7f\x66\x03\x0a\x01\x00"))]


def captures(folder):
    frames = []
    for number, exchange in enumerate(exchanges()):
        frames += peers.connection(exchange, 40000, 3389, f"10.1.0.{number}")
    return peers.named_in_index(["tpkt", "rdp"]) + [peers.write_frames(folder / "every-value.pcap", frames)]


def normal(record):
    rdp = {key: value for key, value in record["rdp"].items() if key not in OURS}
    rdp["cookie"] = "cookie" in rdp or record["rdp"].get("cookie_present", False)
    rdp = {key: value for key, value in rdp.items() if value != []}  # Suricata writes lists of flags that it knows none of.
    if "client" in rdp:
        rdp["client"] = {key: value for key, value in rdp["client"].items() if key not in OURS_OF_CLIENT and value != []}
    # Suricata's record has the ends of the packet that acknowledged the message.
    ends = sorted([[record["src_ip"], record["src_port"]], [record["dest_ip"], record["dest_port"]]])
    return json.dumps({"ends": ends, "rdp": rdp}, sort_keys=True)


def compare_suricata(capture, ours, suricata):
    mine = collections.Counter(normal(r) for r in ours)
    theirs = collections.Counter(normal(r) for r in suricata if r["rdp"]["event_type"] != "tls_handshake")
    return peers.differences(capture, "Suricata's records", theirs, mine, DIFFERS)


FIELDS = ["rdp.neg_type", "rdp.negReq.requestedProtocols", "rdp.negReq.selectedProtocol", "rdp.desktop.width", "rdp.desktop.height", "rdp.keyboardLayout",
          "rdp.client.build", "rdp.client.name", "rdp.rt_cookie"]


def compare_tshark(capture, ours, frames):
    rows, mine = dict(frames), {}
    for record in ours:
        rdp = record["rdp"]
        if rdp["event_type"] == "connect_response" or (rdp["event_type"].startswith("initial") and not set(rdp) & {"requested_protocols", "protocol", "protocol_number", "error_code", "cookie_present", "server_supports"}):
            continue
        mine[record["pcap_cnt"]] = rdp
    faults = []
    for frame in sorted(set(mine) | set(rows)):
        if frame not in mine or frame not in rows:
            if frame not in mine and not rows[frame]["rdp.neg_type"] and not rows[frame]["rdp.client.build"]:
                continue
            if frame in mine and list(mine[frame]) == ["tx_id", "event_type", "channels"]:
                continue  # Without core data.
            faults.append(f"{capture.stem} frame {frame}: {'tshark' if frame in rows else 'we'} alone: {mine.get(frame)} {rows.get(frame)}")
            continue
        rdp, row = mine[frame], rows[frame]
        if "client" in rdp:
            client = rdp["client"]
            a = [client["desktop_width"], client["desktop_height"], client.get("client_name", "")]
            b = [int(row["rdp.desktop.width"][0]), int(row["rdp.desktop.height"][0]), row["rdp.client.name"][0]]
            if a != b:
                faults.append(f"{capture.stem} frame {frame}: ours {a} tshark {b}")
        elif rdp["event_type"] == "initial_request":
            if rdp.get("cookie_present", False) != any("mstshash" in c for c in row["rdp.rt_cookie"]):
                faults.append(f"{capture.stem} frame {frame}: cookie: ours {rdp} tshark {row}")
    return faults


if __name__ == "__main__":
    asked = [peers.suricata(compare_suricata, peers.suricata_yaml("rdp", peers.with_parser("rdp"))),
             peers.tshark(compare_tshark, "rdp.neg_type || rdp.client.build || rdp.rt_cookie", FIELDS)]
    sys.exit(peers.run("rdp", captures, asked, collection=peers.CAPTURES, summary=peers.SUMMARY_WITH_PEERS))
