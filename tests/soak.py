#!/usr/bin/env python3
"""Long runs: many captures many times over in one process, a capture of a great many flows, two weeks of learning; memory stays bounded.

  soak.py [--binary PATH] [--rounds 200]          the demonstration's and the foreign captures, over and over
  soak.py [--binary PATH] --flows 1000000         that many UDP flows, each seen twice in a shuffled order
  soak.py [--binary PATH] --weeks                 `learn` from a day and from 14 days of 200 homes
"""
import pathlib
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
import packets  # noqa: E402

# Without -c the state may grow to its default limit; a leak of one flow a packet would pass these by far.
SOAK_MIB_MAX = 700
WEEKS_GROWTH_MAX = 1.15  # Of what a day took: what is new on later days is kept too.
FLOWS_MIB_MAX = 700   # 1,000,000 flows: 220 MiB is promised for the state; the rest is the mapped capture and the writer.


def measured(binary, arguments, command="read"):
    begun = time.monotonic()
    with tempfile.TemporaryFile() as error, tempfile.TemporaryFile() as out:
        process = subprocess.Popen([binary, command, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=out, stderr=error)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        error.seek(0)
        said = error.read()[-600:].decode("utf-8", "replace")
        out.seek(0)
        last = out.read()[-4000:].split(b"\n")[-2:-1]
    return process.returncode, usage.ru_maxrss / 1024, time.monotonic() - begun, said, last


def judge(name, result, mib_max, statuses):
    status, mib, seconds, said, _ = result
    good = status in statuses and mib <= mib_max
    cases.report("passed" if good else "failed", f"{name} ({seconds:.0f} s, {mib:.0f} MiB)",
                 "" if good else f"status {status}, at most {mib_max} MiB allowed; {said}")
    return good


def flows_capture(path, count):
    generator = random.Random(1)
    order = list(range(count))
    template = bytearray(packets.ethernet(b"\2" + b"\0" * 5, b"\2" + b"\1" * 5, 0x0800, packets.ip(
        "10.0.0.1", "192.168.1.10", 17, packets.udp("10.0.0.1", 3610, "192.168.1.10", 3610, bytes.fromhex("1081000105FF010288016201E700")))))
    template[40:42] = b"\0\0"  # A UDP checksum of 0: none.
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 1))
        clock = 1_700_000_000 * 10**9
        for _ in range(2):
            generator.shuffle(order)
            for index in order:
                clock += 10_000
                frame = template
                frame[26:30] = struct.pack("!I", 0x0A000000 + index)
                frame[24:26] = b"\0\0"
                frame[24:26] = struct.pack("!H", packets.checksum(bytes(frame[14:34])))
                out.write(struct.pack("<IIII", clock // 10**9, clock % 10**9, len(frame), len(frame)) + frame)


def learn_weeks(binary, folder):
    day_mib, good = None, True
    for days in (1, 14):
        capture = pathlib.Path(folder) / f"{days}.pcapng"
        drill = [binary, "drill", "--scenario", "benign-day", "--homes", "200", "--days", str(days), "-o", str(capture)]
        subprocess.run(drill, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        result = measured(binary, [capture, "-o", pathlib.Path(folder) / f"{days}.yaml"], "learn")
        good &= judge(f"learning from {days} days of 200 homes", result, day_mib * WEEKS_GROWTH_MAX if day_mib else SOAK_MIB_MAX, (0,))
        day_mib = day_mib or result[1]
        capture.unlink()
    return good


def main():
    arguments = cases.parser(__doc__)
    arguments.add_argument("--rounds", type=int, default=200)
    arguments.add_argument("--flows", type=int, default=0)
    arguments.add_argument("--weeks", action="store_true")
    options = arguments.parse_args()
    good = True
    with tempfile.TemporaryDirectory(prefix="tsujiban-soak-") as folder:
        if options.weeks:
            good = learn_weeks(options.binary, folder)
        elif options.flows:
            capture = pathlib.Path(folder) / "flows.pcap"
            flows_capture(capture, options.flows)
            for workers in (1, 4):
                result = measured(options.binary, ["-w", workers, "--events", "alert", capture])
                good &= judge(f"{options.flows} flows with {workers} workers", result, FLOWS_MIB_MAX, (0,))
        else:
            files = [cases.DEMO / "home.pcapng"]
            files += [cases.CAPTURES / name for name in ("echonet/real-npm-v4.pcap", "modbus/zeek-modbusBig.pcap", "openadr/real-openleadr-20b-http.pcap")
                      if (cases.CAPTURES / name).exists()]
            once = measured(options.binary, ["-w", 4, "-o", folder, *files])
            good &= judge("each capture once", once, SOAK_MIB_MAX, (0,))
            many = measured(options.binary, ["-w", 4, "-o", folder, *(files * options.rounds)])
            good &= judge(f"each capture {options.rounds} times", many, SOAK_MIB_MAX, (0,))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
