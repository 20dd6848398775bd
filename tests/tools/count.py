#!/usr/bin/env python3
"""Counts single test cases in the logs of one run of tests/run.

  count.py LOG…            prints `passed failed skipped`, then one line a failed case, one a skipped one

Reads what CTest keeps (LastTest.log, with the output of every test in it), what GoogleTest prints and what tests/tools/cases.py
prints. A test without cases of its own counts as one; so does a test that died before it could say which case failed.
"""
import os
import pathlib
import re
import sys

GTEST_OK = re.compile(r"^\[       OK \] (\S+)")
GTEST_FAILED = re.compile(r"^\[  FAILED  \] (\S+)(?: \(\d+ ms\)|, where .* \(\d+ ms\))")
GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] (\S+) \(\d+ ms\)")
CASE = re.compile(r"^(ok|FAILED|skipped) (.+)")
BEGIN = re.compile(r"^\d+/\d+ Testing: (\S+)")


class Count:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, [], []

    def section(self, name, lines, broken):
        passed, failed, skipped, reason = 0, [], [], ""
        for line in lines:
            if GTEST_OK.match(line):
                passed += 1
            elif match := GTEST_FAILED.match(line):
                failed.append(f"{name}: {match[1]}")
            elif match := GTEST_SKIPPED.match(line):
                skipped.append(f"{name}: {match[1]}" + (f": {reason}" if reason else ""))
            elif match := CASE.match(line):
                if match[1] == "ok":
                    passed += 1
                else:
                    (failed if match[1] == "FAILED" else skipped).append(f"{name}: {match[2]}")
            reason = line.strip() if line.strip() and not line.startswith("[") else reason
        if broken and not failed:
            failed.append(f"{name}: ended with an error")
        elif not broken and not (passed or failed or skipped):
            passed = 1
        self.passed += passed
        self.failed += failed
        self.skipped += skipped

    def log(self, path):
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        if not any(BEGIN.match(line) for line in lines):
            self.section(path.stem, lines, broken=False)
            return
        name, body, broken = None, [], True
        for line in lines:
            if match := BEGIN.match(line):
                if name:
                    self.section(name, body, broken)
                name, body, broken = match[1], [], True
            elif re.match(r"^Test Passed\.", line):
                broken = False
            elif name:
                body.append(line)
        if name:
            self.section(name, body, broken)


def main():
    count = Count()
    for argument in sys.argv[1:]:
        count.log(pathlib.Path(argument))
    lines = [f"{count.passed} {len(count.failed)} {len(count.skipped)}"]
    lines += ["FAILED " + name for name in count.failed] + ["skipped " + name for name in count.skipped]
    try:
        print("\n".join(lines), flush=True)
    except BrokenPipeError:  # Who reads only the first line has gone; the interpreter's last flush must not trip over it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
