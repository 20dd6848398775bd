#!/usr/bin/env python3
"""Every capture of captures/dns, read by us, by tshark and by Suricata: the same messages, fields and values.

Each difference is listed below with its reason; one that is not listed, or is listed and does not occur, fails the test.
Exit status 77: the program, the captures or both peers are not there.
"""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

CAPTURES = peers.CAPTURES / "dns"

# Suricata 7.0.10 writes numbers for types that it has no name for, and some names that are not those of the IANA registry.
SURICATA_TYPES = {"64": "SVCB", "257": "CAA", "65534": "TYPE65534"}
# Members that only we write, of the object and of a record in it.
OURS = {"queries", "additionals", "edns", "transport", "records_omitted", "malformed", "tx_id"}
OURS_IN_RECORD = {"rrclass", "cache_flush", "preference", "rdata_hex", "rdata_bytes"}
# Of these types Suricata writes the data; ours of the others is more.
SURICATA_DATA = {"A", "AAAA", "NS", "CNAME", "PTR", "MX", "TXT", "NULL", "SOA", "SRV", "SSHFP"}

# capture: (records that only Suricata has, records that only we have, why)
SURICATA_DIFFERS = {
    "zeek-dns-edns-bad-length": (0, 1, "a flow that begins with its answer: Suricata does not recognise it; for us it is malformed (an option beyond its record)"),
    "zeek-dns-edns-ecs": (0, 52, "50 answers whose queries the capture lacks, and a query and its answer over TCP without a handshake: Suricata skips both kinds"),
    "zeek-loc-29-trunc": (0, 1, "query and answer are on different VLANs, so the answer begins a flow of its own: as above"),
}
# capture: {frame: why}
TSHARK_DIFFERS = {
    "suri-corrupt-additionals": {2: "tshark shows the owner of an SRV record in parts, and no dns.resp.name"},
    "zeek-dns-edns-bad-length": {1: "tshark ends at the option that is longer than its record; the record's length shows us the next one"},
}


def without(record, names):
    return {key: value for key, value in record.items() if key not in names}


def normal(record, suricata):
    """The part of a record that both have, as text."""
    dns = without(record["dns"], OURS)
    if dns["type"] == "query":
        # Suricata has the question only.
        dns = without(dns, {"answers", "authorities", "rrclass", "unicast_response"})
    dns = without(dns, {"rrclass"})
    rename = (lambda t: SURICATA_TYPES.get(t, t)) if suricata else (lambda t: t)
    if "rrtype" in dns:
        dns["rrtype"] = rename(dns["rrtype"])
    for section in ("answers", "authorities"):
        records = []
        for entry in dns.get(section, []):
            entry = without(entry, OURS_IN_RECORD)
            entry["rrtype"] = rename(entry["rrtype"])
            if entry["rrtype"] not in SURICATA_DATA:
                entry.pop("rdata", None)
            records.append(entry)
        if records:
            dns[section] = records
    return peers.text_of(record, dns=dns)


def compare_suricata(capture, ours, suricata):
    mine = collections.Counter(normal(r, False) for r in ours)
    theirs = collections.Counter(normal(r, True) for r in suricata)
    return peers.differences(capture, "Suricata's records", theirs, mine, SURICATA_DIFFERS)


FIELDS = ["dns.id", "dns.flags", "dns.qry.name", "dns.qry.type", "dns.resp.name", "dns.resp.type", "dns.resp.ttl", "dns.a", "dns.aaaa",
          "dns.cname", "dns.ns", "dns.ptr.domain_name", "dns.mx.mail_exchange", "dns.mx.preference", "dns.txt", "dns.soa.serial_number", "dns.srv.port"]


def has_bitmap(types):
    return any(t in (47, 50) for t in types)


def fields_of_tshark(row):
    root = lambda name: "" if name == "<Root>" else name  # noqa: E731
    names = row["dns.resp.name"] + [None] * len(row["dns.resp.type"])  # Of a broken record it may show the type alone.
    keep = [i for i, t in enumerate(row["dns.resp.type"]) if t not in ("41", "16")]
    ttls = row["dns.resp.ttl"]
    # tshark shows no TTL of an OPT record.
    with_ttl = [i for i, t in enumerate(row["dns.resp.type"]) if t != "41"]
    ttl_of = dict(zip(with_ttl, ttls))
    records = [(root(names[i]), int(row["dns.resp.type"][i]), int(ttl_of.get(i, -1))) for i in keep]
    if has_bitmap(map(int, row["dns.resp.type"])):
        # tshark shows the types in an NSEC or NSEC3 record as if they were records' own.
        records = [[name for name in row["dns.resp.name"] if name != "<Root>"], list(map(int, ttls))]
    return {
        "id": [int(v, 16) for v in row["dns.id"]], "question": list(zip(map(root, row["dns.qry.name"]), map(int, row["dns.qry.type"]))),
        "records": records,
        "a": row["dns.a"], "aaaa": [peers.expanded(v) for v in row["dns.aaaa"]], "cname": [root(v) for v in row["dns.cname"]], "ns": [root(v) for v in row["dns.ns"]],
        "ptr": [root(v) for v in row["dns.ptr.domain_name"]], "mx": [root(v) for v in row["dns.mx.mail_exchange"]], "preference": [int(v) for v in row["dns.mx.preference"]],
        "txt": row["dns.txt"], "serial": [int(v) for v in row["dns.soa.serial_number"]], "srv_port": [int(v) for v in row["dns.srv.port"]],
    }


