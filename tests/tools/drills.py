"""What `tsujiban drill` makes, read back for the tests: the bundled demonstration, frames of a capture, labels beside it."""
import json
import pathlib
import re
import shlex
import struct

import cases

CAPTURE, SITE = cases.DEMO / "home.pcapng", cases.DEMO / "site.yaml"
# Everything that the command in deploy/demo/README.md makes there.
FILES = ["home.pcapng", "home.labels.json", "site.yaml", "site.rules"]


def command():
    """The documented command that makes the demonstration: what follows the program's name."""
    text = (cases.DEMO / "README.md").read_text(encoding="utf-8").replace("\\\n", " ")
    found = re.findall(r"^\S*tsujiban (drill .*)$", text, re.M)
    cases.equal(len(found), 1, "commands in deploy/demo/README.md that make the demonstration")
    return shlex.split(found[0])


def frames(path=CAPTURE):
    """[(time in ns, bytes), …] of a capture as the drill writes them: pcapng, little-endian, one interface, nanoseconds."""
    data, found, at = pathlib.Path(path).read_bytes(), [], 0
    while at < len(data):
        kind, length = struct.unpack_from("<II", data, at)
        if kind == 6:
            high, low, captured = struct.unpack_from("<III", data, at + 12)
            found.append((high << 32 | low, data[at + 28:at + 28 + captured]))
        at += length
    return found


def labels(path=CAPTURE):
    return json.loads(path.with_suffix(".labels.json").read_text(encoding="utf-8"))


def attacks(path=CAPTURE):
    return [event for event in labels(path)["events"] if event["kind"] == "attack"]
