#!/usr/bin/env python3
"""Every capture of captures/mqtt and one of every packet, read by us, by tshark and by Suricata: the same packets and values.

Suricata does not tell the sides of a connection that it meets in its middle: it reads each capture with a handshake put before such
connections. Each difference is listed below with its reason; one that is not listed, or is listed and does not occur, fails the test.
Exit status 77: the program, the captures or both peers are not there.
"""
import collections
import json
import pathlib
import struct
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

CAPTURES = peers.CAPTURES / "mqtt"
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
    frames = []
    for port, exchange in enumerate(CONNECTIONS, 40000):
        frames += peers.connection(exchange, port, PORT)
    return peers.write_frames(folder / "every-packet.pcap", frames)


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
    return peers.differences(capture, "Suricata's records", theirs, mine, SURICATA_DIFFERS)


FIELDS = ["tcp.srcport", "mqtt.msgtype", "mqtt.qos", "mqtt.msgid", "mqtt.topic", "mqtt.clientid", "mqtt.username", "mqtt.willtopic", "mqtt.kalive",
          "mqtt.conack.val", "mqtt.connack.reason_code", "mqtt.ver"]
NAMES = ["", "connect", "connack", "publish", "puback", "pubrec", "pubrel", "pubcomp", "subscribe", "suback", "unsubscribe", "unsuback", "pingreq", "pingresp",
         "disconnect", "auth"]


def packets_of_tshark(frames):
    """Packets by type, and every value by its kind: our records have several packets, and frames too."""
    found = collections.Counter()
    for _, row in frames:
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


def compare_tshark(capture, ours, packets):
    return peers.differences(capture, "tshark's packets and values", packets, packets_of_ours(ours), TSHARK_DIFFERS)


def check(capture, ours):
    written = any(secret in json.dumps(ours) for secret in ('"pass"', "secret", "SharedAccessSignature"))
    return [f"{capture.stem}: a password is written"] if written else []


def captures(folder):
    return sorted(CAPTURES.glob("*.pcap")) + [write_every_packet(folder)]


def with_handshakes(path, folder):
    if path.read_bytes()[:4] == b"\x0a\x0d\x0d\x0a":  # A pcapng in spite of its name.
        plain = pathlib.Path(folder) / path.name
        subprocess.run(["tshark", "-r", path, "-F", "pcap", "-w", plain], capture_output=True, timeout=peers.PEER_SECONDS_MAX)
        path = plain
    return peers.with_handshakes(path, folder, PORT)


def count_packets(packets):
    return sum(count for (kind, _), count in packets.items() if kind == "type")


if __name__ == "__main__":
    configuration = peers.suricata_yaml("mqtt", ("mqtt: {enabled: yes}", f'mqtt: {{enabled: yes, detection-ports: {{dp: "{PORT},{OTHER_PORT}"}}}}'))
    asked = [peers.suricata(compare_suricata, configuration, with_handshakes),
             peers.tshark(compare_tshark, "mqtt", FIELDS, ["-d", f"tcp.port=={OTHER_PORT},mqtt"], packets_of_tshark, count_packets)]
    sys.exit(peers.run("mqtt", captures, asked, collection=CAPTURES, check=check,
                       summary="{captures} captures, {records} records of ours, {tshark} packets of tshark's, {faults} lines of differences"))
