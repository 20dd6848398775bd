#!/usr/bin/env python3
"""Every foreign capture with FTP, one of real programs and one of odd forms, read by us, by tshark and by Suricata: the same commands and replies.

data/programs.pcap was made on loopback in a network namespace: curl 7.88 and Python's ftplib against pyftpdlib 1.5.7, over IPv4 and IPv6, active
and passive, with logins that fail. Compared are commands with their arguments, endpoints and first reply, and the lines of replies in
their order, because Suricata ends a reply where a segment does. Each difference is listed below with its reason; one that is not
listed, or is listed and does not occur, fails the test. Exit status 77: the program, or both peers, are not there.
"""
import argparse
import collections
import ipaddress
import json
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
CAPTURES = SOURCE.parent / "shared" / "captures"
FOREIGN = ["net/ndpi-fuzz-2006-06-26-2594.pcap"]

# Members, and commands' names, that only we write; `mode` of passive transfers likewise.
SECRET = {"PASS", "ACCT", "ADAT", "MIC", "CONF", "ENC"}
UNNAMED_BY_SURICATA = {"FEAT", "OPTS", "MLSD", "XYZZY", "FOOB", "SIZE", "MDTM", "MLST"}
# capture: (commands that only Suricata has, that only we have, replies that only Suricata has, that only we have, why)
SURICATA_DIFFERS = {
    "programs": (0, 9, 0, 26, "a connection whose first command is AUTH, and one on which the client says nothing, are none of FTP for Suricata"),
    "odd-forms": (0, 1, 0, 4, "a connection whose first command is AUTH"),
    "ndpi-fuzz-2006-06-26-2594": (0, 4, 0, 8, "mutated addresses: no connection has its handshake, and Suricata reads none"),
}
# capture: (commands that only tshark has, that only we have, codes that only tshark has, that only we have, why)
TSHARK_DIFFERS = {
    "odd-forms": (0, 3, 0, 6, "of a segment with several commands or replies tshark shows the first"),
    "ndpi-fuzz-2006-06-26-2594": (1, 1, 1, 1, "a mutated sequence number lays a segment over the end of a later one: of USER only R is left; behind lost bytes we go on at the next line's end, and tshark "
                                  "takes the segment for a line; a greeting of which tshark knows no connection"),
}


def tcp_frame(client, from_client, cport, seq, ack, flags, payload=b""):
    source, destination = (client, bytes([10, 0, 0, 2])) if from_client else (bytes([10, 0, 0, 2]), client)
    sport, dport = (cport, 21) if from_client else (21, cport)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(payload), 1, 0x4000, 64, 6, 0) + source + destination
    checksum = sum(struct.unpack(">10H", ip))
    checksum = (checksum & 0xFFFF) + (checksum >> 16)
    checksum = ~((checksum & 0xFFFF) + (checksum >> 16)) & 0xFFFF
    ip = ip[:10] + struct.pack(">H", checksum) + ip[12:]
    return bytes(range(12)) + b"\x08\x00" + ip + struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 8192, 0, 0) + payload


ODD_FORMS = [  # (from the client, bytes), connection by connection.
    [(0, "220-Welcome\r\n to the\r\n220 gateway FTP\r\n"), (1, "user bob\r\n"), (0, "331 Password\r\n"), (1, "PASS x\r\n"), (0, "530 Login incorrect.\r\n"),
     (1, "USER bob\r\nPASS y\r\n"), (0, "331 Password\r\n230-Hello\r\n bob\r\n230 in\r\n"), (1, "PASV\r\n"), (0, "227 Entering Passive Mode (10,0,0,2,156,64).\r\n"),
     (1, "LIST -a\r\n"), (0, "150 Here\r\n"), (0, "226 done\r\n"), (1, "EPSV\r\n"), (0, "229 Extended (|||40001|)\r\n"), (1, "PORT 10,0,0,1,200,10\r\n"), (0, "200 ok\r\n"),
     (1, "RETR a.txt\r\n"), (0, "150 open\r\n226 done\r\n"), (1, "EPRT |1|10.0.0.1|51000|\r\n"), (0, "200 ok\r\n"), (1, "FOOB x y\r\n"), (0, "500 what\r\n"),
     (1, "SYST\r\nPWD\r\nTYPE I\r\n"), (0, "215 UNIX\r\n257 \"/\"\r\n200 ok\r\n"), (0, "421 Timeout.\r\n")],
    [(0, "220 hi FTP\r\n"), (1, "AUTH TLS\r\n"), (0, "234 go\r\n"), (1, "\x16\x03\x01\x00\x05hello"), (0, "\x16\x03\x03\x00\x05hello")],
]


def write_odd_forms(folder):
    frames = []
    for number, dialog in enumerate(ODD_FORMS):
        client, cport, cseq, sseq = bytes([10, 0, 0, 1]), 40000 + number, 1000, 2000
        frames += [tcp_frame(client, True, cport, cseq, 0, 2), tcp_frame(client, False, cport, sseq, cseq + 1, 18), tcp_frame(client, True, cport, cseq + 1, sseq + 1, 16)]
        cseq, sseq = cseq + 1, sseq + 1
        for from_client, text in dialog:
            data = text.encode("latin-1")
            frames.append(tcp_frame(client, from_client, cport, cseq if from_client else sseq, sseq if from_client else cseq, 24, data))
            cseq, sseq = (cseq + len(data), sseq) if from_client else (cseq, sseq + len(data))
            frames.append(tcp_frame(client, not from_client, cport, sseq if from_client else cseq, cseq if from_client else sseq, 16))
        frames += [tcp_frame(client, True, cport, cseq, sseq, 17), tcp_frame(client, False, cport, sseq, cseq + 1, 17), tcp_frame(client, True, cport, cseq + 1, sseq + 1, 16)]
    out = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)]
    out += [struct.pack("<IIII", 1700000000, 1000 * i, len(f), len(f)) + f for i, f in enumerate(frames)]
    path = pathlib.Path(folder) / "odd-forms.pcap"
    path.write_bytes(b"".join(out))
    return path


