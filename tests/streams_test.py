#!/usr/bin/env python3
"""The ordered bytes of every TCP stream of the captures that were made to evade or to break (http/evader, net, fuzz), as our
dissectors are given them, against what tshark follows and what Suricata reassembles: equal in each direction, or listed.

tests/stream_differences.tsv lists the differences; src/reassembly/README.md explains their classes. One that is not listed,
or is listed and does not occur, fails. `--update` writes the table anew, for review; a new difference gets the class `new`,
which no table may have.

tshark writes how many bytes are missing, and where; that is compared too. Suricata leaves gaps out, so they are left out of
ours. All connections of one pair of ends are one row: where one begins anew the peers do not agree.
"""
import argparse
import collections
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import batches  # noqa: E402
import cases  # noqa: E402

TABLE = pathlib.Path(__file__).with_name("stream_differences.tsv")
README = cases.SOURCE / "src" / "reassembly" / "README.md"
FOLDERS = ["fuzz", "http/evader", "net"]
BATCHED = "evader"  # One connection each, all of one making: one start of a peer is enough for many.
STREAMS_SPARE = 2  # tshark is asked for so many more streams than we have connections.
STREAMS_MAX = 4096
SECONDS_MAX = 60
COLUMNS = ["capture", "source", "destination", "peer", "class", "bytes_theirs", "bytes_ours", "told"]
SURICATA = """%YAML 1.1
---
vars: {address-groups: {HOME_NET: "any", EXTERNAL_NET: "any"}}
stats: {enabled: no}
logging: {default-log-level: warning, outputs: [{console: {enabled: yes}}]}
outputs: [{tcp-data: {enabled: yes, type: dir, filename: tcp-data.log}}]
stream: {midstream: true, async-oneside: true, reassembly: {depth: 0}}
"""

End = collections.namedtuple("End", "address port")


def end(address, port):
    return End(ipaddress.ip_address(address.strip("[]")), int(port))


def shown(where):
    return f"[{where.address}]:{where.port}" if where.address.version == 6 else f"{where.address}:{where.port}"


def ours_of(binary, capture):
    """{(source, destination): [bytes, or the number of missing ones]}, what was told of each pair of ends, and how many
    connections there are."""
    done = subprocess.run([binary, capture], capture_output=True, timeout=SECONDS_MAX)
    assert done.returncode == 0 or b"offset" in done.stderr, done.stderr[-500:]
    pieces, told, spoken, connections = collections.defaultdict(list), collections.defaultdict(set), set(), set()
    for line in done.stdout.decode().splitlines():
        if line.startswith("S "):
            _, flow, _, _, source, source_port, destination, destination_port, what = line.split(" ", 8)
            key = end(source, source_port), end(destination, destination_port)
            spoken.add(int(flow))
            if what.startswith("gap"):
                pieces[key].append(int(what[4:]))
            elif what != "end":
                pieces[key].append(bytes.fromhex(what))
            continue
        record = json.loads(line) if line else {}
        if record.get("proto") != "TCP":
            continue
        connections.add(record.get("flow_id"))
        if record["event_type"] != "anomaly":
            continue
        # Where the TCP header could not be read there are no ports: then it is told of all that these hosts say.
        event, ports = record["anomaly"]["event"], [record[port] for port in ("src_port", "dest_port") if port in record]
        hosts = [ipaddress.ip_address(record[address]) for address in ("src_ip", "dest_ip")]
        told[frozenset(map(End, hosts, ports)) if ports else frozenset(hosts)].add(event)
        # What is lost before the first byte reaches no dissector, since none is chosen: it would be missing here.
        assert event != "stream_gap" or record.get("flow_id") in spoken, f"{capture}: a gap before the first byte"
    return pieces, told, len(connections)


def as_tshark(pieces):
    return b"".join(b"[%d bytes missing in capture file]\0" % piece if isinstance(piece, int) else piece for piece in pieces)


def as_suricata(pieces):
    return b"".join(piece for piece in pieces if not isinstance(piece, int))


def tshark_of(capture, count, _):
    """{(source, destination): bytes}. Node 1's lines begin with a tab."""
    while True:
        command = ["tshark", "-n", "-r", str(capture), "-q"]
        for stream in range(count):
            command += ["-z", f"follow,tcp,raw,{stream}"]
        done = subprocess.run(command, capture_output=True, timeout=SECONDS_MAX)
        followed, number, nodes = {}, None, {}
        for line in done.stdout.decode("ascii", "replace").splitlines():
            if line.startswith("Filter: tcp.stream eq "):
                number, nodes = int(line.rsplit(" ", 1)[1]), {}
                followed[number] = nodes, [[], []]
            elif line.startswith("Node "):
                nodes[int(line[5])] = line[8:].rsplit(":", 1)
            elif number is not None and line and line[0] not in "=F":
                followed[number][1][line[0] == "\t"].append(bytes.fromhex(line.strip()))
        followed = {number: (nodes, text) for number, (nodes, text) in followed.items() if nodes and nodes[0] != ["", "0"]}
        if count - 1 not in followed or count >= STREAMS_MAX:
            break
        count *= 4
    found = collections.defaultdict(bytes)
    for _, (nodes, text) in sorted(followed.items()):
        ends = [end(*nodes[0]), end(*nodes[1])]
        found[ends[0], ends[1]] += b"".join(text[0])
        found[ends[1], ends[0]] += b"".join(text[1])
    return found


