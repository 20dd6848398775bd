#!/usr/bin/env python3
"""Every capture of captures/modbus and one of every function, read by us, by tshark and by Suricata: the same messages and values.

Suricata does not tell the sides of a connection that it meets in its middle: it reads each capture with a handshake put before such
connections. Each difference is listed below with its reason; one that is not listed, or is listed and does not occur, fails the test.
Exit status 77: the program, the captures or both peers are not there.
"""
import argparse
import collections
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = SOURCE.parent / "shared" / "captures" / "modbus"
PORT = 502

# Members that only we write.
OURS = {"malformed", "device_id", "file_records", "umas"}
# capture: (records that only Suricata has, records that only we have, why)
SURICATA_DIFFERS = {
    "iti-modbus_test_2": (1, 531, "a connection with more than 500 requests whose answers were not captured: Suricata reads no further (flooded)"),
    "zeek-fuzz-1011": (0, 4, "minutes lie between the packets: each begins a connection anew, and only the first one has its handshake"),
}
# Suricata 7.0.10 holds the bytes of register reads against an eighth of the quantity, as if they were bits: capture: answers
# that it marks DATA_VALUE and that have exactly the bytes of their request.
SURICATA_MARKS_REGISTERS = {"iti-modbus_test": 1052, "iti-modbus_test_2": 1231, "every-function": 2}
# capture: (messages that only tshark has, messages that only we have, why)
TSHARK_DIFFERS = {
    "zeek-fuzz-1011": (0, 1, "frame 4 goes far back in sequence: tshark takes it for a retransmission; for us minutes later it is a new connection"),
    "zeek-modbusBig": (0, 1, "an answer captured behind its acknowledgement: tshark takes it for a retransmission"),
}


