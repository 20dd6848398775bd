"""Many captures behind one start of a peer: starting tshark or Suricata takes longer than reading a small capture.

Captures of which no two have a connection's ends in common are laid one behind the other into one file. What a peer says of a
frame or of a connection then belongs to exactly one of them, and is what it says of that capture alone.
"""
import bisect
import ipaddress
import pathlib
import struct

# First four bytes: byte order, and nanoseconds in a unit of the fraction.
FORMS = {b"\xd4\xc3\xb2\xa1": ("<", 1000), b"\xa1\xb2\xc3\xd4": (">", 1000), b"\x4d\x3c\xb2\xa1": ("<", 1), b"\xa1\xb2\x3c\x4d": (">", 1)}


def ends_of(record):
    """Both ends of a record's connection, in no order; None where it has none."""
    if "src_ip" not in record or "dest_ip" not in record:
        return None
    return frozenset((ipaddress.ip_address(record[side + "_ip"]), record.get(side + "_port")) for side in ("src", "dest"))


def read_pcap(path):
    """Link type and records, (seconds, nanoseconds, length on the wire, bytes); None of a file in another format."""
    data = pathlib.Path(path).read_bytes()
    if data[:4] not in FORMS or len(data) < 24:
        return None
    order, unit = FORMS[data[:4]]
    link_type, = struct.unpack(order + "I", data[20:24])
    at, records = 24, []
    while at + 16 <= len(data):
        seconds, fraction, captured, length = struct.unpack(order + "IIII", data[at:at + 16])
        if at + 16 + captured > len(data):
            break
        records.append((seconds, fraction * unit, length, data[at + 16:at + 16 + captured]))
        at += 16 + captured
    return link_type, records


def write_pcap(path, link_type, records):
    """`records` as `read_pcap` gives them."""
    out = [struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link_type)]
    for seconds, nanoseconds, length, frame in records:
        out.append(struct.pack("<IIII", seconds, nanoseconds, len(frame), length) + frame)
    pathlib.Path(path).write_bytes(b"".join(out))


class Batch:
    """`path` holds `captures`, one behind the other."""

    def __init__(self, link_type):
        self.link_type, self.captures, self.path = link_type, [], None
        self._capture_of, self._begins, self._records = {}, [], []

    def takes(self, link_type, ends):
        return self.link_type is not None and link_type == self.link_type and self._capture_of.keys().isdisjoint(ends)

    def add(self, capture, records, ends):
        self.captures.append(capture)
        self._begins.append(len(self._records))
        self._records += records
        self._capture_of.update((one, capture) for one in ends)

    def write(self, path):
        """A capture of its own stays what it is."""
        self.path = self.captures[0] if len(self.captures) == 1 else pathlib.Path(path)
        if len(self.captures) > 1:
            write_pcap(self.path, self.link_type, self._records)
        self._records = []

    def of_frame(self, number):
        """The capture of a frame, counted from 1, and its number there."""
        at = bisect.bisect_right(self._begins, number - 1) - 1
        return self.captures[at], number - self._begins[at]

    def of_record(self, record):
        """The capture in which a record's connection is; None of one that we have not seen."""
        return self.captures[0] if len(self.captures) == 1 else self._capture_of.get(ends_of(record))


def make(ends, folder):
    """`ends`: by capture, those of its connections as `ends_of` gives them. Every capture is in exactly one batch."""
    batches = []
    for capture, those in ends.items():
        read = read_pcap(capture)
        # A capture in which we see no connection, or in another format, goes alone.
        link_type, records = read if read and those else (None, [])
        batch = next((one for one in batches if one.takes(link_type, those)), None)
        if batch is None:
            batch = Batch(link_type)
            batches.append(batch)
        batch.add(capture, records, those)
    for number, batch in enumerate(batches):
        batch.write(pathlib.Path(folder) / f"batch-{number}.pcap")
    return batches
