#!/usr/bin/env python3
"""Every capture of captures/tls, read by us, by Suricata and by tshark: the same connections, fields and values.

Each difference is listed below with its reason; one that is not listed, or is listed and does not occur, fails the test.
Exit status 77: the program, the captures or both peers are not there.
"""
import collections
import hashlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

CAPTURES = peers.CAPTURES / "tls"

# Members that Suricata 7.0.10 has; ours beside them are `ja4` (Suricata 8) and what dissectors/tls/README.md lists.
SURICATA = {"subject", "issuerdn", "session_resumed", "serial", "fingerprint", "sni", "version", "notbefore", "notafter", "ja3", "ja3s", "client"}
SURICATA_CLIENT = {"subject", "issuerdn", "fingerprint", "serial", "notbefore", "notafter"}

# capture: (records that only Suricata has, records that only we have, why)
SURICATA_DIFFERS = {
    "ndpi-tls_2_reasms": (0, 1, "the capture begins with SYN-ACK and lacks segments: Suricata tells nothing of the connection"),
    "ndpi-tls_alert": (0, 1, "the server refuses with an alert in place of its hello: Suricata tells nothing of this one"),
    "ndpi-tls_missing_ch_frag": (0, 1, "half of the ClientHello was not captured: Suricata tells nothing; the server's hello is there"),
    "suri-bug-1450-05": (1, 1, "a certificate that is no X.509: Suricata drops the whole record it is in, the server's hello too; we tell the hello and the digests"),
    "suri-subject-zero": (0, 1, "an octet 0 in the subject: Suricata refuses the certificate and writes no record; we write the octet"),
    "zeek-https-to-http": (0, 1, "the server answers in HTTP: for Suricata this is not TLS; we tell the ClientHello"),
    "zeek-ssl-v2": (0, 1, "SSL 2: Suricata writes no record of it"),
}
# capture: {ports: why}
TSHARK_DIFFERS = {
    "suri-tls13-draft14": {(443, 54049): "the ServerHello of drafts before 22 has neither session id nor compression; tshark reads draft 14 as if it had, so its suite is made of others' octets"},
    "zeek-https-to-http": {(80, 50382): "tshark does not try TLS on port 80"},
    "zeek-ssl-v2": {(443, 59062): "tshark has other fields for SSL 2"},
}


def normal(record):
    """The part of a record that both have, as text."""
    tls = {key: value for key, value in record["tls"].items() if key in SURICATA}
    if "client" in tls:
        tls["client"] = {key: value for key, value in tls["client"].items() if key in SURICATA_CLIENT}
    return peers.text_of(record, tls=tls)


def compare_suricata(capture, ours, suricata):
    mine = collections.Counter(normal(r) for r in ours)
    theirs = collections.Counter(normal(r) for r in suricata)
    return peers.differences(capture, "Suricata's records", theirs, mine, SURICATA_DIFFERS)


FIELDS = ["tcp.srcport", "tcp.dstport", "tls.handshake.type", "tls.handshake.ja3", "tls.handshake.ja3s", "tls.handshake.extensions_server_name",
          "tls.handshake.version", "tls.handshake.extensions.supported_version", "tls.handshake.ciphersuite", "tls.handshake.extensions_alpn_str",
          "x509af.serialNumber", "tls.alert_message.desc", "tls.handshake.random", "tls.handshake.extension.type", "tls.handshake.sig_hash_alg", "tls.handshake.sig_hash_alg_len"]
RETRY = "cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c"


def ja4_of(row):
    """tshark 4.0 has no JA4: made here from the lists that it shows of a ClientHello (JA4 of FoxIO, technical details)."""
    values = lambda name: [v for v in (int(text, 0) for text in row[name]) if not (v & 0x0F0F == 0x0A0A and v >> 8 == v & 0xFF)]  # noqa: E731
    half = lambda text: hashlib.sha256(text.encode()).hexdigest()[:12] if text else "0" * 12  # noqa: E731
    join = lambda numbers: ",".join(f"{n:04x}" for n in numbers)  # noqa: E731
    version = max(values("tls.handshake.extensions.supported_version") or values("tls.handshake.version"))
    name = {0x304: "13", 0x303: "12", 0x302: "11", 0x301: "10", 0x300: "s3", 2: "s2"}.get(version, "00")
    suites, extensions = values("tls.handshake.ciphersuite"), values("tls.handshake.extension.type")
    # Delegated credentials (34) and signature_algorithms_cert (50) have lists in the same field, in the extensions' order.
    algorithms, at = [], 0
    for extension, length in zip([e for e in extensions if e in (13, 34, 50)], row["tls.handshake.sig_hash_alg_len"]):
        count = int(length) // 2
        if extension == 13:
            algorithms = values("tls.handshake.sig_hash_alg")[at : at + count]
        at += count
    alpn = (row["tls.handshake.extensions_alpn_str"] or ["00"])[0]
    hashed = join(sorted(e for e in extensions if e not in (0, 16)))
    hashed = hashed + "_" + join(algorithms) if hashed and algorithms else hashed
    return f"t{name}{'d' if 0 in extensions else 'i'}{min(len(suites), 99):02}{min(len(extensions), 99):02}{alpn[0]}{alpn[-1]}_{half(join(sorted(suites)))}_{half(hashed)}"


