"""What the oracle tests beside the dissectors share. Captures are read by us, by tshark and by Suricata, and compared.

A test says which captures, how each program is asked, and what of the records must be equal; `run` does the rest. Every
difference is listed in its test with the reason: one that is not listed, or is listed and does not occur, is a fault.
"""
import argparse
import collections
import concurrent.futures
import ipaddress
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import batches
import cases
import packets

CAPTURES = cases.CAPTURES
PROGRAMS = ("tshark", "suricata")
AGGREGATOR, SEPARATOR = "\x1f", "\x1e"
OURS_SECONDS_MAX, PEER_SECONDS_MAX = 60, 300
SKIPPED = 77  # The exit status that CTest knows.
# Of what one side alone has, a fault shows so many, each so far; of a field that differs, less.
EXAMPLES_MAX, CHARACTERS_MAX, FIELD_CHARACTERS_MAX = 9, 1500, 300
SUMMARY = "{captures} captures, {records} records of ours, {faults} lines of differences"
SUMMARY_WITH_PEERS = SUMMARY + "; peers: {peers}"

# `name` of the program; `read(batch, folder)`: what it says, by capture; `compare(capture, ours, theirs)`: the faults;
# `count(theirs)`: what a capture adds to the program's number in the last line.
Peer = collections.namedtuple("Peer", "name read compare count")


def suricata(compare, configuration, prepare=None):
    """Suricata's records. It reads what `prepare(path, folder)` makes of a capture, where that is given."""
    def read(batch, folder):
        return suricata_of(batch, prepare(batch.path, folder) if prepare else batch.path, configuration, folder)
    return Peer("suricata", read, compare, len)


def tshark(compare, what, fields, options=(), shape=list, count=len):
    """What `shape` makes of the frames that the filter `what` lets through: (frame's number, list of values by field)."""
    def read(batch, _):
        return {capture: shape(frames) for capture, frames in tshark_of(batch, what, fields, options).items()}
    return Peer("tshark", read, compare, count)


def run(kind, captures, peers, *, collection=None, together=False, select=list, check=None, listed=(), summary=SUMMARY):
    """The exit status of a test of our records `kind`.

    `captures(folder)`: those to read, some of them made in that folder; without `collection`, a folder, nothing is done.
    `together`: those without a connection in common are one file for the peers. `select(records)`: what of ours is counted
    and compared. `check(capture, ours)`: faults that need no peer. `listed`: names that must be among the captures'.
    """
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="", help="the program under test")
    parser.add_argument("--more", nargs="*", default=[], help="further captures")
    options = parser.parse_args()
    installed = [name for name in PROGRAMS if shutil.which(name)]
    asked = [peer for peer in peers if peer.name in installed]
    if not options.binary or not asked or (collection is not None and not collection.is_dir()):
        needed = ["no program"] + (["no captures"] if collection is not None else [])
        print(f"skipped: {', '.join(needed)} or {'no peer' if len(peers) > 1 else 'no ' + peers[0].name}")
        return SKIPPED
    theirs = {peer.name: {} for peer in asked}
    with tempfile.TemporaryDirectory() as folder, concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        paths = captures(pathlib.Path(folder)) + [pathlib.Path(path) for path in options.more]
        read = dict(zip(paths, pool.map(lambda path: ours_of(options.binary, path, kind, together), paths)))
        for batch in batches.make({path: ends for path, (_, ends) in read.items()}, folder):
            for peer in asked:
                theirs[peer.name].update(peer.read(batch, folder))
    faults, counts = [], collections.Counter(records=0, **dict.fromkeys(PROGRAMS, 0))
    for path, (records, _) in read.items():
        ours = select(records)
        counts["records"] += len(ours)
        faults += check(path, ours) if check else []
        for peer in asked:
            counts[peer.name] += peer.count(theirs[peer.name][path])
            faults += peer.compare(path, ours, theirs[peer.name][path])
    faults += [f"{name}: is listed and there is no such capture" for name in sorted(set(listed) - {path.stem for path in paths})]
    print("\n".join(faults))
    print(summary.format(captures=len(paths), faults=len(faults), peers=", ".join(installed), **counts))
    return 1 if faults else 0


# --- What each program says.

def ours_of(binary, capture, kind, with_ends=False):
    """Our records of one kind, and the ends of every connection where they are asked for."""
    command = [binary, "read", "-o", "-", "--events", kind + (",flow" if with_ends else ""), capture]
    done = subprocess.run(command, capture_output=True, text=True, timeout=OURS_SECONDS_MAX)
    assert done.returncode in (0, 1), done.stderr[-500:]
    records = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    ends = set(filter(None, map(batches.ends_of, records))) if with_ends else set()
    return [record for record in records if record["event_type"] == kind], ends


