#!/usr/bin/env python3
"""Reads every capture of the foreign collection and compares with what a person reviewed.

For each file and 1, 2 and 4 workers: no crash, no hang, exit status 0 or 1, the same records byte for byte, every record valid
against the schema, and the counts of tests/captures_expected.tsv. `--update` writes that table anew, for review.
`--quick` reads with 2 workers only and without the schema, for builds with sanitizers.
"""
import collections
import concurrent.futures
import csv
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402

EXPECTED = cases.SOURCE / "tests" / "captures_expected.tsv"
FILE_SECONDS_MAX = 20        # One small file; an unbounded loop shows itself here.
RECORDS_VALIDATED_MAX = 60   # Of one file and event type; the shapes repeat.
COLUMNS = ["file", "status", "packets", "events", "alerts", "anomalies", "malformed"]

_validator = None


def packets_of(records):
    stats = [r for r in records if r["event_type"] == "stats"]
    cases.check(stats, "no stats record at the end")
    return stats[-1]["stats"]


def counted(mapping):
    return " ".join(f"{key}={mapping[key]}" for key in sorted(mapping)) or "-"


def row_of(name, status, records):
    types = collections.Counter(r["event_type"] for r in records)
    alerts = collections.Counter(r["tsujiban"]["detector"] for r in records if r["event_type"] == "alert")
    anomalies = collections.Counter(r["anomaly"]["event"] for r in records if r["event_type"] == "anomaly")
    malformed = sum(1 for r in records if "malformed" in r.get(r["event_type"], {}))
    return {"file": name, "status": str(status), "packets": str(packets_of(records)["tsujiban"]["packets_received"]), "events": counted(types),
            "alerts": counted(alerts), "anomalies": counted(anomalies), "malformed": str(malformed)}


def examine(task):
    """One file, in a process of its own pool. Returns (row or None, faults)."""
    global _validator
    binary, folder, name, indexed_packets, quick = task  # `quick`: the number of workers of one run, or 0.
    program = cases.Program(binary)
    faults, row, first = [], None, None
    for workers in (quick,) if quick else (1, 2, 4):
        begun = time.monotonic()
        try:
            done = program.run("read", "-w", workers, "-o", "-", pathlib.Path(folder) / name,
                               timeout=FILE_SECONDS_MAX * (5 if quick else 1))
            cases.check(done.status in (0, 1), f"exit status {done.status}: {done.err[-300:]}")
        except Exception as wrong:
            faults.append(f"{workers} workers, after {time.monotonic() - begun:.1f} s: {wrong}")
            continue
        if first is None:
            first = (done.status, done.out)
            try:
                records = cases.records(done.out)
                row = row_of(name, done.status, records)
                if indexed_packets is not None and done.status == 0 and row["packets"] != indexed_packets:
                    faults.append(f"{row['packets']} packets read, the index says {indexed_packets}")
                if not quick:
                    if _validator is None:
                        _validator = cases.schema_validator()
                    seen = collections.Counter()
                    for number, record in enumerate(records, 1):
                        seen[record["event_type"]] += 1
                        if seen[record["event_type"]] <= RECORDS_VALIDATED_MAX:
                            wrong = cases.schema_faults(_validator, record)
                            if wrong:
                                faults.append(f"record {number} breaks the schema: {wrong[0]}")
                                break
            except cases.Skip:
                pass
            except (AssertionError, KeyError, TypeError) as wrong:
                faults.append(f"{type(wrong).__name__}: {wrong}")
        elif first != (done.status, done.out):
            faults.append(f"{workers} workers give other records than the first run")
    return row, faults


def load_index():
    with open(cases.CAPTURES / "index.tsv", encoding="utf-8") as lines:
        for entry in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield entry["file"], entry["packets"] if entry["packets"].isdigit() else None


def load_expected():
    if not EXPECTED.exists():
        return {}
    with open(EXPECTED, encoding="utf-8") as lines:
        return {row["file"]: row for row in csv.DictReader((l for l in lines if not l.startswith("#")), delimiter="\t")}


def main():
    arguments = cases.parser(__doc__)
    arguments.add_argument("--update", action="store_true", help="write the table of expected counts")
    arguments.add_argument("--quick", action="store_true", help="one run with 2 workers, no schema")
    arguments.add_argument("--workers", type=int, default=2, help="workers of --quick")
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--only", default="", help="files whose path contains this")
    options = arguments.parse_args()
    totals = collections.Counter()
    if not (cases.CAPTURES / "index.tsv").exists():
        expected = load_expected()
        for name in expected or ["the collection of captures"]:
            cases.report("skipped", name, "the collection of captures is absent")
            totals["skipped"] += 1
        return cases.finish(totals)
    index = {name: packets for name, packets in load_index() if options.only in name}
    expected, rows = load_expected(), {}
    tasks = [(options.binary, str(cases.CAPTURES), name, packets, options.workers if options.quick else 0) for name, packets in index.items()]
    with concurrent.futures.ProcessPoolExecutor(options.jobs) as pool:
        for task, (row, faults) in zip(tasks, pool.map(examine, tasks, chunksize=8)):
            name = task[2]
            if row is not None:
                rows[name] = row
                if not options.update and name in expected:
                    faults += [f"{column} {row[column]}, reviewed: {expected[name][column]}"
                               for column in COLUMNS if row[column] != expected[name][column]]
            if not options.update and name not in expected:
                faults.append("no row in tests/captures_expected.tsv; review `--update`")
            result = "failed" if faults else "passed"
            cases.report(result, name, "; ".join(faults))
            totals[result] += 1
    if options.update:
        with open(EXPECTED, "w", encoding="utf-8") as out:
            out.write("\t".join(COLUMNS) + "\n")
            for name in sorted({**expected, **rows} if options.only else rows):
                row = rows.get(name) or expected[name]
                out.write("\t".join(row[column] for column in COLUMNS) + "\n")
        print(f"wrote {len(rows)} rows to {EXPECTED.relative_to(cases.SOURCE)}; read the difference before you commit it")
    return cases.finish(totals)


if __name__ == "__main__":
    sys.exit(main())