def flows_of(frames):
    """By the ports of a connection, what tshark shows of its hellos, certificates and alerts."""
    flows = {}
    for _, row in frames:
        types = {int(t) for t in row["tls.handshake.type"]}
        ports = tuple(sorted((int(row["tcp.srcport"][0]), int(row["tcp.dstport"][0]))))
        flow = flows.setdefault(ports, {})
        if 1 in types and row["tls.handshake.ja3"]:
            flow.setdefault("ja3", row["tls.handshake.ja3"][0])
            if types == {1} and len(row["tls.handshake.type"]) == 1:
                flow.setdefault("ja4", ja4_of(row))
            if row["tls.handshake.extensions_server_name"]:
                flow.setdefault("sni", row["tls.handshake.extensions_server_name"][0])
            if row["tls.handshake.extensions_alpn_str"]:
                flow.setdefault("client_alpns", row["tls.handshake.extensions_alpn_str"])
        if 2 in types and 1 not in types and row["tls.handshake.ciphersuite"] and RETRY not in [r.replace(":", "") for r in row["tls.handshake.random"]]:
            if row["tls.handshake.ja3s"]:
                flow.setdefault("ja3s", row["tls.handshake.ja3s"][0])
            flow.setdefault("suite", int(row["tls.handshake.ciphersuite"][0], 0))
            versions = row["tls.handshake.extensions.supported_version"] or row["tls.handshake.version"]
            flow.setdefault("version", int(versions[0], 0))
            if row["tls.handshake.extensions_alpn_str"]:
                flow.setdefault("server_alpns", row["tls.handshake.extensions_alpn_str"][:1])
        if 11 in types and row["x509af.serialNumber"]:
            flow.setdefault("serial", row["x509af.serialNumber"][0].replace(":", "").removeprefix("0x").lower())
        if row["tls.alert_message.desc"]:
            flow.setdefault("alert", int(row["tls.alert_message.desc"][0]))
    return {ports: flow for ports, flow in flows.items() if flow.keys() & {"ja3", "ja3s", "serial"}}


VERSIONS = {"SSLv2": 2, "SSLv3": 0x300, "TLSv1": 0x301, "TLS 1.1": 0x302, "TLS 1.2": 0x303, "TLS 1.3": 0x304, "TLS 1.3 draft-<16": 0x304}


def fields_of_ours(tls):
    out = {}
    for key in ("sni", "client_alpns", "server_alpns", "ja4"):
        if key in tls:
            out[key] = tls[key]
    for key in ("ja3", "ja3s"):
        if key in tls:
            out[key] = tls[key]["hash"]
    if "cipher_suite" in tls:
        out["suite"] = tls["cipher_suite"]["code"]
        name = tls["version"]
        if name in VERSIONS:
            out["version"] = VERSIONS[name]
        else:
            out["version"] = int(name, 16) if name.startswith("0x") else 0x7F00 + int(name.removeprefix("TLS 1.3 draft-"))
    if "serial" in tls:
        out["serial"] = tls["serial"].replace(":", "").lower()
    elif "client" in tls:
        out["serial"] = tls["client"]["serial"].replace(":", "").lower()
    if "alerts" in tls:
        out["alert"] = tls["alerts"][0]["code"]
    return out


def compare_tshark(capture, ours, flows):
    mine = {tuple(sorted((r["src_port"], r["dest_port"]))): fields_of_ours(r["tls"]) for r in ours}
    return peers.differences_by_key(capture, "ports", flows, mine, TSHARK_DIFFERS)


def captures(_):
    return sorted([*CAPTURES.glob("*.pcap"), *CAPTURES.glob("*.pcapng")])


if __name__ == "__main__":
    configuration = peers.suricata_yaml("{tls: {extended: yes}}", ("tls: {enabled: yes,", "tls: {enabled: yes, ja3-fingerprints: yes,"))
    options = ["-o", "tcp.check_checksum:FALSE", "-o", "tcp.reassemble_out_of_order:TRUE"]
    sys.exit(peers.run("tls", captures, [peers.suricata(compare_suricata, configuration), peers.tshark(compare_tshark, "tls && tcp", FIELDS, options, flows_of)],
                       collection=CAPTURES, together=True, listed=SURICATA_DIFFERS.keys() | TSHARK_DIFFERS.keys(),
                       summary="{captures} captures, {records} records of ours, {suricata} of Suricata's, {tshark} connections of tshark's, "
                               "{faults} lines of differences"))
