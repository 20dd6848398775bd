#!/usr/bin/env python3
"""Every capture of captures/dns, read by us, by tshark and by Suricata: the same messages, fields and values.

Each difference is listed below with its reason; one that is not listed, or is listed and does not occur, fails the test.
Exit status 77: the program, the captures or both peers are not there.
"""
import argparse
import collections
import ipaddress
import json
import pathlib
import shutil
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "tests" / "tools"))
import batches  # noqa: E402

CAPTURES = SOURCE.parent / "shared" / "captures" / "dns"

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


def suricata_of(batch, folder):
    return batches.suricata_of(batch, (SOURCE / "bench" / "suricata.yaml").read_text().replace("types: [alert]", "types: [dns]"), folder)


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
    return json.dumps({"src": [expanded(record["src_ip"]), record.get("src_port")], "dest": [expanded(record["dest_ip"]), record.get("dest_port")], "dns": dns}, sort_keys=True)


def compare_suricata(capture, ours, suricata):
    mine = collections.Counter(normal(r, False) for r in ours)
    theirs = collections.Counter(normal(r, True) for r in suricata)
    only_theirs, only_mine = theirs - mine, mine - theirs
    expected = SURICATA_DIFFERS.get(capture.stem, (0, 0, ""))
    if (only_theirs.total(), only_mine.total()) == expected[:2]:
        return []
    faults = [f"{capture.stem}: only Suricata {only_theirs.total()}, only ours {only_mine.total()}; listed {expected[:2]}"]
    faults += [f"  Suricata: {text[:700]}" for text in list(only_theirs)[:3]] + [f"  ours:     {text[:700]}" for text in list(only_mine)[:3]]
    return faults


FIELDS = ["dns.id", "dns.flags", "dns.qry.name", "dns.qry.type", "dns.resp.name", "dns.resp.type", "dns.resp.ttl", "dns.a", "dns.aaaa",
          "dns.cname", "dns.ns", "dns.ptr.domain_name", "dns.mx.mail_exchange", "dns.mx.preference", "dns.txt", "dns.soa.serial_number", "dns.srv.port"]

def tshark_of(batch):
    """By capture, the fields of each frame by its number."""
    return {capture: dict(frames) for capture, frames in batches.tshark_of(batch, "dns", FIELDS).items()}


def expanded(address):
    return ipaddress.ip_address(address).exploded


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
        "a": row["dns.a"], "aaaa": [expanded(v) for v in row["dns.aaaa"]], "cname": [root(v) for v in row["dns.cname"]], "ns": [root(v) for v in row["dns.ns"]],
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
    faults, listed = [], dict(TSHARK_DIFFERS.get(capture.stem, {}))
    mine = collections.defaultdict(list)
    for record in ours:
        mine[record["pcap_cnt"]].append(record)
    for frame in sorted(set(mine) | set(frames)):
        a = fields_of_ours(mine.get(frame, []))
        b = fields_of_tshark(frames[frame]) if frame in frames else fields_of_ours([])
        differ = [key for key in a if a[key] != b[key]]
        if not differ:
            continue
        if listed.pop(frame, None) is None:
            faults.append(f"{capture.stem} frame {frame}: " + "; ".join(f"{k} ours {str(a[k])[:300]} tshark {str(b[k])[:300]}" for k in differ))
    faults += [f"{capture.stem} frame {frame}: is listed as different and is not" for frame in listed]
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
    captures = sorted(CAPTURES.glob("*.pcap"))
    ours = {capture: batches.ours_of(binary, capture, "dns") for capture in captures}
    with tempfile.TemporaryDirectory() as folder:
        for batch in batches.make({capture: ends for capture, (_, ends) in ours.items()}, folder):
            suricata = suricata_of(batch, folder) if "suricata" in peers else {}
            tshark = tshark_of(batch) if "tshark" in peers else {}
            for capture in batch.captures:
                records += len(ours[capture][0])
                if "suricata" in peers:
                    faults += compare_suricata(capture, ours[capture][0], suricata[capture])
                if "tshark" in peers:
                    messages += len(tshark[capture])
                    faults += compare_tshark(capture, ours[capture][0], tshark[capture])
    print("\n".join(faults))
    print(f"{len(captures)} captures, {records} records of ours, {messages} frames of tshark's, {len(faults)} lines of differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
