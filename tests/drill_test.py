#!/usr/bin/env python3
"""Every drill against the detectors that it is made for.

For each scenario of `tsujiban drill --list`: the capture and the site file that fits it are made, the capture is read
under that site file, and the alerts are held against tests/drill_expected.tsv (first records by detector and severity,
exactly) and against the labels beside the capture: every attack that a label expects is told, for the segment it was
laid in, and at or after its time; nothing that a label forbids is told.

  tests/drill_test.py [--binary …] [--update] [--seeds N] [--homes N] [--only NAME,…] [--benign-week HOMES]
    --update        writes what was found into the table, for review
    --seeds N       also the recall over the seeds 1 to N, by scenario, with every miss named; --report FILE keeps it
    --benign-week N a benign week of N homes: no alert of severity 1 or 2, and how many others a day
"""
import collections
import concurrent.futures
import datetime
import json
import os
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
from cases import check, equal, finish, report  # noqa: E402

TABLE = pathlib.Path(__file__).with_name("drill_expected.tsv")
HEADER = "# Scenario (seed 1, 20 homes), and first records of alerts by detector/severity. tests/drill_test.py --update writes it; review what changes.\n"
CLOCK_SLACK_S = 1
PRESENT = {name.replace("_", ".", 1).replace("_", "-") for name in re.findall(
    r"DetectorId::(\w+),", (cases.SOURCE / "src/config/detectors_present.h").read_text(encoding="utf-8"))}


def when(text):
    for form in ("%Y-%m-%dT%H:%M:%S.%f%z", "%Y-%m-%dT%H:%M:%S%z"):
        try:
            return datetime.datetime.strptime(text, form)
        except ValueError:
            pass
    raise ValueError(text)


def drill(program, folder, scenario, seed=1, homes=20, days=None):
    capture = folder / "drill.pcapng"
    words = ["drill", "--scenario", scenario, "-o", capture, "--site", folder / "site.yaml", "--seed", seed, "--homes", homes]
    if days:
        words += ["--days", days]
    done = program.run(*words, timeout=900)
    equal(done.status, 0, f"exit status of drill {scenario}: {done.err[-400:]}")
    labels = json.loads((folder / "drill.labels.json").read_text(encoding="utf-8"))
    return capture, labels


def alerts_of(program, folder, capture, workers=1):
    out = folder / f"out{workers}"
    done = program.run("read", "-c", folder / "site.yaml", "-w", workers, "--events", "alert", "-o", out, capture, timeout=900)
    equal(done.status, 0, f"exit status of read: {done.err[-400:]}")
    data = (out / "eve.json").read_bytes()
    return [a for a in cases.records(data) if a["event_type"] == "alert"], data


def first_records(alerts):
    """One an id: updates of a condition are not counted again."""
    firsts = {}
    for alert in alerts:
        firsts.setdefault(alert["tsujiban"]["id"], alert)
    return list(firsts.values())


def counts_of(alerts):
    found = collections.Counter(f"{a['tsujiban']['detector']}/{a['alert']['severity']}" for a in first_records(alerts))
    return " ".join(f"{name}={count}" for name, count in sorted(found.items()))


def misses(labels, alerts):
    """(event, detector, seconds to detect or None) for every expectation, and what was told though it must not be."""
    told, wrong = [], []
    for event in labels["events"]:
        begin = when(event["time"])
        segment = event.get("segment")

        def of_event(alert):
            if when(alert["tsujiban"]["last_seen"]) < begin - datetime.timedelta(seconds=CLOCK_SLACK_S):
                return False
            return not segment or alert.get("segment", segment) == segment

        # `expect_later` names detectors that are still to come.
        for detector in (d for d in event.get("expect", []) + event.get("expect_later", []) if d in PRESENT):
            hits = [a for a in alerts if a["tsujiban"]["detector"] == detector and of_event(a)]
            delays = [(when(a["timestamp"]) - begin).total_seconds() for a in hits]
            told.append((event, detector, min(delays) if delays else None))
        for detector in event.get("must_not", []):
            hits = [a for a in alerts if a["tsujiban"]["detector"] == detector and of_event(a) and
                    when(a["timestamp"]) < begin + datetime.timedelta(minutes=5)]
            wrong += [(event, detector, a) for a in hits]
    return told, wrong


def expected_rows():
    rows = {}
    if TABLE.exists():
        for line in TABLE.read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                name, _, counts = line.partition("\t")
                rows[name] = counts
    return rows


def scenarios(program):
    done = program.run("drill", "--list")
    equal(done.status, 0, "exit status of drill --list")
    return [line.split()[0] for line in done.out.decode().splitlines() if line.strip() and not line.startswith(" ")]


def one(program, scenario, seed, homes):
    with tempfile.TemporaryDirectory(prefix="tsujiban-drill-") as name:
        folder = pathlib.Path(name)
        capture, labels = drill(program, folder, scenario, seed, homes)
        alerts, data = alerts_of(program, folder, capture)
        same = None
        if seed == 1:
            others, other = alerts_of(program, folder, capture, workers=3)
            # Which entry a full table gives up depends on how many tables there are: allowed where a run says that it
            # gave some up.
            same = data == other or any(a["tsujiban"]["detector"] == "sensor.state-limit" for a in alerts + others)
        told, wrong = misses(labels, alerts)
        return scenario, counts_of(alerts), told, wrong, same, alerts


