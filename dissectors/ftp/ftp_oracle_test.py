#!/usr/bin/env python3
"""Every foreign capture with FTP, one of real programs and one of odd forms, read by us, by tshark and by Suricata: the same commands and replies.

data/programs.pcap was made on loopback in a network namespace: curl 7.88 and Python's ftplib against pyftpdlib 1.5.7, over IPv4 and IPv6, active
and passive, with logins that fail. Compared are commands with their arguments, endpoints and first reply, and the lines of replies in
their order, because Suricata ends a reply where a segment does. Each difference is listed below with its reason; one that is not
listed, or is listed and does not occur, fails the test. Exit status 77: the program, or both peers, are not there.
"""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

PROGRAMS = pathlib.Path(__file__).resolve().parent / "data" / "programs.pcap"
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
        frames += peers.connection([(from_client, text.encode("latin-1")) for from_client, text in dialog], 40000 + number, 21)
    return peers.write_frames(folder / "odd-forms.pcap", frames)


def flow_of(record):
    return peers.expanded(record["src_ip"]), record["src_port"], peers.expanded(record["dest_ip"]), record["dest_port"]


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


def compare_suricata(capture, ours, suricata):
    (my_commands, my_replies), (their_commands, their_replies) = from_records(ours), from_records(r for r in suricata if r["event_type"] == "ftp")
    return (peers.differences(capture, "Suricata's commands", their_commands, my_commands, SURICATA_DIFFERS) +
            peers.differences(capture, "Suricata's replies", their_replies, my_replies, SURICATA_DIFFERS, at=2))


FIELDS = ["ip.src", "ipv6.src", "tcp.srcport", "ftp.request.command", "ftp.response.code"]


def from_frames(frames):
    commands, codes = collections.Counter(), collections.Counter()
    for _, row in frames:
        source = ((row["ip.src"] or row["ipv6.src"])[0], int(row["tcp.srcport"][0]))
        commands.update((source, name.upper()) for name in row["ftp.request.command"] if name)
        codes.update((source, code) for code in row["ftp.response.code"] if code)
    return commands, codes


def of_ours_for_tshark(records):
    commands, codes = collections.Counter(), collections.Counter()
    for record in records:
        if "command" in record["ftp"]:
            commands[((record["src_ip"], record["src_port"]), record["ftp"]["command"])] += 1
        codes.update(((record["dest_ip"], record["dest_port"]), code) for code in record["ftp"].get("completion_code", []))
    return commands, codes


def compare_tshark(capture, ours, theirs):
    (their_commands, their_codes), (my_commands, my_codes) = theirs, of_ours_for_tshark(ours)
    return (peers.differences(capture, "tshark's commands", their_commands, my_commands, TSHARK_DIFFERS) +
            peers.differences(capture, "tshark's codes", their_codes, my_codes, TSHARK_DIFFERS, at=2))


def check(capture, ours):
    return [f"{capture.stem}: a secret is written: {record['ftp']['command']}" for record in ours
            if record["ftp"].get("command") in SECRET and "command_data" in record["ftp"]]


def captures(folder):
    return [PROGRAMS, write_odd_forms(folder)] + peers.those_there(FOREIGN)


if __name__ == "__main__":
    asked = [peers.suricata(compare_suricata, peers.suricata_yaml("ftp", peers.with_parser("ftp", ", memcap: 64mb"))),
             peers.tshark(compare_tshark, "ftp", FIELDS, shape=from_frames)]
    sys.exit(peers.run("ftp", captures, asked, check=check))
