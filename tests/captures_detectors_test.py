#!/usr/bin/env python3
"""Reads every capture of the foreign collection without a configuration and compares what the detectors say with what a
person reviewed: tests/detector_counts.tsv, conditions by detector and severity, only of files with any. Signatures are
left out: without a configuration there are none. `--update` writes that table anew, for review; its notes stay.
"""
import collections
import concurrent.futures
import csv
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402

TABLE = pathlib.Path(__file__).with_name("detector_counts.tsv")
FILE_SECONDS_MAX = 20


def counts_of(records):
    """Conditions: updates of one have its id and are not counted again."""
    firsts = {}
    for record in records:
        if record["event_type"] == "alert" and record["tsujiban"]["detector"] != "signature":
            firsts.setdefault(record["tsujiban"]["id"], record)
    found = collections.Counter(f"{a['tsujiban']['detector']}/{a['alert']['severity']}" for a in firsts.values())
    return " ".join(f"{name}={count}" for name, count in sorted(found.items()))


def examine(program, name):
    try:
        done = program.run("read", "--events", "alert", "-o", "-", cases.CAPTURES / name, timeout=FILE_SECONDS_MAX)
        cases.check(done.status in (0, 1), f"exit status {done.status}: {done.err[-300:]}")
        return counts_of(cases.records(done.out)), ""
    except Exception as wrong:
        return "", str(wrong)


def read_table():
    notes, rows = [], {}
    if TABLE.exists():
        for line in TABLE.read_text(encoding="utf-8").splitlines():
            if line.startswith("#"):
                notes.append(line)
            elif line:
                name, _, counts = line.partition("\t")
                rows[name] = counts
    return notes, rows


def main():
    arguments = cases.parser(__doc__)
    arguments.add_argument("--update", action="store_true", help="write the table")
    arguments.add_argument("--jobs", type=int, default=2)
    arguments.add_argument("--only", default="", help="files whose path contains this")
    options = arguments.parse_args()
    totals = collections.Counter()
    notes, expected = read_table()
    if not (cases.CAPTURES / "index.tsv").exists():
        cases.report("skipped", "what detectors say of the collection of captures", "the collection is absent")
        totals["skipped"] += 1
        return cases.finish(totals)
    program = cases.Program(options.binary)
    with open(cases.CAPTURES / "index.tsv", encoding="utf-8") as lines:
        names = [row["file"] for row in csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
                 if options.only in row["file"]]
    rows, calm = {}, 0
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        for name, (counts, fault) in zip(names, pool.map(lambda n: examine(program, n), names)):
            rows[name] = counts
            if not fault and not options.update and counts != expected.get(name, ""):
                fault = f"found {counts or 'nothing'!r}, reviewed: {expected.get(name, 'nothing')!r}"
            if not fault and not counts:
                calm += 1
                continue
            result = "failed" if fault else "passed"
            cases.report(result, name, fault)
            totals[result] += 1
    if calm:
        cases.report("passed", f"{calm} captures of which no detector says anything")
        totals["passed"] += 1
    gone = [name for name in expected if options.only in name and name not in rows]
    if gone and not options.update:
        cases.report("failed", "every file of the table is there", " ".join(gone))
        totals["failed"] += 1
    if options.update:
        kept = {name: counts for name, counts in expected.items() if name not in rows and options.only}
        kept.update((name, counts) for name, counts in rows.items() if counts)
        TABLE.write_text("".join(f"{note}\n" for note in notes) +
                         "".join(f"{name}\t{kept[name]}\n" for name in sorted(kept)), encoding="utf-8")
        print(f"wrote {len(kept)} rows to {TABLE.name}; read the difference before you commit it")
    return cases.finish(totals)


if __name__ == "__main__":
    sys.exit(main())
