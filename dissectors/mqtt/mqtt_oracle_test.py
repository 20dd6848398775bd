#!/usr/bin/env python3
"""Every capture of captures/mqtt and one of every packet, read by us, by tshark and by Suricata: the same packets and values.

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
CAPTURES = SOURCE.parent / "shared" / "captures" / "mqtt"
PORT = 1883
OTHER_PORT = 17501  # In ndpi-coap_mqtt; we know MQTT by its CONNECT, the peers by the port.

# Members that only we write, anywhere in the object; and the one that we never write.
OURS = {"malformed", "keep_alive", "message_bytes", "no_local", "retain_as_published", "retain_handling", "user_properties", "authentication_data_bytes"}
NEVER_OURS = {"password", "authentication_data"}
# capture: (records that only Suricata has, records that only we have, why)
SURICATA_DIFFERS = {
    "ndpi-coap_mqtt": (18, 0, "connections met in their middle on another port than 1883: without a CONNECT we do not take them for MQTT"),
    "suri-mqtt5-excessiveproplen": (1, 3, "the first packet's properties are longer than it: Suricata ends there, we read on with the next packet"),
    "suri-mqtt5-unsub-userpass": (1, 1, "the reason of a DISCONNECT that has nothing else: Suricata 7.0.10 always writes 0"),
    "zeek-mqtt": (1, 2, "a client that ends its direction before the CONNACK: the two packets are records of their own"),
}
# capture: (packets and values that only tshark has, that only we have, why)
TSHARK_DIFFERS = {
    "ndpi-coap_mqtt": (268, 0, "connections met in their middle on another port than 1883: without a CONNECT we do not take them for MQTT"),
}


def ours_of(binary, capture):
    done = subprocess.run([binary, "read", "-o", "-", "--events", "mqtt", capture], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr[-500:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def suricata_of(capture, folder):
    text = (SOURCE / "bench" / "suricata.yaml").read_text().replace("types: [alert]", "types: [mqtt]")
    text = text.replace("mqtt: {enabled: yes}", f'mqtt: {{enabled: yes, detection-ports: {{dp: "{PORT},{OTHER_PORT}"}}}}')
    configuration = pathlib.Path(folder) / "suricata.yaml"
    configuration.write_text(text)
    log = pathlib.Path(folder) / capture.stem
    log.mkdir()
    if capture.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a":  # A pcapng in spite of its name.
        plain = pathlib.Path(folder) / capture.name
        subprocess.run(["tshark", "-r", capture, "-F", "pcap", "-w", plain], capture_output=True, timeout=60)
        capture = plain
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


def string(text):
    data = text.encode()
    return struct.pack(">H", len(data)) + data


def packet(first, body=b""):
    length, left = b"", len(body)
    while True:
        length += bytes([left % 128 | (128 if left > 127 else 0)])
        left //= 128
        if not left:
            return bytes([first]) + length + body


HEX = bytes.fromhex
# Connections: packets of the client (True) and of the server.
CONNECTIONS = [
    [(True, packet(0x10, string("MQTT") + HEX("04ee003c") + string("meter-1") + string("last/words") + string("bye\x00\x01") + string("user") + string("secret"))),
     (False, HEX("20020100")),
     (True, packet(0x82, HEX("0001") + string("home/#") + b"\x01" + string("a/+/b") + b"\x02")), (False, HEX("9004000101" "80")),
     (True, packet(0x3D, string("home/power") + HEX("0002") + b"4\xff2" + b"\xc3\xa9")), (False, HEX("50020002")), (True, HEX("62020002")), (False, HEX("70020002")),
     (False, packet(0x32, string("to/client") + HEX("0003") + b"\"quoted\"\n")), (True, HEX("40020003")),
     (True, packet(0xA2, HEX("0004") + string("home/#"))), (False, HEX("b0020004")), (True, HEX("c000")), (False, HEX("d000")), (True, HEX("e000"))],
    [(True, packet(0x10, string("MQTT") + HEX("0506003c") + b"\x19" + HEX("110000022b2100de26") + string("zone") + string("3") + HEX("2203e7" "1701" "1901")
             + string("meter-2") + b"\x13" + HEX("0101" "0200000085" "18000000c8" "03") + string("text") + string("w/t") + string("gone"))),
     (False, packet(0x20, HEX("0000") + b"\x13" + HEX("13000a" "2401" "2501" "2800" "2900" "2a01" "210014" "22000a"))),
     (True, packet(0x82, HEX("0001" "020b05") + string("x/y") + b"\x01")), (False, HEX("9004000100" "01")),
     (True, packet(0x34, string("x/y") + HEX("0002") + b"\x0e" + HEX("230001" "08") + string("r/t") + HEX("09") + string("id") + b"payload")), (False, HEX("5003000200")),
     (True, HEX("6203000200")), (False, packet(0x70, HEX("000200") + b"\x06" + HEX("1f") + string("ok!"))),
     (True, packet(0xA2, HEX("0003" "00") + string("x/y") + string("z"))), (False, HEX("b005000300" "0011")),
     (True, packet(0xF0, HEX("18") + b"\x08" + HEX("15") + string("SCRAM"))), (True, HEX("e0020400"))],
]


def write_every_packet(folder):
    """A capture with a connection of 3.1.1 and one of 5."""
    client, server, macs = bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]), bytes(range(12)) + b"\x08\x00"
    back = macs[6:12] + macs[:6] + macs[12:]
    frames = []
    for port, packets in enumerate(CONNECTIONS, 40000):
        cseq, sseq = 1000, 2000
        ask = lambda flags, payload=b"": tcp_frame(macs, client, server, port, PORT, cseq, sseq, flags, payload)  # noqa: E731, B023
        say = lambda flags, payload=b"": tcp_frame(back, server, client, PORT, port, sseq, cseq, flags, payload)  # noqa: E731, B023
        frames.append(tcp_frame(macs, client, server, port, PORT, cseq - 1, 0, 2))
        frames.append(tcp_frame(back, server, client, PORT, port, sseq - 1, cseq, 18))
        frames.append(ask(16))
        for from_client, payload in packets:
            frames.append(ask(24, payload) if from_client else say(24, payload))
            cseq, sseq = (cseq + len(payload), sseq) if from_client else (cseq, sseq + len(payload))
        frames += [ask(17), say(17)]
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    out += [struct.pack("<IIII", 1700000000, 1000 * i, len(f), len(f)) + f for i, f in enumerate(frames)]
    path = pathlib.Path(folder) / "every-packet.pcap"
    path.write_bytes(b"".join(out))
    return path


def without(value, names):
    if isinstance(value, dict):
        return {key: without(inner, names) for key, inner in value.items() if key not in names}
    return [without(inner, names) for inner in value] if isinstance(value, list) else value


def normal(record):
    """The part of a record that both have, as text."""
    mqtt = without(record["mqtt"], OURS)
    connect = mqtt.get("connect", {})
    # A flag of that name says that there is one; the value is Suricata's alone.
    for name in NEVER_OURS:
        connect.pop(name, None)
    for inner in mqtt.values():
        inner.get("properties", {}).pop("authentication_data", None)
    connect.get("will", {}).pop("qos", None)
    return json.dumps({"src": record["src_port"], "dest": record["dest_port"], "mqtt": mqtt}, sort_keys=True)


def compare_suricata(capture, ours, suricata):
    mine, theirs = collections.Counter(map(normal, ours)), collections.Counter(map(normal, suricata))
    only_theirs, only_mine = theirs - mine, mine - theirs
    expected = SURICATA_DIFFERS.get(capture.stem, (0, 0, ""))
    if (only_theirs.total(), only_mine.total()) == expected[:2]:
        return []
    faults = [f"{capture.stem}: only Suricata {only_theirs.total()}, only ours {only_mine.total()} of {mine.total()}; listed {expected[:2]}"]
    faults += [f"  Suricata: {text[:1500]}" for text in list(only_theirs)[:4]] + [f"  ours:     {text[:1500]}" for text in list(only_mine)[:4]]
    return faults


FIELDS = ["frame.number", "tcp.srcport", "mqtt.msgtype", "mqtt.qos", "mqtt.msgid", "mqtt.topic", "mqtt.clientid", "mqtt.username", "mqtt.willtopic", "mqtt.kalive",
          "mqtt.conack.val", "mqtt.connack.reason_code", "mqtt.ver"]
AGGREGATOR, SEPARATOR = "\x1f", "\x1e"
NAMES = ["", "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback", "unsubscribe", "unsuback", "pingreq", "pingresp",
         "disconnect", "auth"]


def tshark_of(capture):
    command = ["tshark", "-r", str(capture), "-d", f"tcp.port=={OTHER_PORT},mqtt", "-Y", "mqtt", "-T", "fields", "-E", f"aggregator={AGGREGATOR}", "-E", f"separator={SEPARATOR}"]
    for field in FIELDS:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=60)
    rows = []
    for line in done.stdout.decode("utf-8", "replace").split("\n"):
        if line:
            rows.append(dict(zip(FIELDS, [v.split(AGGREGATOR) if v else [] for v in line.split(SEPARATOR)])))
    return rows


def packets_of_tshark(rows):
    """Packets by type, and every value by its kind: our records have several packets, and frames too."""
    found = collections.Counter()
    for row in rows:
        for kind in row["mqtt.msgtype"]:
            found[("type", NAMES[int(kind)])] += 1
        for field, kind in (("mqtt.msgid", "id"), ("mqtt.topic", "topic"), ("mqtt.clientid", "client"), ("mqtt.username", "user"), ("mqtt.willtopic", "will"),
                            ("mqtt.kalive", "alive"), ("mqtt.conack.val", "code"), ("mqtt.connack.reason_code", "code"), ("mqtt.ver", "version")):
            for value in row[field]:
                found[(kind, value)] += 1
    return found


def packets_of_ours(records):
    found = collections.Counter()
    for record in records:
        members = {key: value for key, value in record["mqtt"].items() if key != "malformed"}
        if not members:
            found[("type", "")] += 1
        for name, one in members.items():
            found[("type", name)] += 1
            topics = [t if isinstance(t, str) else t["topic"] for t in one.get("topics", [])]
            if "topic" in one:
                topics.append(one["topic"])
            for topic in topics:
                found[("topic", topic)] += 1
            for member, kind in (("message_id", "id"), ("client_id", "client"), ("username", "user"), ("keep_alive", "alive"), ("protocol_version", "version")):
                if member in one:
                    found[(kind, str(one[member]))] += 1
            if "return_code" in one:
                found[("code", str(one["return_code"]))] += 1
            if "topic" in one.get("will", {}):
                found[("will", one["will"]["topic"])] += 1
    return found


def compare_tshark(capture, ours, rows):
    theirs, mine = packets_of_tshark(rows), packets_of_ours(ours)
    only_theirs, only_mine = theirs - mine, mine - theirs
    expected = TSHARK_DIFFERS.get(capture.stem, (0, 0, ""))
    if (only_theirs.total(), only_mine.total()) == expected[:2]:
        return []
    return [f"{capture.stem}: only tshark {only_theirs.total()} {dict(only_theirs)}, only ours {dict(only_mine)}; listed {expected[:2]}"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="")
    binary = parser.parse_args().binary
    peers = [name for name in ("tshark", "suricata") if shutil.which(name)]
    if not binary or not CAPTURES.is_dir() or not peers:
        print("skipped: no program, no captures or no peer")
        return 77
    faults, records, packets = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        captures = sorted(CAPTURES.glob("*.pcap")) + [write_every_packet(folder)]
        for capture in captures:
            ours = ours_of(binary, capture)
            if any(secret in json.dumps(ours) for secret in ('"pass"', "secret", "SharedAccessSignature")):
                faults.append(f"{capture.stem}: a password is written")
            records += len(ours)
            if "suricata" in peers:
                faults += compare_suricata(capture, ours, suricata_of(capture, folder))
            if "tshark" in peers:
                rows = tshark_of(capture)
                packets += sum(len(row["mqtt.msgtype"]) for row in rows)
                faults += compare_tshark(capture, ours, rows)
    print("\n".join(faults))
    print(f"{len(captures)} captures, {records} records of ours, {packets} packets of tshark's, {len(faults)} lines of differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