def ours_of(binary, capture):
    done = subprocess.run([binary, "read", "-o", "-", "--events", "modbus", capture], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr[-500:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def suricata_of(capture, folder):
    text = (SOURCE / "bench" / "suricata.yaml").read_text().replace("types: [alert]", "types: [modbus]")
    text = text.replace("    mqtt: {enabled: yes}\n", "    modbus: {enabled: yes, detection-ports: {dp: 502}}\n")
    configuration = pathlib.Path(folder) / "suricata.yaml"
    configuration.write_text(text)
    log = pathlib.Path(folder) / capture.stem
    log.mkdir()
    subprocess.run(["suricata", "-c", configuration, "-r", with_handshakes(capture, folder), "-l", log, "-k", "none"], capture_output=True, timeout=120)
    eve = log / "eve.json"
    return [json.loads(line) for line in eve.read_text().splitlines()] if eve.exists() else []


def packets_of(capture):
    data = capture.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    at, packets = 24, []
    while at + 16 <= len(data):
        head = struct.unpack(order + "IIII", data[at:at + 16])
        packets.append((head[0], head[1], head[3], data[at + 16:at + 16 + head[2]]))
        at += 16 + head[2]
    return order, data[:24], packets


def tcp_of(frame):
    """Link header's length, source, destination, ports, sequence and acknowledgement numbers and flags of an IPv4 TCP frame."""
    link = 18 if frame[12:14] == b"\x81\x00" else 14
    if len(frame) < link + 40 or frame[link - 2:link] != b"\x08\x00" or frame[link + 9] != 6:
        return None
    begin = link + (frame[link] & 15) * 4
    sport, dport, seq, ack, _, flags = struct.unpack(">HHIIBB", frame[begin:begin + 14])
    return link, frame[link + 12:link + 16], frame[link + 16:link + 20], sport, dport, seq, ack, flags


def tcp_frame(ethernet, source, destination, sport, dport, seq, ack, flags, payload=b""):
    total = 40 + len(payload)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, total, 1, 0x4000, 64, 6, 0) + source + destination
    checksum = sum(struct.unpack(">10H", ip))
    checksum = (checksum & 0xFFFF) + (checksum >> 16)
    checksum = ~((checksum & 0xFFFF) + (checksum >> 16)) & 0xFFFF
    ip = ip[:10] + struct.pack(">H", checksum) + ip[12:]
    return ethernet + ip + struct.pack(">HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, 0x50, flags, 8192, 0, 0) + payload


def with_handshakes(capture, folder):
    order, head, packets = packets_of(capture)
    out, known = [head], set()
    for seconds, fraction, length, frame in packets:
        tcp = tcp_of(frame)
        if tcp is not None:
            link, source, destination, sport, dport, seq, ack, flags = tcp
            key = frozenset([(source, sport), (destination, dport)])
            if key not in known and flags & 0x12 != 2:
                client = dport == PORT
                here, there = frame[:link], frame[6:12] + frame[:6] + frame[12:link]
                c = (here if client else there, source if client else destination, destination if client else source, sport if client else dport,
                     dport if client else sport)
                s = (there if client else here, c[2], c[1], c[4], c[3])
                cseq, sseq = (seq, ack) if client else (ack, seq + (flags >> 1 & 1))
                for one in (tcp_frame(*c, cseq - 1, 0, 2), tcp_frame(*s, sseq - 1, cseq, 18), tcp_frame(*c, cseq, sseq, 16)):
                    out.append(struct.pack(order + "IIII", seconds, fraction, len(one), len(one)) + one)
            known.add(key)
        out.append(struct.pack(order + "IIII", seconds, fraction, len(frame), length) + frame)
    path = pathlib.Path(folder) / (capture.stem + "-handshakes.pcap")
    path.write_bytes(b"".join(out))
    return path


EXCHANGES = [  # Request and answer of every function, as hexadecimal; an empty answer: none comes.
    ("0100130013", "0103cd6b05"), ("0200c40016", "0203acdb35"), ("03006b0003", "0306022b00000064"), ("0400080001", "0402000a"),
    ("0500acff00", "0500acff00"), ("0600010003", "0600010003"), ("07", "076d"), ("0800000a0b", "0800000a0b"), ("080001ff00", "080001ff00"),
    ("0800020000", "080002001f"), ("0800032c00", "0800032c00"), ("0800040000", ""), ("08000a0000", "08000a0000"), ("08000b0000", "08000b0003"),
    ("0800160000", "880301"[:4]), ("0b", "0bffff0108"), ("0c", "0c080000010801212000"), ("0f0013000a02cd01", "0f0013000a"),
    ("100001000204000a0102", "1000010002"), ("11", "11030102ff"), ("140e0600040001000206000300090002", "140c05060dfe0020050633cd0040"),
    ("150d0600040007000306af04be100d", "150d0600040007000306af04be100d"), ("16000400f20025", "16000400f20025"),
    ("1700030006000e00030600ff00ff00ff", "170c00fe0acd00010003000d00ff"), ("1804de", "1800060002" "01b81284"),
    ("2b0e0100", "2b0e010100000300024141010141020241" "42"), ("2b0d0102", "2b0d0102"), ("410102", "410304"), ("5a0002", "5afe0102"),
    ("0500acff00", "8502"), ("0300000001", "8306"), ("0300000001", "830a"), ("0900", "0901"), ("0d00", "8d01"), ("1300", "1301"), ("6400", "e401"),
]


def write_every_function(folder):
    """A capture of one connection with an exchange of each function."""
    client, server, macs = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]), bytes(range(12)) + b"\x08\x00"
    back = macs[6:12] + macs[:6] + macs[12:]
    frames, cseq, sseq = [], 1000, 2000
    ask = lambda flags, payload=b"": tcp_frame(macs, client, server, 40000, PORT, cseq, sseq, flags, payload)  # noqa: E731
    say = lambda flags, payload=b"": tcp_frame(back, server, client, PORT, 40000, sseq, cseq, flags, payload)  # noqa: E731
    cseq -= 1
    frames.append(tcp_frame(macs, client, server, 40000, PORT, cseq, 0, 2))
    cseq, sseq = cseq + 1, sseq - 1
    frames.append(say(18))
    sseq += 1
    frames.append(ask(16))
    for number, (request, answer) in enumerate(EXCHANGES, 1):
        for pdu, from_client in ((request, True), (answer, False)):
            if not pdu:
                continue
            body = bytes.fromhex(pdu)
            adu = struct.pack(">HHHB", number, 0, len(body) + 1, 5) + body
            frames.append(ask(24, adu) if from_client else say(24, adu))
            cseq, sseq = (cseq + len(adu), sseq) if from_client else (cseq, sseq + len(adu))
    frames += [ask(17), say(17)]
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    out += [struct.pack("<IIII", 1700000000, 1000 * i, len(f), len(f)) + f for i, f in enumerate(frames)]
    path = pathlib.Path(folder) / "every-function.pcap"
    path.write_bytes(b"".join(out))
    return path


