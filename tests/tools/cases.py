"""A very small harness for tests that drive the program. A case is a function whose name is a sentence.

Prints one line a case, `ok NAME`, `FAILED NAME: why` or `skipped NAME: why`, and last `N passed, N failed, N skipped`;
tests/tools/count.py adds these lines up. The program under test is --binary, or what TSUJIBAN names.
"""
import argparse
import collections
import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback

sys.dont_write_bytecode = True
SOURCE = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = SOURCE.parent / "shared" / "captures"
DEMO = SOURCE / "deploy" / "demo"
TIMEOUT_S = 60


class Skip(Exception):
    """A case cannot run here; the text names what is missing."""


Ran = collections.namedtuple("Ran", "status out err")
_cases = []


def case(function):
    _cases.append((function.__name__.replace("_", " "), function))
    return function


def parser(description):
    arguments = argparse.ArgumentParser(description=description)
    arguments.add_argument("--binary", default=os.environ.get("TSUJIBAN", str(SOURCE / "build/release/tsujiban")),
                           help="the program under test")
    return arguments


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(found, wanted, what):
    check(found == wanted, f"{what}: {found!r}, wanted {wanted!r}")


class Program:
    def __init__(self, binary):
        self.binary = os.path.abspath(binary)  # Some cases run it in a folder of their own.

    def run(self, *arguments, **options):
        """Runs with a pipe on every stream; a crash (death by a signal, a sanitizer's report) is a failure by itself."""
        options.setdefault("timeout", TIMEOUT_S)
        options.setdefault("stdout", subprocess.PIPE)
        if "input" not in options:
            options.setdefault("stdin", subprocess.DEVNULL)
        done = subprocess.run([self.binary, *map(str, arguments)], stderr=subprocess.PIPE, check=False, **options)
        error = done.stderr.decode("utf-8", "replace")
        self.must_be_sane(done.returncode, error, arguments)
        return Ran(done.returncode, done.stdout if done.stdout is not None else b"", error)

    def must_be_sane(self, status, error, arguments):
        said = error[-1500:]
        check(status >= 0, f"died by signal {-status}: {' '.join(map(str, arguments))}\n{said}")
        for mark in ("Sanitizer", "runtime error:", "terminate called"):
            check(mark not in error, f"{mark} in the error output of {' '.join(map(str, arguments))}\n{said}")

    def events(self, *arguments, status=(0,), **options):
        """`read … -o -`: the records."""
        done = self.run("read", *arguments, "-o", "-", **options)
        check(done.status in status, f"exit status {done.status}, wanted {status}: {done.err[-800:]}")
        return records(done.out)


def records(data):
    found = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if line:
            try:
                found.append(json.loads(line))
            except ValueError as error:
                raise AssertionError(f"line {number} is no JSON ({error}): {line[:200]!r}") from error
    return found


def read_file(path):
    data = pathlib.Path(path).read_bytes()
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def schema_validator():
    """A validator of records against config/eve.schema.json; Skip where the library is missing."""
    try:
        import jsonschema
    except ImportError as error:
        raise Skip("python3-jsonschema is missing") from error
    path = SOURCE / "config" / "eve.schema.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema)


def schema_faults(validator, record):
    return [f"{'/'.join(map(str, fault.absolute_path)) or 'record'}: {fault.message[:200]}" for fault in validator.iter_errors(record)]


def run_cases(program, only=None):
    """Runs every case of the calling script and returns the exit status."""
    totals = collections.Counter()
    for name, function in _cases:
        if only and only not in name:
            continue
        with tempfile.TemporaryDirectory(prefix="tsujiban-test-") as folder:
            try:
                function(program, pathlib.Path(folder))
                result, why = "passed", ""
            except Skip as reason:
                result, why = "skipped", str(reason)
            except subprocess.TimeoutExpired as late:
                result, why = "failed", f"still running after {late.timeout} s"
            except AssertionError as wrong:
                result, why = "failed", str(wrong)
            except Exception:  # A fault of the test itself is told, and the others still run.
                result, why = "failed", traceback.format_exc()
        report(result, name, why)
        totals[result] += 1
    return finish(totals)


def report(result, name, why=""):
    word = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}[result]
    print(f"{word} {name}" + (f": {why}" if why else ""), flush=True)


def finish(totals):
    skipped = f", {totals['skipped']} skipped" if totals["skipped"] else ""
    print(f"{totals['passed']} passed, {totals['failed']} failed{skipped}")
    return 1 if totals["failed"] else 0


def main(description):
    arguments = parser(description)
    arguments.add_argument("--only", help="run the cases whose name contains this")
    options = arguments.parse_args()
    if not pathlib.Path(options.binary).exists():
        sys.exit(f"{options.binary} does not exist; build it with `cmake --build --preset release`, or name it with --binary")
    return run_cases(Program(options.binary), options.only)