def suricata_yaml(types, *changes):
    """bench/suricata.yaml with these records in place of alerts, and each (text, its replacement) of `changes`."""
    text = (cases.SOURCE / "bench" / "suricata.yaml").read_text()
    for old, new in [("types: [alert]", f"types: [{types}]"), *changes]:
        assert old in text, f"bench/suricata.yaml has no {old!r}"
        text = text.replace(old, new)
    return text


def with_parser(kind, options=""):
    """A change for `suricata_yaml`: the parser of a protocol that the file does not name."""
    before = "    dns: {tcp"
    return before, f"    {kind}: {{enabled: yes{options}}}\n{before}"


def suricata_of(batch, path, configuration, folder):
    """Suricata's records of a file, by capture."""
    log = pathlib.Path(tempfile.mkdtemp(dir=folder))
    (log / "suricata.yaml").write_text(configuration)
    subprocess.run(["suricata", "-c", log / "suricata.yaml", "-r", path, "-l", log, "-k", "none"], capture_output=True, timeout=PEER_SECONDS_MAX)
    eve = log / "eve.json"
    found = {capture: [] for capture in batch.captures}
    for line in eve.read_text().splitlines() if eve.exists() else []:
        record = json.loads(line)
        capture = batch.of_record(record)
        assert capture is not None, f"Suricata tells of a connection that we have not seen: {line[:500]}"
        found[capture].append(record)
    return found


def tshark_of(batch, what, fields, options=()):
    """By capture, (frame's number there, list of values by field) of every frame that the filter `what` lets through."""
    command = ["tshark", "-r", batch.path, "-Y", what, *options, "-T", "fields", "-E", f"aggregator={AGGREGATOR}", "-E", f"separator={SEPARATOR}"]
    for field in ["frame.number", *fields]:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=PEER_SECONDS_MAX)
    found = {capture: [] for capture in batch.captures}
    for line in filter(None, done.stdout.decode("utf-8", "replace").split("\n")):
        frame, *parts = line.split(SEPARATOR)
        capture, number = batch.of_frame(int(frame))
        found[capture].append((number, {field: part.split(AGGREGATOR) if part else [] for field, part in zip(fields, parts)}))
    return found


# --- What is compared.

def expanded(address):
    """Suricata writes IPv6 addresses in full."""
    return ipaddress.ip_address(address).exploded


def text_of(record, **members):
    """What must be equal of a record, with its ends, as text."""
    ends = {name: [expanded(record[name + "_ip"]), record.get(name + "_port")] for name in ("src", "dest")}
    return json.dumps({**ends, **members}, sort_keys=True)


def differences(capture, what, theirs, ours, table, at=0):
    """Faults of two multisets. `table`: by capture, how many only they have and how many only we, from `at` on, and why."""
    only_theirs, only_ours = theirs - ours, ours - theirs
    expected = tuple(table.get(capture.stem, ())[at:at + 2]) or (0, 0)
    if (only_theirs.total(), only_ours.total()) == expected:
        return []
    faults = [f"{capture.stem}: {what}: only theirs {only_theirs.total()}, only ours {only_ours.total()} of {ours.total()}; listed {expected}"]
    for name, only in (("theirs", only_theirs), ("ours", only_ours)):
        faults += [f"  {name + ':':7} {str(one)[:CHARACTERS_MAX]}" for one in list(only)[:EXAMPLES_MAX]]
    return faults


def differences_by_key(capture, what, theirs, ours, table, nothing=None):
    """Faults of what each says, members by key. `table`: by capture, the keys that differ, and why; `nothing`: in place of a key
    that one side lacks."""
    faults, listed = [], dict(table.get(capture.stem, {}))
    for key in sorted(set(ours) | set(theirs)):
        a, b = ours.get(key, nothing), theirs.get(key, nothing)
        if a != b and listed.pop(key, None) is None:
            a, b = a or {}, b or {}
            said = [f"{name} ours {str(a.get(name))[:FIELD_CHARACTERS_MAX]} tshark {str(b.get(name))[:FIELD_CHARACTERS_MAX]}"
                    for name in sorted(set(a) | set(b)) if a.get(name) != b.get(name)]
            faults.append(f"{capture.stem} {what} {key}: " + "; ".join(said))
    return faults + [f"{capture.stem} {what} {key}: is listed as different and is not" for key in listed]


# --- Captures.