def normal(record, marked):
    """The part of a record that both have, as text."""
    modbus = {"id": record["modbus"]["id"]}
    for side in ("request", "response"):
        if side not in record["modbus"]:
            continue
        message = {key: value for key, value in record["modbus"][side].items() if key not in OURS}
        if "mei" in message:
            message["mei"] = {key: value for key, value in message["mei"].items() if key not in OURS}
        modbus[side] = message
    if marked is not None and "request" in modbus and "response" in modbus and modbus["response"]["error_flags"] == "DATA_VALUE":
        quantity = modbus["request"].get("read", {}).get("quantity", 0)
        text = modbus["response"].get("read", {}).get("data")
        if modbus["response"]["function_raw"] in (3, 4) and text is not None and octets_in(text) == 2 * quantity:
            modbus["response"]["error_flags"] = "NONE"
            marked.append(record)
    return json.dumps({"src": [record["src_ip"], record["src_port"]], "dest": [record["dest_ip"], record["dest_port"]], "modbus": modbus}, sort_keys=True)


def octets_in(text):
    """How many bytes a string of Suricata's stands for: text where the bytes are UTF-8, else \\xHH for those above 0x7f."""
    escaped = text.count("\\x")
    return len(text.encode()) - 3 * escaped


def compare_suricata(capture, ours, suricata):
    marked = []
    mine = collections.Counter(normal(r, None) for r in ours)
    theirs = collections.Counter(normal(r, marked) for r in suricata)
    only_theirs, only_mine = theirs - mine, mine - theirs
    faults = []
    if len(marked) != SURICATA_MARKS_REGISTERS.get(capture.stem, 0):
        faults.append(f"{capture.stem}: Suricata marks {len(marked)} register reads; listed {SURICATA_MARKS_REGISTERS.get(capture.stem, 0)}")
    expected = SURICATA_DIFFERS.get(capture.stem, (0, 0, ""))
    if (only_theirs.total(), only_mine.total()) == expected[:2]:
        return faults
    faults.append(f"{capture.stem}: only Suricata {only_theirs.total()}, only ours {only_mine.total()} of {mine.total()}; listed {expected[:2]}")
    faults += [f"  Suricata: {text[:900]}" for text in list(only_theirs)[:4]] + [f"  ours:     {text[:900]}" for text in list(only_mine)[:4]]
    return faults


FIELDS = ["ip.src", "tcp.srcport", "tcp.dstport", "mbtcp.trans_id", "mbtcp.unit_id", "modbus.func_code", "modbus.exception_code", "modbus.reference_num",
          "modbus.word_cnt", "modbus.bit_cnt", "modbus.byte_cnt"]
AGGREGATOR, SEPARATOR = "\x1f", "\x1e"


def tshark_of(capture):
    command = ["tshark", "-r", str(capture), "-Y", "modbus", "-T", "fields", "-E", f"aggregator={AGGREGATOR}", "-E", f"separator={SEPARATOR}"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=120)
    rows = []
    for line in done.stdout.decode("utf-8", "replace").split("\n"):
        if line:
            rows.append(dict(zip(FIELDS, [v.split(AGGREGATOR) if v else [] for v in line.split(SEPARATOR)])))
    return rows


