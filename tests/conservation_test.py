#!/usr/bin/env python3
"""Nothing is lost untold: received = processed + dropped, and every occurrence of an alert is in a count that is written.

The live test checks both identities on the metrics page too, alerts raised = written + merged + shed among them.
"""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
import drills  # noqa: E402
import packets  # noqa: E402
from cases import case, check, equal  # noqa: E402


def balanced(stats, received=None):
    """Checks received = processed + dropped on one stats record, and returns it."""
    ours, processed = stats["tsujiban"], stats["decoder"]["pkts"]
    equal(ours["packets_received"], processed + sum(ours["dropped"].values()), "received, against processed and dropped")
    if received is not None:
        equal(ours["packets_received"], received, "packets received")
    return stats


def occurrences(alerts):
    """What the alert records of each condition tell in the end: {id: count}."""
    counts = {}
    for alert in alerts:
        counts[alert["tsujiban"]["id"]] = max(counts.get(alert["tsujiban"]["id"], 0), alert["tsujiban"]["count"])
    return counts


def stats_of(records):
    found = [r["stats"] for r in records if r["event_type"] == "stats"]
    check(found, "no stats record")
    return found[-1]


@case
def demonstration_is_balanced(program, _):
    records = program.events("-c", drills.SITE, drills.CAPTURE)
    stats = balanced(stats_of(records), received=len(drills.frames()))
    equal(stats["detect"]["alert"], sum(r["event_type"] == "alert" for r in records), "alerts in the file")
    equal(sum(stats["tsujiban"]["dropped"].values()), 0, "`read` never drops")
    equal(stats["tsujiban"]["records_shed"], 0, "`read` never sheds")


@case
def alerts_that_were_merged_are_counted(program, folder):
    """4,000 packets of one forbidden pair: one condition, raised 4,000 times, told a few times."""
    frames = [(1_700_000_000 * 10**9 + index * 50_000_000, packets.ethernet(
        packets.mac("02:00:00:00:0c:01"), packets.mac("02:00:00:00:0c:14"), 0x0800, packets.ip(
            "192.168.1.20", "203.0.113.66", 17, packets.udp("192.168.1.20", 5000, "203.0.113.66", 9000, b"x")), (100,)))
              for index in range(4000)]
    packets.write_pcap(folder / "forbidden.pcap", frames)
    for workers in (1, 2, 4):
        records = program.events("-c", drills.SITE, "-w", workers, folder / "forbidden.pcap")
        balanced(stats_of(records), received=4000)
        alerts = [r for r in records if r["event_type"] == "alert" and r["tsujiban"]["detector"] == "policy.peer-not-allowed"]
        check(2 <= len(alerts) <= 5, f"{len(alerts)} records in 200 s, wanted one at the start and one each 60 s")
        equal(list(occurrences(alerts).values()), [4000], "occurrences of each condition: every packet that raised one is in its count")
        counts = [a["tsujiban"]["count"] for a in alerts]
        equal(counts, sorted(counts), "counts grow")


@case
def damaged_and_foreign_packets_are_accounted_for(program, folder):
    whole = packets.ethernet(b"\xff" * 6, b"\2" + b"\0" * 5, 0x0800, packets.ip(
        "192.0.2.1", "192.0.2.2", 17, packets.udp("192.0.2.1", 1000, "192.0.2.2", 3610, b"x" * 40)))
    frames = [(index, whole[:index]) for index in range(len(whole) + 1)]
    frames += [(1000 + ethertype, packets.ethernet(b"\xff" * 6, b"\2" + b"\0" * 5, ethertype, b"\x45" * 80))
               for ethertype in range(0x0800, 0x0810)]
    packets.write_pcap(folder / "odd.pcap", frames)
    for workers in (1, 3):
        balanced(stats_of(program.events("-w", workers, folder / "odd.pcap")), received=len(frames))


@case
def several_captures_add_up(program, _):
    records = program.events(drills.CAPTURE, drills.CAPTURE)
    balanced(stats_of(records), received=2 * len(drills.frames()))


if __name__ == "__main__":
    sys.exit(cases.main(__doc__))
