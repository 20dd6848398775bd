#!/usr/bin/env python3
"""Foreign captures with SNMP and one with every kind of message, read by us, by tshark and by Suricata: the same fields.

Listed differences: Suricata writes the community and the user, we that they are there (OURS, SECRETS); what only one of
us reads is in DIFFERS. One that is not listed, or is listed and does not occur, fails the test. Exit status 77: the
program, the captures or both peers are not there.
"""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

# Members that only we write.
OURS = {"community_present", "usm_present", "error_status", "error_index", "request_id", "non_repeaters", "max_repetitions", "trap_number",
        "trap_specific", "varbinds", "security_level", "security_model", "malformed"}
# Suricata's members that let somebody in: of ours the presence is compared.
SECRETS = {"community": "community_present", "usm": "usm_present"}
VARS_MAX = 32
# Suricata names the errors of version 1 only (RFC 1157, 4.1.1), and writes its parser's type for those of RFC 3416, 3.
ERRORS = ["NoAccess", "WrongType", "WrongLength", "WrongEncoding", "WrongValue", "NoCreation", "InconsistentValue", "ResourceUnavailable", "CommitFailed",
          "UndoFailed", "AuthorizationError", "NotWritable", "InconsistentName"]
# capture: (records that only Suricata has, records that only we have, why)
DIFFERS = {
}
KINDS = ["get_request", "get_next_request", "response", "set_request", "trap_v1", "get_bulk_request", "inform_request", "trap_v2", "report"]


def tlv(tag, *parts):
    value = b"".join(parts)
    length = bytes([len(value)]) if len(value) < 128 else bytes([0x82]) + len(value).to_bytes(2, "big")
    return bytes([tag]) + length + value


def integer(value):
    return tlv(2, value.to_bytes(max(1, (value.bit_length() + 8) // 8), "big", signed=True))


def varbind(oid="2b06010201010500"):
    return tlv(0x30, tlv(6, bytes.fromhex(oid)), b"\5\0")


def pdu(kind, count=1, status=0, index=0):
    return tlv(0xA0 + kind, integer(4711), integer(status), integer(index), tlv(0x30, *[varbind()] * count))


def community(version, body, name=b"local"):
    return tlv(0x30, integer(version), tlv(4, name), body)


def usm(flags, body, user=b"alice"):
    security = tlv(0x30, tlv(4, b"\x80\0\0\1engine"), integer(1), integer(2), tlv(4, user), tlv(4), tlv(4))
    return tlv(0x30, integer(3), tlv(0x30, integer(9), integer(65507), tlv(4, bytes([flags])), integer(3)), tlv(4, security), body)


def captures(folder):
    messages = [community(0, pdu(kind)) for kind in (0, 1, 2, 3)] + [community(1, pdu(kind)) for kind in (0, 1, 2, 3, 5, 6, 7)]
    messages += [community(1, pdu(2, 1, status, 1)) for status in range(1, 19)]
    messages += [community(1, pdu(2, count)) for count in (0, 2, 31, 32)] + [community(0, pdu(0), b"")]
    for generic in range(7):
        messages.append(community(0, tlv(0xA4, tlv(6, bytes.fromhex("2b060104010185")[:-1]), tlv(0x40, bytes([192, 0, 2, 1])), integer(generic), integer(3),
                                         tlv(0x43, b"\x12\x34"), tlv(0x30, varbind()))))
    scoped = lambda kind: tlv(0x30, tlv(4, b"engine"), tlv(4), pdu(kind))  # noqa: E731
    messages += [usm(0, scoped(8), b""), usm(4, scoped(0)), usm(1, scoped(2)), usm(3, tlv(4, b"\1" * 40)), usm(3, tlv(4, b"\1" * 40), b"")]
    return peers.named_in_index(["snmp"]) + [peers.write_datagrams(folder / "every-kind.pcap", [(True, 40000 + i, 161, message) for i, message in enumerate(messages)])]


def normal(record, suricata):
    snmp = dict(record["snmp"])
    if suricata:
        present = {ours: bool(snmp.pop(theirs)) for theirs, ours in SECRETS.items() if theirs in snmp}
        if snmp.get("error", "").startswith("ErrorStatus("):
            snmp["error"] = ERRORS[int(snmp["error"][12:-1]) - 6]
        snmp["vars"] = [v for v in snmp.get("vars", [])][:VARS_MAX]
    else:
        present = {key: snmp[key] for key in SECRETS.values() if key in snmp}
        snmp = {key: value for key, value in snmp.items() if key not in OURS}
        snmp.setdefault("vars", [])
    # Of an encrypted message Suricata says nothing of its user.
    if snmp.get("pdu_type") == "encrypted" or not present.get("usm_present", True):
        present.pop("usm_present", None)
    return peers.text_of(record, snmp=snmp, present=present)


def compare_suricata(capture, ours, suricata):
    mine = collections.Counter(normal(r, False) for r in ours)
    theirs = collections.Counter(normal(r, True) for r in suricata)
    return peers.differences(capture, "Suricata's records", theirs, mine, DIFFERS)


FIELDS = ["snmp.version", "snmp.msgVersion", "snmp.data", "snmp.request_id", "snmp.error_status", "snmp.name", "snmp.msgSecurityModel", "snmp.non_repeaters",
          "snmp.max_repetitions", "snmp.generic_trap", "snmp.specific_trap", "snmp.enterprise"]
# capture: {frame: why}
TSHARK_DIFFERS = {}


def first(row, field):
    return int(row[field][0]) if row[field] else None


def fields_of_ours(snmp):
    return {"version": {1: 0, 2: 1, 3: 3}.get(snmp.get("version")), "request": snmp.get("request_id"), "error": snmp.get("error_status") or 0,
            "names": snmp.get("vars", []), "model": snmp.get("security_model"), "bulk": [snmp.get("non_repeaters"), snmp.get("max_repetitions")],
            "enterprise": snmp.get("trap_oid")}


def fields_of_tshark(row):
    return {"version": first(row, "snmp.version" if row["snmp.version"] else "snmp.msgVersion"), "request": first(row, "snmp.request_id"),
            "error": first(row, "snmp.error_status") or 0, "names": row["snmp.name"][:VARS_MAX], "model": first(row, "snmp.msgSecurityModel"),
            "bulk": [first(row, "snmp.non_repeaters"), first(row, "snmp.max_repetitions")],
            "enterprise": row["snmp.enterprise"][0] if row["snmp.enterprise"] else None}


def compare_tshark(capture, ours, frames):
    theirs = {frame: fields_of_tshark(row) for frame, row in frames}
    mine = {record["pcap_cnt"]: fields_of_ours(record["snmp"]) for record in ours}
    return peers.differences_by_key(capture, "frame", theirs, mine, TSHARK_DIFFERS)


if __name__ == "__main__":
    asked = [peers.suricata(compare_suricata, peers.suricata_yaml("snmp", peers.with_parser("snmp"))),
             peers.tshark(compare_tshark, "snmp && !icmp", FIELDS)]
    sys.exit(peers.run("snmp", captures, asked, collection=peers.CAPTURES, summary=peers.SUMMARY_WITH_PEERS))
