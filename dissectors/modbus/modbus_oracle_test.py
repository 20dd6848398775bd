#!/usr/bin/env python3
"""Every capture of captures/modbus and one of every function, read by us, by tshark and by Suricata: the same messages and values.

Suricata does not tell the sides of a connection that it meets in its middle: it reads each capture with a handshake put before such
connections. Each difference is listed below with its reason; one that is not listed, or is listed and does not occur, fails the test.
Exit status 77: the program, the captures or both peers are not there.
"""
import collections
import functools
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

CAPTURES = peers.CAPTURES / "modbus"
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
    exchange = []
    for number, (request, answer) in enumerate(EXCHANGES, 1):
        for pdu, from_client in ((request, True), (answer, False)):
            if pdu:
                body = bytes.fromhex(pdu)
                exchange.append((from_client, struct.pack(">HHHB", number, 0, len(body) + 1, 5) + body))
    return peers.write_frames(folder / "every-function.pcap", peers.connection(exchange, 40000, PORT))


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
    return peers.text_of(record, modbus=modbus)


def octets_in(text):
    """How many bytes a string of Suricata's stands for: text where the bytes are UTF-8, else \\xHH for those above 0x7f."""
    escaped = text.count("\\x")
    return len(text.encode()) - 3 * escaped


def compare_suricata(capture, ours, suricata):
    marked = []
    mine = collections.Counter(normal(r, None) for r in ours)
    theirs = collections.Counter(normal(r, marked) for r in suricata)
    faults = []
    if len(marked) != SURICATA_MARKS_REGISTERS.get(capture.stem, 0):
        faults.append(f"{capture.stem}: Suricata marks {len(marked)} register reads; listed {SURICATA_MARKS_REGISTERS.get(capture.stem, 0)}")
    return faults + peers.differences(capture, "Suricata's records", theirs, mine, SURICATA_DIFFERS)


FIELDS = ["ip.src", "tcp.srcport", "tcp.dstport", "mbtcp.trans_id", "mbtcp.unit_id", "modbus.func_code", "modbus.exception_code", "modbus.reference_num",
          "modbus.word_cnt", "modbus.bit_cnt", "modbus.byte_cnt"]


def messages_of_tshark(frames):
    """Identifiers of every message, and the values of those that are alone in their frame."""
    messages, values = collections.Counter(), collections.Counter()
    for _, row in frames:
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


def compare_tshark(capture, ours, said):
    (theirs, their_values), (mine, my_values) = said, messages_of_ours(ours)
    faults = peers.differences(capture, "tshark's messages", theirs, mine, TSHARK_DIFFERS)
    # Functions whose numbers tshark shows under one name each.
    plain = {1, 2, 3, 4, 5, 6, 15, 16}
    differ = [one for one in their_values - my_values if one[2] in plain]
    if len(differ) > (theirs - mine).total():
        faults.append(f"{capture.stem}: values of {len(differ)} messages differ")
        faults += [f"  tshark: {one}" for one in differ[:5]] + [f"  ours:   {one}" for one in list(my_values - their_values)[:5]]
    return faults


def captures(folder):
    return sorted(CAPTURES.glob("*.pcap")) + [write_every_function(folder)]


def count_messages(said):
    return said[0].total()


if __name__ == "__main__":
    configuration = peers.suricata_yaml("modbus", peers.with_parser("modbus", f", detection-ports: {{dp: {PORT}}}"))
    asked = [peers.suricata(compare_suricata, configuration, functools.partial(peers.with_handshakes, service=PORT)),
             peers.tshark(compare_tshark, "modbus", FIELDS, shape=messages_of_tshark, count=count_messages)]
    sys.exit(peers.run("modbus", captures, asked, collection=CAPTURES,
                       summary="{captures} captures, {records} records of ours, {tshark} messages of tshark's, {faults} lines of differences"))
