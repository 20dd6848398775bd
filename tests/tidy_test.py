#!/usr/bin/env python3
"""Reads the tree itself: floors respected, folders complete, nothing unlisted. Each message says what to do instead."""
import collections
import os
import pathlib
import re
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
from cases import case  # noqa: E402

ROOT = cases.SOURCE
# The counters of metrics are named by the words of model, so metrics stands half a floor above it.
FLOORS = {"base": 0, "model": 1, "metrics": 1.5, "capture": 2, "output": 2, "config": 2, "decode": 3, "flow": 3, "reassembly": 3,
          "dissect": 4, "policy": 4, "dissectors": 5, "detect": 6, "learn": 6, "pipeline": 7, "drill": 7, "app": 8}
SYSTEM_FLOORS = {2, 8}  # Only these touch clocks, threads and files.
TOP_LEVEL = {".ci", ".clang-format", ".git", ".gitignore", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md", "bench",
             "build", "config", "deploy", "dissectors", "signatures", "src", "tests"}
LINES_MAX = 700
CODE = {".cpp", ".h"}
PROSE_AND_CODE = CODE | {".py", ".md", ".txt", ".yaml", ".json", ".rules", ".cmake", ".sh", ""}
# Written in pieces, so that this file does not find itself.
FORBIDDEN_WORDS = ["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK", "st" + "ub", "st" + "ubs", "not " + "implemented", "work in " + "progress"]
FORBIDDEN_PLACES = ["/wo" + "rk/", "/ho" + "me/", "/ro" + "ot/", "/Us" + "ers/", "deb." + "debian.org", "snapshot." + "debian.org",
                    "py" + "pi.org", "registry." + "npmjs", "proxy." + "golang", "crates" + ".io", "pythonhosted" + ".org"]


def walk():
    for folder, folders, names in os.walk(ROOT):
        folders[:] = sorted(f for f in folders if not (pathlib.Path(folder) == ROOT and f in (".git", "build")) and f != "__pycache__")
        for name in sorted(names):
            yield pathlib.Path(folder, name)


FILES = [path for path in walk() if path.is_file()]


def relative(path):
    return path.relative_to(ROOT).as_posix()


def texts(suffixes=None):
    for path in FILES:
        if "corpus" in path.parts or (suffixes is not None and path.suffix not in suffixes):
            continue
        data = path.read_bytes()
        if b"\0" not in data:
            try:
                yield path, data.decode("utf-8")
            except UnicodeDecodeError:
                continue


def nothing(faults):
    faults = list(faults)
    cases.check(not faults, "".join("\n    " + fault for fault in faults[:40]) + (f"\n    and {len(faults) - 40} more" if len(faults) > 40 else ""))


def home(path):
    """The folder that names a file's floor, and for a dissector which one: ("flow", None), ("dissectors", "modbus")."""
    parts = path.relative_to(ROOT).parts
    if parts[0] == "src" and len(parts) > 2:
        return parts[1], None
    if parts[0] == "dissectors":
        return "dissectors", parts[1] if len(parts) > 2 else None
    return None, None


@case
def files_include_only_their_own_folder_and_lower_floors(*_):
    def faults():
        for path, text in texts(CODE):
            own, own_dissector = home(path)
            if own is None:
                continue
            for number, line in enumerate(text.split("\n"), 1):
                match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
                if not match:
                    continue
                parts = match[1].split("/")
                if parts[0] not in FLOORS:
                    if len(parts) == 1 and not (path.parent / match[1]).exists():
                        yield f'{relative(path)}:{number}: "{match[1]}" has no folder; write it as "folder/{match[1]}"'
                    continue
                if parts[0] == "dissectors":
                    other = parts[1] if len(parts) > 2 else None
                    if own == "dissectors" and own_dissector and other and other != own_dissector:
                        yield f"{relative(path)}:{number}: a dissector does not include another; speak through neutral facts in src/model"
                if parts[0] != own and FLOORS[parts[0]] >= FLOORS[own]:
                    yield (f"{relative(path)}:{number}: {own} (floor {FLOORS[own]}) includes {parts[0]} (floor {FLOORS[parts[0]]}); move what "
                           f"both need to a floor below {own}, or hand it in from above")
    nothing(faults())


@case
def libraries_link_only_lower_floors(*_):
    def faults():
        for path in FILES:
            if path.name != "CMakeLists.txt":
                continue
            own, _ = home(path)
            for call in re.finditer(r"tsujiban_library\(\s*(\w+)([^)]*)\)", path.read_text(encoding="utf-8")):
                links = re.search(r"\bLINKS\b(.*?)(?:\bSOURCES\b|\bSYSTEM\b|$)", call[2], re.S)
                for name in (links[1].split() if links else []):
                    if own in FLOORS and name in FLOORS and FLOORS[name] >= FLOORS[own]:
                        yield f"{relative(path)}: {call[1]} links {name}, which is not on a lower floor; link only what lies below"
    nothing(faults())


