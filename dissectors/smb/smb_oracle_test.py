#!/usr/bin/env python3
"""Foreign captures with SMB and one with every dissected command, read by us, by tshark and by Suricata.

Listed differences: Suricata records every command, and counts them in `id`, we those of COMMANDS and the first 32 files of
a connection; it writes the hosts' systems of SMB 1 and Kerberos' names (THEIRS), which we leave out; SMB 1's names come
with other beginnings (see `normal`). What else only one of us has is in DIFFERS. One that is not listed, or is listed and
does not occur, fails the test. Exit status 77: the program, the captures or both peers are not there.
"""
import collections
import pathlib
import re
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

COMMANDS = {f"SMB1_COMMAND_{name}" for name in ("NEGOTIATE_PROTOCOL", "SESSION_SETUP_ANDX", "TREE_CONNECT_ANDX", "NT_CREATE_ANDX", "LOGOFF_ANDX")}
COMMANDS |= {f"SMB2_COMMAND_{name}" for name in ("NEGOTIATE_PROTOCOL", "SESSION_SETUP", "TREE_CONNECT", "CREATE", "SESSION_LOGOFF")}
# Members that only Suricata writes.
THEIRS = {"id", "request", "response", "kerberos"}
# And only we.
OURS = {"account"}
# capture: (records that only Suricata has, records that only we have, why)
DIFFERS = {}
STATUSES = [0, 0xC0000022, 0xC000006D, 0xC0000064, 0xC000006A, 0xC0000072, 0xC0000234, 0xC0000071, 0xC0000193]


def framed(message):
    return struct.pack(">I", len(message)) + message


def smb2(command, message_id, body, status=0, response=False, tree=0, session=0):
    return framed(struct.pack("<4sHHIHHIIQIIQ16s", b"\xfeSMB", 64, 1, status, command, 1, int(response), 0, message_id, 0xFEFF, tree, session, bytes(16)) + body)


def wide(text):
    return text.encode("utf-16le")


def ntlmssp(kind, user="", domain="", host=""):
    if kind == 1:
        return b"NTLMSSP\0" + struct.pack("<II", 1, 0xE2088297) + bytes(16) + struct.pack("<BBHI", 10, 0, 19041, 0x0F000000)
    if kind == 2:
        return b"NTLMSSP\0" + struct.pack("<IHHII8s8sHHIBBHI", 2, 0, 0, 56, 0xE2898215, b"\7" * 8, bytes(8), 4, 4, 56, 10, 0, 17763, 0x0F000000) + bytes(4)
    parts, at, fields = [b"\0" * 24, b"\1" * 24, wide(domain), wide(user), wide(host), b"\2" * 16], 72, b""
    for part in parts:
        fields += struct.pack("<HHI", len(part), len(part), at)
        at += len(part)
    return b"NTLMSSP\0" + struct.pack("<I", 3) + fields + struct.pack("<IBBHBBBB", 0xE2888215, 10, 0, 19041, 0, 0, 0, 15) + b"".join(parts)


def der(tag, body):
    size = len(body)
    length = bytes([size]) if size < 128 else b"\x81" + bytes([size]) if size < 256 else b"\x82" + struct.pack(">H", size)
    return bytes([tag]) + length + body


NTLM = der(0x06, bytes.fromhex("2b06010401823702020a"))  # 1.3.6.1.4.1.311.2.2.10


def spnego(message):
    """The message in a NegTokenInit, or in a NegTokenResp (RFC 4178, 4.2), as Windows sends them."""
    if message[8] == 1:
        token = der(0x30, der(0xA0, der(0x30, NTLM)) + der(0xA2, der(0x04, message)))
        return der(0x60, der(0x06, bytes.fromhex("2b0601050502")) + der(0xA0, token))
    challenge = der(0xA0, b"\x0a\1\1") + der(0xA1, NTLM) if message[8] == 2 else b""
    return der(0xA1, der(0x30, challenge + der(0xA2, der(0x04, message))))


