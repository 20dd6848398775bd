#!/usr/bin/env python3
"""Every foreign capture with SSH, and one of real programs, read by us, by tshark and by Suricata: the same versions and hashes.

data/programs.pcap was made on loopback in a network namespace: OpenSSH 9.2 and Dropbear 2022.83, each as client and server, ssh-keyscan,
and a scanner that leaves after the identification. Each difference is listed below with its reason; one that is not listed, or is listed
and does not occur, fails the test. Exit status 77: the program, or both peers, are not there.
"""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

PROGRAMS = pathlib.Path(__file__).resolve().parent / "data" / "programs.pcap"
FOREIGN = ["http/zeek-http-to-ssh.pcap", "http/zeek-get-to-ssh-server.pcap"]

OURS = {"agreed"}
OURS_OF_PEER = {"comments"}
# capture: (records that only Suricata has, records that only we have, why)
SURICATA_DIFFERS = {}
# capture: (identifications that only tshark has, that only we have, hashes that only tshark has, that only we have, why)
TSHARK_DIFFERS = {
    "zeek-http-to-ssh": (1, 0, 0, 0, "the client begins with a request of HTTP: the connection is HTTP's, for Suricata too"),
    "zeek-get-to-ssh-server": (1, 0, 0, 0, "the same"),
}


def normal(record):
    ssh = {}
    for side, peer in record["ssh"].items():
        if side not in OURS:
            ssh[side] = {key: value for key, value in peer.items() if key not in OURS_OF_PEER}
    return peers.text_of(record, ssh=ssh)


def compare_suricata(capture, ours, suricata):
    return peers.differences(capture, "Suricata's records", collections.Counter(map(normal, suricata)), collections.Counter(map(normal, ours)), SURICATA_DIFFERS)


FIELDS = ["ip.src", "ipv6.src", "tcp.srcport", "ssh.protocol", "ssh.kex.hassh", "ssh.kex.hasshserver"]


def identities_of_tshark(frames):
    lines, hashes = collections.Counter(), collections.Counter()
    for _, row in frames:
        source = ((row["ip.src"] or row["ipv6.src"])[0], int(row["tcp.srcport"][0]))
        lines.update((source, text) for text in row["ssh.protocol"] if text)
        hashes.update((source, text) for text in row["ssh.kex.hassh"] + row["ssh.kex.hasshserver"] if text)
    return lines, hashes


def identities_of_ours(records):
    lines, hashes = collections.Counter(), collections.Counter()
    for record in records:
        for side, end in (("client", "src"), ("server", "dest")):
            peer = record["ssh"].get(side)
            if peer is None:
                continue
            source = (record[end + "_ip"], record[end + "_port"])
            text = f"SSH-{peer['proto_version']}-{peer['software_version']}" + (" " + peer["comments"] if "comments" in peer else "")
            lines[(source, text)] += 1
            if "hassh" in peer:
                hashes[(source, peer["hassh"]["hash"])] += 1
    return lines, hashes


def compare_tshark(capture, ours, identities):
    (their_lines, their_hashes), (my_lines, my_hashes) = identities, identities_of_ours(ours)
    return (peers.differences(capture, "tshark's identifications", their_lines, my_lines, TSHARK_DIFFERS) +
            peers.differences(capture, "tshark's hashes", their_hashes, my_hashes, TSHARK_DIFFERS, at=2))


def captures(_):
    return [PROGRAMS] + peers.those_there(FOREIGN)


if __name__ == "__main__":
    asked = [peers.suricata(compare_suricata, peers.suricata_yaml("ssh", peers.with_parser("ssh", ", hassh: yes"))),
             peers.tshark(compare_tshark, "ssh", FIELDS, shape=identities_of_tshark)]
    sys.exit(peers.run("ssh", captures, asked))