TYPES = {name: number for number, name in enumerate(
    ["", "A", "NS", "MD", "MF", "CNAME", "SOA", "MB", "MG", "MR", "NULL", "WKS", "PTR", "HINFO", "MINFO", "MX", "TXT", "RP", "AFSDB", "X25", "ISDN", "RT", "NSAP",
     "NSAP-PTR", "SIG", "KEY", "PX", "GPOS", "AAAA", "LOC", "NXT", "EID", "NIMLOC", "SRV", "ATMA", "NAPTR", "KX", "CERT", "A6", "DNAME", "SINK", "OPT", "APL", "DS",
     "SSHFP", "IPSECKEY", "RRSIG", "NSEC", "DNSKEY", "DHCID", "NSEC3", "NSEC3PARAM", "TLSA", "SMIMEA", "", "HIP", "NINFO", "RKEY", "TALINK", "CDS", "CDNSKEY",
     "OPENPGPKEY", "CSYNC", "ZONEMD", "SVCB", "HTTPS"]) if name}
TYPES.update({"TKEY": 249, "TSIG": 250, "IXFR": 251, "AXFR": 252, "ANY": 255, "CAA": 257})


def number_of(name):
    return TYPES[name] if name in TYPES else int(name.removeprefix("TYPE"))


def fields_of_ours(records):
    out = {key: [] for key in ("id", "question", "records", "a", "aaaa", "cname", "ns", "ptr", "mx", "preference", "txt", "serial", "srv_port")}
    plain = {"A": "a", "AAAA": "aaaa", "CNAME": "cname", "NS": "ns", "PTR": "ptr", "MX": "mx", "TXT": "txt"}
    for position, record in enumerate(records):
        dns = record["dns"]
        # The further questions of one query are records of their own.
        further = dns["type"] == "query" and position > 0 and records[position - 1]["dns"]["id"] == dns["id"] and records[position - 1]["dns"]["type"] == "query"
        if not further:
            out["id"].append(dns["id"])
        octal = lambda name: "".join(c if ord(c) >= 0x20 else f"\\{ord(c):03o}" for c in name)  # noqa: E731  As tshark writes it.
        questions = dns.get("queries") or ([dns] if "rrname" in dns else [])
        out["question"] += [(octal(q["rrname"]), number_of(q["rrtype"])) for q in questions]
        for entry in dns.get("answers", []) + dns.get("authorities", []) + dns.get("additionals", []):
            kind = entry["rrtype"]
            if kind not in ("TXT", "OPT"):
                out["records"].append((octal(entry["rrname"]), number_of(kind), entry["ttl"]))
            if kind in plain and "rdata" in entry:
                out[plain[kind]].append(entry["rdata"])
            if "preference" in entry:
                out["preference"].append(entry["preference"])
            if "soa" in entry:
                out["serial"].append(entry["soa"]["serial"])
            if "srv" in entry:
                out["srv_port"].append(entry["srv"]["port"])
    if has_bitmap(kind for _, kind, _ in out["records"]):
        out["records"] = [[name for name, _, _ in out["records"]], [ttl for _, _, ttl in out["records"]]]
    return out


def compare_tshark(capture, ours, frames):
    theirs = {frame: fields_of_tshark(row) for frame, row in frames}
    mine = collections.defaultdict(list)
    for record in ours:
        mine[record["pcap_cnt"]].append(record)
    mine = {frame: fields_of_ours(records) for frame, records in mine.items()}
    return peers.differences_by_key(capture, "frame", theirs, mine, TSHARK_DIFFERS, nothing=fields_of_ours([]))


def captures(_):
    return sorted(CAPTURES.glob("*.pcap"))


if __name__ == "__main__":
    sys.exit(peers.run("dns", captures, [peers.suricata(compare_suricata, peers.suricata_yaml("dns")), peers.tshark(compare_tshark, "dns", FIELDS)],
                       collection=CAPTURES, together=True,
                       summary="{captures} captures, {records} records of ours, {tshark} frames of tshark's, {faults} lines of differences"))