@case
def middle_floors_do_not_touch_the_system(*_):
    banned = re.compile(r"#\s*include\s+<(thread|mutex|condition_variable|fstream|iostream|filesystem|future|ctime|unistd\.h|sys/socket\.h|time\.h)>")

    def faults():
        for path, text in texts(CODE):
            own, _ = home(path)
            if own is None or not 3 <= FLOORS[own] <= 6 or re.search(r"_(test|fuzz)\.cpp$", path.name):
                continue
            for number, line in enumerate(text.split("\n"), 1):
                if match := banned.search(line):
                    yield (f"{relative(path)}:{number}: <{match[1]}> on floor {FLOORS[own]}; floors 3 to 6 have no clock, thread or file: take "
                           "packet time and bytes as arguments")
    nothing(faults())


@case
def every_folder_says_what_it_does(*_):
    def faults():
        wanted = [ROOT] + [ROOT / name for name in ("bench", "config", "deploy", "dissectors", "signatures", "tests")]
        wanted += [f for base in ("src", "dissectors") for f in sorted((ROOT / base).iterdir()) if f.is_dir()]
        for folder in wanted:
            if not (folder / "README.md").exists():
                yield f"{relative(folder)}/README.md is missing; say what the folder does, what it refuses and its bounds"
    nothing(faults())


@case
def every_dissector_is_complete(*_):
    def faults():
        registry = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "dissectors").glob("registry*"))
        listing = (ROOT / "dissectors" / "CMakeLists.txt").read_text(encoding="utf-8")
        for folder in sorted(f for f in (ROOT / "dissectors").iterdir() if f.is_dir()):
            for pattern in ("README.md", "CMakeLists.txt", "*_wire.h", "*_dissector.h", "*_dissector.cpp", "*_test.cpp", "*_fuzz.cpp"):
                if not list(folder.glob(pattern)):
                    yield f"dissectors/{folder.name}: no {pattern}; a dissector has its wire view, state machine, test and fuzz target"
            if not any(p.is_file() for p in folder.glob("corpus/*/*")):
                yield f"dissectors/{folder.name}/corpus is empty; put some true and some broken messages there, one a file"
            if folder.name not in registry:
                yield f"dissectors/registry.cpp does not name {folder.name}; add its row"
            if not re.search(rf"\b{folder.name}\b", listing):
                yield f"dissectors/CMakeLists.txt does not name {folder.name}; add its line"
    nothing(faults())


@case
def every_source_is_built(*_):
    def faults():
        for path in FILES:
            if path.suffix != ".cpp":
                continue
            folder = path.parent
            listed = False
            while True:
                listing = folder / "CMakeLists.txt"
                if listing.exists():
                    text = listing.read_text(encoding="utf-8")
                    name = path.relative_to(folder).as_posix()
                    globs = re.findall(r"GLOB\s+\w+\s+(?:CONFIGURE_DEPENDS\s+)?([^)]*)", text)
                    patterns = [word.strip('"').rsplit("/", 1)[-1] for words in globs for word in words.split()]
                    listed = listed or path.name in text or name in text or any(pathlib.PurePath(path.name).match(p) for p in patterns if "*" in p)
                if folder == ROOT:
                    break
                folder = folder.parent
            if not listed:
                yield f"{relative(path)} is in no CMakeLists.txt; list it, or delete it"
    nothing(faults())


@case
def every_fuzz_target_has_a_corpus(*_):
    def faults():
        for path in FILES:
            if path.name == "CMakeLists.txt" and path.parent != ROOT:
                for name in re.findall(r"tsujiban_fuzz\(\s*(\w+)", path.read_text(encoding="utf-8")):
                    folder = path.parent / "corpus" / name
                    if not folder.is_dir() or not any(folder.iterdir()):
                        yield f"{relative(folder)} is empty; put a few small true and broken inputs there, one a file"
    nothing(faults())


@case
def files_stay_short_enough_to_read(*_):
    def faults():
        for path, text in texts(CODE | {".py", ".sh", ".md", ""}):
            lines = text.count("\n")
            if lines > LINES_MAX and path.name != "LICENSE":
                yield f"{relative(path)} has {lines} lines, more than {LINES_MAX}; split it where it has more than one room"
    nothing(faults())