def messages_of_tshark(rows):
    """Identifiers of every message, and the values of those that are alone in their frame."""
    messages, values = collections.Counter(), collections.Counter()
    for row in rows:
        count = len(row["mbtcp.trans_id"])
        request = row["tcp.dstport"] == [str(PORT)]
        for i in range(count):
            messages[(request, row["ip.src"][0], row["tcp.srcport"][0], int(row["mbtcp.trans_id"][i]), int(row["mbtcp.unit_id"][i]), int(row["modbus.func_code"][i], 0))] += 1
        if count == 1 and len(row["modbus.func_code"]) == 1:
            function = int(row["modbus.func_code"][0], 0)
            numbers = tuple(int(row[f][0], 0) for f in ("modbus.exception_code", "modbus.reference_num") if row[f])
            if function in (1, 2, 3, 4, 5, 6, 15, 16):
                numbers += tuple(int(v, 0) for f in ("modbus.word_cnt", "modbus.bit_cnt") for v in row[f][:1])
            values[(request, int(row["mbtcp.trans_id"][0]), function, numbers)] += 1
    return messages, values


def messages_of_ours(records):
    messages, values = collections.Counter(), collections.Counter()
    for record in records:
        for side, end in (("request", "src"), ("response", "dest")):
            message = record["modbus"].get(side)
            if message is None:
                continue
            request = side == "request"
            # tshark shows an exception's function without its bit.
            function = message["function_raw"] & 0x7F if not request else message["function_raw"]
            messages[(request, record[end + "_ip"], str(record[end + "_port"]), message["transaction_id"], message["unit_id"], function)] += 1
            numbers = (message["exception"]["raw"],) if "exception" in message else ()
            read, write = message.get("read", {}), message.get("write", {})
            if function in (1, 2, 3, 4, 5, 6, 15, 16, 22):
                one = write if "address" in write else read
                numbers += (one["address"],) if "address" in one else ()
                if function in (1, 2, 3, 4) and "quantity" in one:
                    numbers += (one["quantity"],)
                if function in (15, 16) and one:
                    numbers += (one.get("quantity", one.get("data")),)
            values[(request, message["transaction_id"], function, numbers)] += 1
    return messages, values


def compare_tshark(capture, ours, rows):
    (theirs, their_values), (mine, my_values) = messages_of_tshark(rows), messages_of_ours(ours)
    expected = TSHARK_DIFFERS.get(capture.stem, (0, 0, ""))
    only_theirs, only_mine = theirs - mine, mine - theirs
    faults = []
    if (only_theirs.total(), only_mine.total()) != expected[:2]:
        faults.append(f"{capture.stem}: only tshark {only_theirs.total()}, only ours {only_mine.total()} of {mine.total()}; listed {expected[:2]}")
        faults += [f"  tshark: {one}" for one in list(only_theirs)[:5]] + [f"  ours:   {one}" for one in list(only_mine)[:5]]
    # Functions whose numbers tshark shows under one name each.
    plain = {1, 2, 3, 4, 5, 6, 15, 16}
    differ = [one for one in their_values - my_values if one[2] in plain]
    allowed = only_theirs.total()
    if len(differ) > allowed:
        faults.append(f"{capture.stem}: values of {len(differ)} messages differ")
        faults += [f"  tshark: {one}" for one in differ[:5]] + [f"  ours:   {one}" for one in list(my_values - their_values)[:5]]
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="")
    binary = parser.parse_args().binary
    peers = [name for name in ("tshark", "suricata") if shutil.which(name)]
    if not binary or not CAPTURES.is_dir() or not peers:
        print("skipped: no program, no captures or no peer")
        return 77
    faults, records, messages = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        captures = sorted(CAPTURES.glob("*.pcap")) + [write_every_function(folder)]
        for capture in captures:
            ours = ours_of(binary, capture)
            records += len(ours)
            if "suricata" in peers:
                faults += compare_suricata(capture, ours, suricata_of(capture, folder))
            if "tshark" in peers:
                rows = tshark_of(capture)
                messages += sum(len(row["mbtcp.trans_id"]) for row in rows)
                faults += compare_tshark(capture, ours, rows)
    print("\n".join(faults))
    print(f"{len(captures)} captures, {records} records of ours, {messages} messages of tshark's, {len(faults)} lines of differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