def suricata_of(capture, _, folder):
    """{(source, destination): bytes}, from files named CLIENT_PORT-SERVER_PORT--ts.data or …--tc.data."""
    log = pathlib.Path(tempfile.mkdtemp(dir=folder))
    configuration = log / "suricata.yaml"
    configuration.write_text(SURICATA)
    command = ["suricata", "-c", configuration, "-r", capture, "-l", log, "-k", "none", "--runmode", "single"]
    unread = False
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        late = threading.Timer(SECONDS_MAX, running.kill)
        late.start()
        for line in running.stdout:
            # Of a link type that it does not know, or broken at its head: it would wait a minute for its own thread.
            if b"Failed to init pcap file" in line or b"reader thread failed" in line:
                unread = True
                running.kill()
        late.cancel()
    assert unread or running.returncode == 0, f"Suricata: exit status {running.returncode} for {capture}"
    found = {}
    for path in (log / "tcp").glob("*.data"):
        ends, side = path.name.removesuffix(".data").split("--")
        client, server = (end(*text.rsplit("_", 1)) for text in ends.split("-"))
        found[(client, server) if side == "ts" else (server, client)] = path.read_bytes()
    shutil.rmtree(log)
    return found


PEERS = {"suricata": (suricata_of, as_suricata), "tshark": (tshark_of, as_tshark)}


def pair(key):
    return frozenset(key)


def compare(peers, batch, ours, folder):
    """Rows without a class, and how many directions with bytes were compared. A connection is in one capture of a batch."""
    rows, compared = [], 0
    capture_of = {pair(key): capture for capture in batch.captures for key in ours[capture][0]}
    count = sum(ours[capture][2] for capture in batch.captures)
    for peer in peers:
        read, written = PEERS[peer]
        theirs = read(batch.path, count + STREAMS_SPARE, folder)
        keys = set(theirs) | {key for capture in batch.captures for key in ours[capture][0]}
        for key in sorted(keys):
            capture = capture_of.get(pair(key), batch.captures[0])
            pieces, told, _ = ours[capture]
            mine, its = written(pieces.get(key, [])), theirs.get(key, b"")
            compared += bool(mine or its)
            if mine != its:
                events = ",".join(sorted(told[pair(key)] | told[frozenset(where.address for where in key)])) or "-"
                name = capture.relative_to(cases.CAPTURES).as_posix()
                rows.append({"capture": name, "source": shown(key[0]), "destination": shown(key[1]), "peer": peer,
                             "bytes_theirs": str(len(its)), "bytes_ours": str(len(mine)), "told": events})
    return rows, compared


def ends_in(capture, ours):
    """For `batches.make`. A capture in which a connection has no bytes for us, or which is not of one sort with others, goes
    alone: the peers may see there what we do not."""
    pieces, _, connections = ours
    ends = {pair((where.address, where.port) for where in key) for key in pieces}
    return ends if BATCHED in capture.parts and len(ends) == connections else set()


def identity(row):
    return tuple(row[column] for column in COLUMNS if column != "class")


def read_table():
    notes, rows = [], []
    if TABLE.exists():
        for line in TABLE.read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                notes.append(line)
            elif line:
                rows.append(dict(zip(COLUMNS, line.split("\t"), strict=True)))
    return notes, rows


def judge(peer, found, listed, explained):
    faults = []
    wanted = {identity(row): row["class"] for row in listed if row["peer"] == peer}
    seen = {identity(row) for row in found if row["peer"] == peer}
    faults += [f"not listed: {' '.join(row)}" for row in sorted(seen - set(wanted))]
    faults += [f"listed, does not occur: {' '.join(row)}" for row in sorted(set(wanted) - seen)]
    faults += [f"{README.name} of src/reassembly does not explain the class {name}" for name in sorted(set(wanted.values()) - explained)]
    return faults


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="", help="the program stream_bytes")
    parser.add_argument("--update", action="store_true", help="write the table")
    parser.add_argument("--only", default="", help="captures whose path contains this")
    options = parser.parse_args()
    missing = [name for name, there in (("the program stream_bytes", options.binary), ("the collection of captures", cases.CAPTURES.is_dir())) if not there]
    missing += [name for name in PEERS if not shutil.which(name)]
    for name in missing:
        cases.report("skipped", "ordered bytes against peers", f"{name} is absent")
    peers = [name for name in PEERS if name not in missing]
    if len(missing) > len(PEERS) - len(peers) or not peers:
        return 77
    captures = sorted(path for folder in FOLDERS for path in (cases.CAPTURES / folder).glob("*.pcap*") if options.only in str(path))
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        ours = dict(zip(captures, pool.map(lambda capture: ours_of(options.binary, capture), captures)))
        made = batches.make({capture: ends_in(capture, ours[capture]) for capture in captures}, folder)
        results = list(pool.map(lambda batch: compare(peers, batch, ours, folder), made))
    found = [row for rows, _ in results for row in rows]
    print(f"{len(captures)} captures, {sum(count for _, count in results)} directions compared, {len(found)} differ", flush=True)
    notes, listed = read_table()
    others = [row for row in listed if options.only not in row["capture"]]
    listed = [row for row in listed if options.only in row["capture"]]
    if options.update:
        classes = {identity(row)[:4]: row["class"] for row in listed}
        lines = ["\t".join({**row, "class": classes.get(identity(row)[:4], "new")}[column] for column in COLUMNS) for row in found]
        lines += ["\t".join(row[column] for column in COLUMNS) for row in others]
        TABLE.write_text("\n".join(notes + sorted(lines)) + "\n", encoding="utf-8")
        return 0
    explained = {line.split("`")[1] for line in README.read_text(encoding="utf-8").splitlines() if line.startswith("| `")}
    failed = False
    for peer in peers:
        faults = judge(peer, found, listed, explained)
        failed |= bool(faults)
        cases.report("failed" if faults else "passed", f"ordered bytes are those of {peer}, or a listed difference",
                     "".join("\n    " + fault for fault in faults[:40]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