def session(exchange_id, user, status):
    setup = lambda blob: struct.pack("<HBBIIHHQ", 25, 0, 1, 0, 0, 88, len(blob), 0) + blob  # noqa: E731
    answer = lambda blob: struct.pack("<HHHH", 9, 0, 72, len(blob)) + blob  # noqa: E731
    return [(True, smb2(1, exchange_id, setup(spnego(ntlmssp(1))))), (False, smb2(1, exchange_id, answer(spnego(ntlmssp(2))), 0xC0000016, True, 0, 77)),
            (True, smb2(1, exchange_id + 1, setup(spnego(ntlmssp(3, user, "PLANT", "HMI-1"))), session=77)),
            (False, smb2(1, exchange_id + 1, answer(b"") if status == 0 else struct.pack("<HHI", 9, 0, 0) + b"\0", status, True, 0, 77))]


def exchanges():
    dialects = [0x0202, 0x0210, 0x0300, 0x0302, 0x0311]
    for chosen in dialects:
        ask = struct.pack("<HHHHI16sQ", 36, len(dialects), 1, 0, 0x7F, bytes(range(16)), 0) + struct.pack("<5H", *dialects)
        answer = struct.pack("<HHHH16sIIIIQQHHI", 65, 1, chosen, 0, bytes(range(16, 32)), 0x2F, 8388608, 8388608, 4194304, 133500000000000000, 0, 128, 0, 0)
        exchange = [(True, smb2(0, 0, ask)), (False, smb2(0, 0, answer, response=True))]
        for number, status in enumerate(STATUSES):
            exchange += session(1 + 2 * number, f"user{number}", status)
        for number, (share, kind, status) in enumerate((("\\\\fs\\plans", 1, 0), ("\\\\fs\\IPC$", 2, 0), ("\\\\fs\\printer", 3, 0), ("\\\\fs\\C$", 0, 0xC0000022))):
            path = wide(share)
            exchange.append((True, smb2(3, 40 + number, struct.pack("<HHHH", 9, 0, 72, len(path)) + path, session=77)))
            body = struct.pack("<HBBIII", 16, kind, 0, 0, 0, 0x1F01FF) if status == 0 else struct.pack("<HHI", 9, 0, 0) + b"\0"
            exchange.append((False, smb2(3, 40 + number, body, status, True, 5 + number if status == 0 else 0, 77)))
        for number, (name, disposition, options, status) in enumerate(
                (("plans\\grid.xlsx", 1, 0x40, 0), ("plans", 3, 1, 0), ("new.txt", 2, 0x1000, 0), ("", 1, 0, 0), ("gone.txt", 1, 0, 0xC0000034), ("a", 5, 0, 0xC0000043))):
            path = wide(name)
            body = struct.pack("<HBBIQQIIIIIHHII", 57, 0, 0, 2, 0, 0, 0x12019F, 0, 7, disposition, options, 120, len(path), 0, 0) + (path or b"\0")
            exchange.append((True, smb2(5, 60 + number, body, tree=5, session=77)))
            body = struct.pack("<HBBIQQQQQQII16sII", 89, 0, 0, 1, 133344473600000000, 133344473610000000, 133344473620000000, 133344473630000000, 4096,
                               1234, 0x20, 0, bytes(range(32, 48)), 0, 0) if status == 0 else struct.pack("<HHI", 9, 0, 0) + b"\0"
            exchange.append((False, smb2(5, 60 + number, body, status, True, 5, 77)))
        exchange += [(True, smb2(2, 90, b"\4\0\0\0", session=77)), (False, smb2(2, 90, b"\4\0\0\0", response=True, session=77))]
        yield exchange


def captures(folder):
    frames = []
    for number, exchange in enumerate(exchanges()):
        frames += peers.connection(exchange, 40000 + number, 445)
    return peers.named_in_index(["smb", "smb2"]) + [peers.write_frames(folder / "every-command.pcap", frames)]