def ours_of(binary, capture):
    done = subprocess.run([binary, "read", "-o", "-", "--events", "ftp", capture], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr[-500:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def suricata_of(capture, folder):
    text = (SOURCE / "bench" / "suricata.yaml").read_text().replace("types: [alert]", "types: [ftp]")
    text = text.replace("    mqtt: {enabled: yes}\n", "    ftp: {enabled: yes, memcap: 64mb}\n")
    configuration = pathlib.Path(folder) / "suricata.yaml"
    configuration.write_text(text)
    log = pathlib.Path(folder) / capture.stem
    log.mkdir()
    subprocess.run(["suricata", "-c", configuration, "-r", capture, "-l", log, "-k", "none"], capture_output=True, timeout=120)
    eve = log / "eve.json"
    records = [json.loads(line) for line in eve.read_text().splitlines()] if eve.exists() else []
    return [r for r in records if r["event_type"] == "ftp"]


def flow_of(record):
    # Suricata writes IPv6 addresses in full.
    return str(ipaddress.ip_address(record["src_ip"])), record["src_port"], str(ipaddress.ip_address(record["dest_ip"])), record["dest_port"]


def from_records(records):
    """Commands that both name; codes and texts of replies, by connection."""
    commands, replies = collections.Counter(), collections.Counter()
    for record in records:
        ftp = record["ftp"]
        name = ftp.get("command")
        if name is not None and name not in UNNAMED_BY_SURICATA:
            active = name in ("PORT", "EPRT")
            commands[(flow_of(record), name, None if name in SECRET else ftp.get("command_data"), ftp.get("dynamic_port"),
                      ftp["mode"] if active else None, (ftp.get("completion_code") or [None])[0])] += 1
        replies.update((flow_of(record), "code", one) for one in ftp.get("completion_code", []))
        # Suricata cuts spaces at a line's end.
        replies.update((flow_of(record), "text", one.rstrip()) for one in ftp.get("reply", []) if one.strip())
    return commands, replies


def tshark_of(capture):
    fields = ["ip.src", "ipv6.src", "tcp.srcport", "ftp.request.command", "ftp.request.arg", "ftp.response.code"]
    command = ["tshark", "-r", str(capture), "-Y", "ftp", "-T", "fields", "-E", "separator=\x1e", "-E", "aggregator=\x1f"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=120)
    commands, codes = collections.Counter(), collections.Counter()
    for row in filter(None, done.stdout.decode("utf-8", "replace").split("\n")):
        ip4, ip6, port, names, _, numbers = row.split("\x1e")
        source = (ip4 or ip6, int(port))
        commands.update((source, name.upper()) for name in names.split("\x1f") if name)
        codes.update((source, code) for code in numbers.split("\x1f") if code)
    return commands, codes


def of_ours_for_tshark(records):
    commands, codes = collections.Counter(), collections.Counter()
    for record in records:
        if "command" in record["ftp"]:
            commands[((record["src_ip"], record["src_port"]), record["ftp"]["command"])] += 1
        codes.update(((record["dest_ip"], record["dest_port"]), code) for code in record["ftp"].get("completion_code", []))
    return commands, codes


def compare(name, kind, theirs, mine, expected):
    only_theirs, only_mine = theirs - mine, mine - theirs
    if (only_theirs.total(), only_mine.total()) == expected:
        return []
    faults = [f"{name}: {kind}: only theirs {only_theirs.total()}, only ours {only_mine.total()} of {mine.total()}; listed {expected}"]
    faults += [f"  theirs: {str(one)[:500]}" for one in list(only_theirs)[:6]] + [f"  ours:   {str(one)[:500]}" for one in list(only_mine)[:6]]
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="")
    binary = parser.parse_args().binary
    peers = [name for name in ("tshark", "suricata") if shutil.which(name)]
    if not binary or not peers:
        print("skipped: no program or no peer")
        return 77
    faults, records = [], 0
    with tempfile.TemporaryDirectory() as folder:
        captures = [HERE / "data" / "programs.pcap", write_odd_forms(folder)] + [CAPTURES / name for name in FOREIGN if (CAPTURES / name).exists()]
        for capture in captures:
            ours = ours_of(binary, capture)
            records += len(ours)
            for record in ours:
                if record["ftp"].get("command") in SECRET and "command_data" in record["ftp"]:
                    faults.append(f"{capture.stem}: a secret is written: {record['ftp']['command']}")
            if "suricata" in peers:
                (their_commands, their_replies), (my_commands, my_replies) = from_records(suricata_of(capture, folder)), from_records(ours)
                expected = SURICATA_DIFFERS.get(capture.stem, (0, 0, 0, 0))
                faults += compare(capture.stem, "Suricata's commands", their_commands, my_commands, expected[:2])
                faults += compare(capture.stem, "Suricata's replies", their_replies, my_replies, expected[2:4])
            if "tshark" in peers:
                (their_commands, their_codes), (my_commands, my_codes) = tshark_of(capture), of_ours_for_tshark(ours)
                expected = TSHARK_DIFFERS.get(capture.stem, (0, 0, 0, 0))
                faults += compare(capture.stem, "tshark's commands", their_commands, my_commands, expected[:2])
                faults += compare(capture.stem, "tshark's codes", their_codes, my_codes, expected[2:4])
    print("\n".join(faults))
    print(f"{len(captures)} captures, {records} records of ours, {len(faults)} lines of differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