@case
def no_word_promises_work_to_come(*_):
    words = re.compile("|".join(rf"\b{re.escape(word)}\b" for word in FORBIDDEN_WORDS), re.I)

    def faults():
        for path, text in texts(PROSE_AND_CODE):
            if path.name == "LICENSE" or path == pathlib.Path(__file__).resolve():
                continue
            for number, line in enumerate(text.split("\n"), 1):
                if match := words.search(line):
                    yield f"{relative(path)}:{number}: \"{match[0]}\"; do it now, or say in the README what is not covered"
    nothing(faults())


@case
def nothing_names_a_machine_or_a_registry(*_):
    def faults():
        for path, text in texts(PROSE_AND_CODE | {".csv", ".tsv", ".rules"}):
            if path == pathlib.Path(__file__).resolve():
                continue
            for number, line in enumerate(text.split("\n"), 1):
                for place in FORBIDDEN_PLACES:
                    if place in line:
                        yield f"{relative(path)}:{number}: \"{place}\"; use a path relative to the tree, an argument, or what the system configures"
    nothing(faults())


@case
def text_files_end_with_a_newline_and_no_stray_blanks(*_):
    def faults():
        for path, text in texts(PROSE_AND_CODE | {".csv", ".tsv"}):
            name = relative(path)
            if text and not text.endswith("\n"):
                yield f"{name} does not end with a newline; add one"
            if "\r" in text and path.suffix != ".csv":
                yield f"{name} has carriage returns; save it with newlines only"
            if path.suffix in CODE | {".py", ".yaml"}:
                for number, line in enumerate(text.split("\n"), 1):
                    if line != line.rstrip():
                        yield f"{name}:{number}: blanks at the end of the line; delete them"
                    if "\t" in line and path.suffix in CODE:
                        yield f"{name}:{number}: a tab; indent by two blanks"
    nothing(faults())


@case
def headers_begin_with_pragma_once_and_sources_with_their_header(*_):
    def faults():
        for path, text in texts(CODE):
            if path.suffix == ".h":
                first = next((line for line in text.split("\n") if line and not line.startswith("//")), "")
                if first != "#pragma once":
                    yield f"{relative(path)}: the first line of code is not #pragma once; put it first"
            elif path.with_suffix(".h").exists():
                first = re.search(r'#\s*include\s+[<"]([^>"]+)[>"]', text)
                if not first or not first[1].endswith(path.with_suffix(".h").name):
                    yield f"{relative(path)}: its own header is not its first include; put it first, so that the header is proved complete"
    nothing(faults())


@case
def packages_are_sorted_and_each_says_why_and_its_licence(*_):
    def faults():
        names, needs = [], {"run", "build", "test", "bench", "long"}
        for number, line in enumerate((ROOT / "deploy/packages.txt").read_text(encoding="utf-8").split("\n"), 1):
            if not line or line.startswith("#"):
                continue
            columns = [column.strip() for column in line.split("|")]
            if len(columns) != 4 or not all(columns):
                yield f"deploy/packages.txt:{number}: not `package | needed for | licence | why`; fill all four columns"
                continue
            names.append(columns[0])
            if not set(columns[1].split()) <= needs:
                yield f"deploy/packages.txt:{number}: needed for {columns[1]!r}; use words of {' '.join(sorted(needs))}"
        if names != sorted(names):
            wrong = next(b for a, b in zip(names, names[1:]) if a > b)
            yield f"deploy/packages.txt: {wrong} stands too late; keep the packages sorted"
        for name, count in collections.Counter(names).items():
            if count > 1:
                yield f"deploy/packages.txt: {name} stands there {count} times; keep one line"
    nothing(faults())


@case
def top_level_has_only_known_names(*_):
    nothing(f"{name} at the top level; put it into the folder that is responsible, or into build/" for name in sorted(os.listdir(ROOT))
            if name not in TOP_LEVEL)


@case
def detectors_are_described_as_the_catalogue_has_them(*_):
    done = subprocess.run([sys.executable, str(ROOT / "src/detect/describe_detectors.py"), "--check"], capture_output=True, text=True, check=False)
    nothing([done.stderr.strip()] if done.returncode else [])


@case
def scripts_are_executable(*_):
    def faults():
        for path, text in texts():
            if text.startswith("#!") != os.access(path, os.X_OK) and path.suffix in {".py", ".sh", ""}:
                yield (f"{relative(path)}: " + ("has a #! line and is not executable; chmod +x" if text.startswith("#!")
                                                else "is executable without a #! line; add one or chmod -x"))
    nothing(faults())


if __name__ == "__main__":
    sys.exit(cases.run_cases(None, sys.argv[1] if len(sys.argv) > 1 else None))