def normal(record):
    """The part of a record that both have, as text."""
    smb = {key: value for key, value in record["smb"].items() if key not in THEIRS | OURS}
    first = smb["command"].startswith("SMB1")
    if re.fullmatch("[A-Za-z_0-9]+", smb.get("status", "")):
        smb.pop("status")  # Of the status the number is compared: Suricata has names for more of them.
    if smb.get("status_code") == "0x0000":
        smb["status_code"] = "0x0"
    if smb.get("fuid") == "":  # Of a file that was not opened it writes zeros.
        for key in ("fuid", "created", "accessed", "modified", "changed", "size"):
            smb.pop(key)
    if first:
        smb.pop("size", None)  # Suricata's is the space that the file takes.
        smb.pop("server_guid", None)  # Suricata writes whatever stands there without extended security.
        # It takes the first character of a share for padding.
        for key in ("share", "named_pipe", "filename", "directory"):
            if key in smb:
                smb[key] = smb[key].lstrip("\\")
    for key in ("share", "named_pipe", "filename", "directory"):
        if key in smb:
            smb[key] = smb[key].replace("\n", "")
    return peers.text_of(record, smb=smb)


def compare_suricata(capture, ours, suricata):
    mine = collections.Counter(normal(r) for r in ours)
    theirs = collections.Counter(normal(r) for r in suricata if r["smb"].get("command") in COMMANDS)
    return peers.differences(capture, "Suricata's records", theirs, mine, DIFFERS)


FIELDS = ["smb2.cmd", "smb2.flags.response", "smb2.nt_status", "smb2.dialect", "smb2.tree", "smb2.filename", "ntlmssp.auth.username", "ntlmssp.auth.domain", "ntlmssp.auth.hostname"]


def compare_tshark(capture, ours, frames):
    """Users, shares and statuses of SMB 2, over the whole capture."""
    a, b = collections.Counter(), collections.Counter()
    for record in ours:
        smb = record["smb"]
        if smb["command"].startswith("SMB2"):
            if "ntlmssp" in smb:
                a["user", smb["ntlmssp"]["user"], smb["ntlmssp"]["domain"], smb["ntlmssp"]["host"]] += 1
            if "SESSION_SETUP" in smb["command"] and "status_code" in smb:
                a["setup", int(smb["status_code"], 16)] += 1
            if "TREE_CONNECT" in smb["command"] and "status_code" in smb:
                a["tree", int(smb["status_code"], 16)] += 1
            if "TREE_CONNECT" in smb["command"] and ("share" in smb or "named_pipe" in smb):
                a["path", smb.get("share", smb.get("named_pipe"))] += 1
    null = lambda values: [v.replace("NULL", "") for v in values] or [""]  # noqa: E731
    for _, row in frames:
        if row["ntlmssp.auth.username"]:
            b["user", null(row["ntlmssp.auth.username"])[0], null(row["ntlmssp.auth.domain"])[0], null(row["ntlmssp.auth.hostname"])[0]] += 1
        for command, status in zip(row["smb2.cmd"], row["smb2.nt_status"]):
            if int(status, 16) != 0x103 and command in ("1", "3"):
                b["setup" if command == "1" else "tree", int(status, 16)] += 1
        if row["smb2.cmd"] == ["3"] and row["smb2.tree"] and not row["smb2.nt_status"]:
            b["path", row["smb2.tree"][0]] += 1
    return [f"{capture.stem}: tshark alone {list((b - a).items())[:5]}, ours alone {list((a - b).items())[:5]}"] if a != b else []


if __name__ == "__main__":
    asked = [peers.suricata(compare_suricata, peers.suricata_yaml("smb", peers.with_parser("smb", ", detection-ports: {dp: '139, 445'}"))),
             peers.tshark(compare_tshark, "smb2", FIELDS)]
    sys.exit(peers.run("smb", captures, asked, collection=peers.CAPTURES, summary=peers.SUMMARY_WITH_PEERS))