def text_of(miss):
    event, detector, _ = miss
    return f"{detector} at {event['time']} ({event.get('note', '')[:60]})"


def recall(program, names, seeds, homes, out):
    totals = collections.defaultdict(lambda: [0, 0, []])
    missed = collections.defaultdict(list)
    jobs = [(name, seed) for name in names for seed in range(1, seeds + 1)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for (name, seed), result in zip(jobs, pool.map(lambda job: one(program, job[0], job[1], homes), jobs)):
            for entry in result[2]:
                row = totals[name, entry[1]]
                row[1] += 1
                if entry[2] is None:
                    missed[name, entry[1]].append(f"seed {seed}: {text_of(entry)}")
                else:
                    row[0] += 1
                    row[2].append(max(0.0, entry[2]))
    lines = ["| scenario | detector | told | of | median time to detect, s |", "|---|---|---|---|---|"]
    for (name, detector), (hit, of, delays) in sorted(totals.items()):
        middle = f"{sorted(delays)[len(delays) // 2]:.1f}" if delays else "-"
        lines.append(f"| {name} | {detector} | {hit} | {of} | {middle} |")
    text = "\n".join(lines) + "\n" + "".join(f"missed {n} {d}: {'; '.join(m[:5])}\n" for (n, d), m in sorted(missed.items()))
    print(text)
    if out:
        pathlib.Path(out).write_text(text, encoding="utf-8")
    return sum(row[0] for row in totals.values()), sum(row[1] for row in totals.values())


def benign_week(program, homes):
    with tempfile.TemporaryDirectory(prefix="tsujiban-week-") as name:
        folder = pathlib.Path(name)
        start = time.monotonic()
        capture, labels = drill(program, folder, "benign-week", 1, homes)
        made = time.monotonic()
        alerts, _ = alerts_of(program, folder, capture, workers=os.cpu_count())
        print(f"{labels['packets']} packets, {capture.stat().st_size >> 20} MiB; made in {made - start:.0f} s, read in {time.monotonic() - made:.0f} s")
        print(f"first records: {counts_of(alerts) or 'none'}")
        return [a for a in first_records(alerts) if a["alert"]["severity"] <= 2], len(first_records(alerts)), labels["days"]


def main():
    arguments = cases.parser(__doc__)
    arguments.add_argument("--update", action="store_true")
    arguments.add_argument("--seeds", type=int, default=0)
    arguments.add_argument("--homes", type=int, default=20)
    arguments.add_argument("--only")
    arguments.add_argument("--report")
    arguments.add_argument("--benign-week", type=int, default=0)
    options = arguments.parse_args()
    program = cases.Program(options.binary)
    totals = collections.Counter()

    def tell(ok, name, why=""):
        result = "passed" if ok else "failed"
        report(result, name, "" if ok else why)
        totals[result] += 1

    if options.benign_week:
        bad, others, days = benign_week(program, options.benign_week)
        tell(not bad, f"a benign week of {options.benign_week} homes has no alert of severity 1 or 2 ({others / days:.1f} others a day)",
             "; ".join(f"{a['tsujiban']['detector']} {a['timestamp']} {a['tsujiban']['why'][:1]}" for a in bad[:10]))
        return finish(totals)
    names = [n for n in scenarios(program) if not options.only or any(part in n for part in options.only.split(","))]
    check(names, "no scenario")
    if options.seeds:
        hit, of = recall(program, [n for n in names if "week" not in n], options.seeds, options.homes, options.report)
        tell(hit >= 0.95 * of, f"recall over {options.seeds} seeds: {hit} of {of}", "below 95 %")
        return finish(totals)

    rows = expected_rows()
    quick = [n for n in names if "week" not in n]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda n: one(program, n, 1, 20), quick))
    for scenario, counts, told, wrong, same, alerts in results:
        late = [text_of(miss) for miss in told if miss[2] is None]
        tell(not late, f"{scenario}: every attack that its labels expect is told", "; ".join(late[:6]))
        tell(not wrong, f"{scenario}: nothing that its labels forbid is told", "; ".join(f"{d} at {e['time']}" for e, d, _ in wrong[:6]))
        tell(same, f"{scenario}: one worker and three give the same bytes", "the events differ")
        if scenario.startswith("benign"):
            high = [f"{a['tsujiban']['detector']} {a['timestamp']} {a['tsujiban']['why'][:1]}" for a in alerts if a["alert"]["severity"] <= 2]
            tell(not high, f"{scenario}: no alert of severity 1 or 2", "; ".join(high[:6]))
        if not options.update:
            tell(rows.get(scenario) == counts, f"{scenario}: exactly as often as stated", f"found {counts!r}, stated {rows.get(scenario)!r}")
        rows[scenario] = counts
    if options.update:
        TABLE.write_text(HEADER + "".join(f"{name}\t{rows[name]}\n" for name in sorted(rows) if name in quick or options.only), encoding="utf-8")
        print(f"wrote {TABLE.name}")
    return finish(totals)


if __name__ == "__main__":
    sys.exit(main())
