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


# --- MQTT, Modbus and TLS

CLIENT_ID, USER, HOME_TOPIC, PAYLOAD = b"meter-4711-ab", b"tanaka.taro", b"house-0815", b"READ-31415926"
REGISTERS, WRITTEN = b"\x4b\x57\x48\x37", 48879  # "KWH7", and a set point.
CERTIFICATE_NAMES = (b"ven-0001", b"Example Home")
SERVER_NAMES = (b"vtn.example.jp", b"Example Energy")


def conversation(client, server, port, turns):
    """Frames of one TCP connection; `turns` are (from the client, bytes)."""
    ends = {True: (client, 40000, server, port), False: (server, port, client, 40000)}
    sequence = {True: 1000, False: 2000}

    def frame(from_client, flags, payload=b""):
        source, source_port, destination, destination_port = ends[from_client]
        segment = packets.tcp(source, source_port, destination, destination_port, sequence[from_client],
                              sequence[not from_client] if flags & packets.ACK else 0, flags, payload)
        sequence[from_client] += len(payload) + (1 if flags & (packets.SYN | packets.FIN) else 0)
        return packets.ethernet(packets.mac("02:00:00:00:00:02"), packets.mac("02:00:00:00:00:10"), 0x0800,
                                packets.ip(source, destination, 6, segment))
    frames = [frame(True, packets.SYN), frame(False, packets.SYN | packets.ACK), frame(True, packets.ACK)]
    for from_client, payload in turns:
        for at in range(0, len(payload), 1400):
            frames.append(frame(from_client, packets.PSH | packets.ACK, payload[at:at + 1400]))
    return frames + [frame(True, packets.FIN | packets.ACK), frame(False, packets.FIN | packets.ACK), frame(True, packets.ACK)]


def text_of(data):
    return len(data).to_bytes(2, "big") + data


def mqtt(kind, body):
    size, length = len(body), b""
    while True:
        size, digit = divmod(size, 128)
        length += bytes([digit | (0x80 if size else 0)])
        if not size:
            return bytes([kind]) + length + body


def sessions_of(folder):
    topic = b"home/" + HOME_TOPIC + b"/power"
    turns = [(True, mqtt(0x10, text_of(b"MQTT") + bytes.fromhex("0486003c") + text_of(CLIENT_ID) + text_of(topic) +
                         text_of(PAYLOAD) + text_of(USER))), (False, mqtt(0x20, b"\0\0")),
             (True, mqtt(0x82, b"\0\1" + text_of(b"home/" + HOME_TOPIC + b"/#") + b"\0")), (False, mqtt(0x90, b"\0\1\0")),
             (True, mqtt(0x30, text_of(topic) + PAYLOAD))]
    frames = conversation("192.168.1.10", "203.0.113.9", 1883, turns)
    ask, told = bytes.fromhex("000100000006010300000002"), bytes.fromhex("000100000007010304") + REGISTERS
    write = bytes.fromhex("0002000000060106000a") + WRITTEN.to_bytes(2, "big")
    frames += conversation("192.168.1.2", "192.168.1.11", 502, [(True, ask), (False, told), (True, write), (False, write)])
    exchange = (cases.SOURCE / "dissectors/tls/corpus/tls_fuzz/tls12_mutual.bin").read_bytes()
    turns = []
    while len(exchange) >= 3:
        length = int.from_bytes(exchange[1:3], "big")
        turns.append((exchange[0] & 1 == 0, exchange[3:3 + length]))
        exchange = exchange[3 + length:]
    for server in ("192.168.1.1", "203.0.113.7"):
        frames += conversation("192.168.1.12", server, 443, turns)
    path = folder / "sessions.pcap"
    packets.write_pcap(path, [(1_800_000_000_000_000_000 + i * 10_000_000, f) for i, f in enumerate(frames)])
    return path


def read_sessions(program, folder, privacy, name):
    site = folder / f"{name}.yaml"
    site.write_text(SITE.format(privacy=privacy), encoding="utf-8")
    done = program.run("read", "-c", site, "-o", folder / name, sessions_of(folder))
    equal(done.status, 0, f"exit status: {done.err}")
    return (folder / name / "eve.json").read_text(encoding="utf-8"), done.out.decode() + done.err


def session_leaks(text):
    secrets = (CLIENT_ID, USER, HOME_TOPIC, PAYLOAD, REGISTERS) + CERTIFICATE_NAMES
    found = [form for secret in secrets for form in plain_forms(secret) if form in text]
    return found + ([str(WRITTEN)] if re.search(rf"\b{WRITTEN}\b", text) else [])


@case
def without_masking_the_sessions_say_who_they_are_of(program, folder):
    text, _ = read_sessions(program, folder, "mask: false", "plain")
    found = session_leaks(text)
    for secret in (CLIENT_ID, USER, HOME_TOPIC, PAYLOAD, REGISTERS) + CERTIFICATE_NAMES:
        check(secret.decode() in found, f"the capture does not show {secret}")
    check(str(WRITTEN) in found, "the capture does not show what was written")


@case
def clients_topics_registers_and_certificates_of_homes_do_not_leak(program, folder):
    (folder / "k.key").write_text("0123456789abcdef", encoding="utf-8")
    (folder / "k.key").chmod(0o600)
    validator = cases.schema_validator()
    for name, privacy in (("blank", ""), ("keyed", "mask: true, key_file: k.key")):
        text, other = read_sessions(program, folder, privacy, name)
        equal(session_leaks(text + other), [], "plain identifiers in the outputs")
        records = [json.loads(line) for line in text.splitlines()]
        for record in records:
            equal(cases.schema_faults(validator, record), [], "faults against the schema")
        kinds = {record["event_type"] for record in records}
        check({"mqtt", "modbus", "tls"} <= kinds, f"there are only records of {sorted(kinds)}")
        for record in records:
            # A public server's name is everybody's; that of a device in the home is not.
            if record["event_type"] == "tls":
                public = record["dest_ip"] == "203.0.113.7"
                for server_name in SERVER_NAMES:
                    equal(server_name.decode() in json.dumps(record["tls"]), public, f"{server_name} at {record['dest_ip']}")
    publish = [r["mqtt"]["publish"]["topic"] for r in records if "publish" in r.get("mqtt", {})]
    filters = [r["mqtt"]["subscribe"]["topics"][0]["topic"] for r in records if "subscribe" in r.get("mqtt", {})]
    check(publish and filters, "no topics")
    equal(publish[0].split("/")[:2], filters[0].split("/")[:2], "pseudonyms of the same levels")
    equal(filters[0].split("/")[2], "#", "the wildcard")


if __name__ == "__main__":
    sys.exit(cases.main(__doc__))