def named_in_index(words):
    """The captures of the index in which tshark saw one of these protocols."""
    index = CAPTURES / "index.tsv"
    if not index.exists():
        return []
    rows = [line.split("\t") for line in index.read_text(encoding="utf-8").splitlines()[1:]]
    return [CAPTURES / row[0] for row in rows if set(row[7].split()) & set(words)]


def those_there(names):
    """The captures of these names in the collection."""
    return [CAPTURES / name for name in names if (CAPTURES / name).exists()]


CLIENT, SERVER = "10.0.0.1", "10.0.0.2"


def write_datagrams(path, datagrams):
    """`datagrams`: (from the client, client's port, server's port, payload)."""
    out = []
    for position, (from_client, port, service, payload) in enumerate(datagrams):
        ends = (CLIENT, port, SERVER, service) if from_client else (SERVER, service, CLIENT, port)
        frame = packets.ethernet(b"\2\0\0\0\0\2", b"\2\0\0\0\0\1", 0x0800, packets.ip(ends[0], ends[2], 17, packets.udp(*ends, payload)))
        out.append((1_700_000_000_000_000_000 + position * 1_000_000, frame))
    packets.write_pcap(path, out)
    return path


def connection(exchange, port, service, client=CLIENT):
    """The frames of one TCP connection; `exchange`: (from the client, payload)."""
    sequence = {True: 1000, False: 2000}
    frames = []

    def say(from_client, flags, payload=b""):
        ends = (client, port, SERVER, service) if from_client else (SERVER, service, client, port)
        acknowledged = sequence[not from_client] if flags & packets.ACK else 0
        segment = packets.tcp(*ends, sequence[from_client], acknowledged, flags, payload)
        frames.append(packets.ethernet(b"\2\0\0\0\0\2", b"\2\0\0\0\0\1", 0x0800, packets.ip(ends[0], ends[2], 6, segment)))
        sequence[from_client] += len(payload) + bool(flags & (packets.SYN | packets.FIN))

    say(True, packets.SYN)
    say(False, packets.SYN | packets.ACK)
    say(True, packets.ACK)
    for from_client, payload in exchange:
        say(from_client, packets.PSH | packets.ACK, payload)
        say(not from_client, packets.ACK)
    say(True, packets.FIN | packets.ACK)
    say(False, packets.FIN | packets.ACK)
    say(True, packets.ACK)
    return frames


def write_frames(path, frames):
    packets.write_pcap(path, [(1_700_000_000_000_000_000 + i * 1_000_000, frame) for i, frame in enumerate(frames)])
    return path


def tcp_of(frame):
    """Of an IPv4 TCP frame the link header's length, both ends (address, port), sequence and acknowledgement numbers and flags."""
    link = 18 if frame[12:14] == b"\x81\x00" else 14
    if len(frame) < link + 40 or frame[link - 2:link] != b"\x08\x00" or frame[link + 9] != 6:
        return None
    begin = link + (frame[link] & 15) * 4
    sport, dport, sequence, acknowledged, _, flags = struct.unpack(">HHIIBB", frame[begin:begin + 14])
    return link, (frame[link + 12:link + 16], sport), (frame[link + 16:link + 20], dport), sequence, acknowledged, flags


def with_handshakes(path, folder, service):
    """A capture with a handshake before every connection that it meets in its middle; the server's end is that of port `service`."""
    link_type, records = batches.read_pcap(path)
    out, known = [], set()
    for seconds, nanoseconds, length, frame in records:
        tcp = tcp_of(frame)
        if tcp is not None:
            link, source, destination, sequence, acknowledged, flags = tcp
            ends = frozenset([source, destination])
            if ends not in known and flags & (packets.SYN | packets.ACK) != packets.SYN:
                here, there = frame[:link], frame[6:12] + frame[:6] + frame[12:link]
                ask, answer = (here, source, destination), (there, destination, source)
                first, second = sequence, acknowledged
                if destination[1] != service:
                    ask, answer = answer, ask
                    first, second = acknowledged, sequence + bool(flags & packets.SYN)
                for (header, end, other), *numbers in ((ask, first - 1, 0, packets.SYN), (answer, second - 1, first, packets.SYN | packets.ACK), (ask, first, second, packets.ACK)):
                    one = header + packets.ip(end[0], other[0], 6, packets.tcp(*end, *other, *numbers))
                    out.append((seconds, nanoseconds, len(one), one))
            known.add(ends)
        out.append((seconds, nanoseconds, length, frame))
    made = pathlib.Path(folder) / (path.stem + "-handshakes.pcap")
    batches.write_pcap(made, link_type, out)
    return made
