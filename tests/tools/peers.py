"""What the oracle tests of the office protocols (smb, rdp, snmp, ntp) share: our records, Suricata's, tshark's fields."""
import argparse
import json
import pathlib
import shutil
import subprocess
import tempfile

import packets

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = SOURCE.parent / "shared" / "captures"
AGGREGATOR, SEPARATOR = "\x1f", "\x1e"


def ours_of(binary, capture, kind):
    done = subprocess.run([binary, "read", "-o", "-", "--events", kind, capture], capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr[-500:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def suricata_of(capture, folder, kind):
    text = (SOURCE / "bench" / "suricata.yaml").read_text().replace("types: [alert]", f"types: [{kind}]")
    ports = ", detection-ports: {dp: '139, 445'}" if kind == "smb" else ""
    text = text.replace("    dns: {tcp", f"    {kind}: {{enabled: yes{ports}}}\n    dns: {{tcp")
    configuration = pathlib.Path(folder) / "suricata.yaml"
    configuration.write_text(text)
    log = pathlib.Path(folder) / (kind + "-" + capture.name)
    log.mkdir()
    subprocess.run(["suricata", "-c", configuration, "-r", capture, "-l", log, "-k", "none"], capture_output=True, timeout=300)
    eve = log / "eve.json"
    return [json.loads(line) for line in eve.read_text().splitlines()] if eve.exists() else []


def tshark_of(capture, what, fields):
    """Rows of lists of values, a frame each."""
    command = ["tshark", "-r", str(capture), "-Y", what, "-T", "fields", "-E", f"aggregator={AGGREGATOR}", "-E", f"separator={SEPARATOR}"]
    for field in ["frame.number"] + fields:
        command += ["-e", field]
    done = subprocess.run(command, capture_output=True, timeout=300)
    rows = []
    for line in done.stdout.decode("utf-8", "replace").split("\n"):
        if line:
            rows.append(dict(zip(["frame"] + fields, [v.split(AGGREGATOR) if v else [] for v in line.split(SEPARATOR)])))
    return rows


def named_in_index(words):
    """The captures of the index in which tshark saw one of these protocols."""
    index = CAPTURES / "index.tsv"
    if not index.exists():
        return []
    rows = [line.split("\t") for line in index.read_text(encoding="utf-8").splitlines()[1:]]
    return [CAPTURES / row[0] for row in rows if set(row[7].split()) & set(words)]


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


def run(kind, words, make, compare_suricata, compare_tshark):
    """`make(folder)` gives the captures made here; the comparisons give lines of differences. 77: skipped."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", default="")
    parser.add_argument("--more", nargs="*", default=[], help="further captures")
    options = parser.parse_args()
    peers = [name for name in ("tshark", "suricata") if shutil.which(name)]
    if not options.binary or not CAPTURES.is_dir() or not peers:
        print("skipped: no program, no captures or no peer")
        return 77
    faults, records, captures = [], 0, 0
    with tempfile.TemporaryDirectory() as folder:
        for capture in named_in_index(words) + [pathlib.Path(p) for p in options.more] + make(pathlib.Path(folder)):
            ours = ours_of(options.binary, capture, kind)
            captures += 1
            records += len(ours)
            if compare_suricata and "suricata" in peers:
                faults += compare_suricata(capture, ours, suricata_of(capture, folder, kind))
            if compare_tshark and "tshark" in peers:
                faults += compare_tshark(capture, ours)
    print("\n".join(faults))
    print(f"{captures} captures, {records} records of ours, {len(faults)} lines of differences; peers: {', '.join(peers)}")
    return 1 if faults else 0
