#!/usr/bin/env python3
"""Every foreign capture with SSH, and one of real programs, read by us, by tshark and by Suricata: the same versions and hashes.

data/programs.pcap was made on loopback in a network namespace: OpenSSH 9.2 and Dropbear 2022.83, each as client and server, ssh-keyscan,
and a scanner that leaves after the identification. Each difference is listed below with its reason; one that is not listed, or is listed
and does not occur, fails the test. Exit status 77: the program, or both peers, are not there.
"""
import argparse
import collections
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
CAPTURES = SOURCE.parent / "shared" / "captures"
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


def ours_of(binary, capture):
    done = subprocess.run([binary, "read", "-o", "-", "--events", "ssh", capture], capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr[-500:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def suricata_of(capture, folder):
    text = (SOURCE / "bench" / "suricata.yaml").read_text().replace("types: [alert]", "types: [ssh]")
    text = text.replace("    mqtt: {enabled: yes}\n", "    ssh: {enabled: yes, hassh: yes}\n")
    configuration = pathlib.Path(folder) / "suricata.yaml"
    configuration.write_text(text)
    log = pathlib.Path(folder) / capture.stem
    log.mkdir()
    subprocess.run(["suricata", "-c", configuration, "-r", capture, "-l", log, "-k", "none"], capture_output=True, timeout=120)
    eve = log / "eve.json"
    return [json.loads(line) for line in eve.read_text().splitlines()] if eve.exists() else []


def normal(record):
    ssh = {}
    for side, peer in record["ssh"].items():
        if side not in OURS:
            ssh[side] = {key: value for key, value in peer.items() if key not in OURS_OF_PEER}
    return json.dumps({"src": [record["src_ip"], record["src_port"]], "dest": [record["dest_ip"], record["dest_port"]], "ssh": ssh}, sort_keys=True)


def compare(name, kind, theirs, mine, expected):
    only_theirs, only_mine = theirs - mine, mine - theirs
    if (only_theirs.total(), only_mine.total()) == expected:
        return []
    faults = [f"{name}: {kind}: only theirs {only_theirs.total()}, only ours {only_mine.total()} of {mine.total()}; listed {expected}"]
    faults += [f"  theirs: {str(one)[:700]}" for one in list(only_theirs)[:4]] + [f"  ours:   {str(one)[:700]}" for one in list(only_mine)[:4]]
    return faults


def tshark_of(capture):
    fields = ["ip.src", "ipv6.src", "tcp.srcport", "ssh.protocol", "ssh.kex.hassh", "ssh.kex.hasshserver"]
    command = ["tshark", "-r", str(capture), "-Y", "ssh", "-T", "fields", "-E", "separator=\x1e", "-E", "aggregator=\x1f"]
    for field in fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=120)
    lines, hashes = collections.Counter(), collections.Counter()
    for row in filter(None, done.stdout.decode("utf-8", "replace").split("\n")):
        ip4, ip6, port, line, client, server = row.split("\x1e")
        source = (ip4 or ip6, int(port))
        lines.update((source, text) for text in line.split("\x1f") if text)
        hashes.update((source, text) for text in (client, server) if text)
    return lines, hashes


def identities(records):
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


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="")
    binary = parser.parse_args().binary
    peers = [name for name in ("tshark", "suricata") if shutil.which(name)]
    if not binary or not peers:
        print("skipped: no program or no peer")
        return 77
    captures = [HERE / "data" / "programs.pcap"] + [CAPTURES / name for name in FOREIGN if (CAPTURES / name).exists()]
    faults, records = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for capture in captures:
            ours = ours_of(binary, capture)
            records += len(ours)
            if "suricata" in peers:
                theirs = collections.Counter(normal(r) for r in suricata_of(capture, folder))
                mine = collections.Counter(normal(r) for r in ours)
                faults += compare(capture.stem, "Suricata's records", theirs, mine, SURICATA_DIFFERS.get(capture.stem, (0, 0))[:2])
            if "tshark" in peers:
                (their_lines, their_hashes), (my_lines, my_hashes) = tshark_of(capture), identities(ours)
                expected = TSHARK_DIFFERS.get(capture.stem, (0, 0, 0, 0))
                faults += compare(capture.stem, "tshark's identifications", their_lines, my_lines, expected[:2])
                faults += compare(capture.stem, "tshark's hashes", their_hashes, my_hashes, expected[2:4])
    print("\n".join(faults))
    print(f"{len(captures)} captures, {records} records of ours, {len(faults)} lines of differences")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
