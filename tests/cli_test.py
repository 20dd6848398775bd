#!/usr/bin/env python3
"""The command line: what users type wrong, what the system refuses, exit status and the one clear line on stderr."""
import gzip
import os
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
import drills  # noqa: E402
import packets  # noqa: E402
from cases import Skip, case, check, equal  # noqa: E402

HOME, SITE = drills.CAPTURE, drills.SITE
NOBODY = 65534
DEMO_BYTES_MAX = 200 * 1024


def one_clear_line(done, status, *parts):
    """An error is told in one line a fault, names what is wrong, and nothing is written to stdout."""
    equal(done.status, status, f"exit status ({done.err.strip()!r})")
    for part in parts:
        check(part in done.err, f"{part!r} is not in the error output {done.err!r}")
    check(done.err.endswith("\n"), "the error output does not end with a newline")


@case
def help_names_every_command(program, _):
    done = program.run("--help")
    equal(done.status, 0, "exit status")
    for command in ("read", "run", "check"):
        check(command.encode() in done.out, f"--help does not name {command}")


@case
def no_command_is_wrong_usage(program, _):
    equal(program.run().status, 2, "exit status")


@case
def unknown_command_is_wrong_usage(program, _):
    one_clear_line(program.run("raed"), 2, "raed")


@case
def unknown_option_is_wrong_usage(program, _):
    one_clear_line(program.run("read", "--colour", HOME), 2, "--colour")


@case
def read_without_a_capture_is_wrong_usage(program, _):
    equal(program.run("read").status, 2, "exit status")


@case
def unknown_event_type_is_named_with_what_is_accepted(program, _):
    one_clear_line(program.run("read", "--events", "alert,dnp4", HOME), 2, "dnp4", "alert", "flow")


@case
def workers_of_zero_or_words_are_wrong_usage(program, _):
    equal(program.run("read", "-w", "0", HOME).status, 2, "exit status of -w 0")
    equal(program.run("read", "-w", "many", HOME).status, 2, "exit status of -w many")


@case
def missing_capture_is_told_by_name(program, folder):
    one_clear_line(program.run("read", folder / "absent.pcap"), 1, "absent.pcap", "No such file")


@case
def one_missing_capture_does_not_pass_for_success(program, folder):
    equal(program.run("read", HOME, folder / "absent.pcap").status, 1, "exit status")


@case
def capture_without_permission_is_told(program, folder):
    path = folder / "secret.pcap"
    path.write_bytes(HOME.read_bytes())
    path.chmod(0)
    options = {}
    if os.geteuid() == 0:
        folder.chmod(0o755)
        options = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        try:
            subprocess.run([program.binary, "--help"], stdout=subprocess.DEVNULL, check=False, **options)
        except PermissionError as error:
            raise Skip("the program's folder is closed to other users") from error
    one_clear_line(program.run("read", path, **options), 1, "secret.pcap", "ermission")


@case
def folder_is_read_in_order_of_time(program, folder):
    frames = [(second * 10**9, packets.ethernet(b"\xff" * 6, b"\2" + b"\0" * 5, 0x0800,
               packets.ip("192.0.2.1", "192.0.2.2", 17, packets.udp("192.0.2.1", 1000 + second, "192.0.2.2", 3610, b"x"))))
              for second in (1, 2, 3, 4)]
    packets.write_pcap(folder / "a-later.pcap", frames[2:])
    packets.write_pcap(folder / "b-sooner.pcap", frames[:2])
    flows = [r for r in program.events("--events", "flow", folder) if r["event_type"] == "flow"]
    equal(sorted(r["src_port"] for r in flows), [1001, 1002, 1003, 1004], "source ports of the flows")
    together = program.events(folder / "b-sooner.pcap", folder / "a-later.pcap")
    equal([(r["event_type"], r.get("src_port")) for r in program.events(folder)],
          [(r["event_type"], r.get("src_port")) for r in together], "records of the folder and of its files in order of time")


@case
def empty_folder_is_told(program, folder):
    one_clear_line(program.run("read", folder), 1, str(folder.name))


@case
def text_is_no_capture(program, folder):
    (folder / "notes.pcap").write_text("these are notes\n" * 20)
    one_clear_line(program.run("read", folder / "notes.pcap"), 1, "notes.pcap")


@case
def empty_file_is_told(program, folder):
    (folder / "empty.pcap").write_bytes(b"")
    one_clear_line(program.run("read", folder / "empty.pcap"), 1, "empty.pcap")


@case
def damaged_capture_keeps_what_came_before(program, folder):
    whole = HOME.read_bytes()
    (folder / "cut.pcapng").write_bytes(whole[:len(whole) // 2])
    done = program.run("read", "-o", "-", folder / "cut.pcapng")
    equal(done.status, 1, "exit status")
    check("cut.pcapng" in done.err, "the damaged file is not named")
    check(any(character.isdigit() for character in done.err), "no offset is told")
    check(any(r["event_type"] == "echonet_lite" for r in cases.records(done.out)), "nothing before the damage was analysed")


@case
def standard_input_reads_like_the_file(program, _):
    by_name = program.events(HOME)
    with open(HOME, "rb") as capture:
        by_stdin = program.events("-", stdin=capture)
    equal(len(by_stdin), len(by_name), "number of records")
    equal([r["event_type"] for r in by_stdin], [r["event_type"] for r in by_name], "types of the records")


@case
def standard_input_may_be_a_pipe(program, _):
    done = program.run("read", "-o", "-", "-", input=HOME.read_bytes())
    equal(done.status, 0, "exit status")
    equal(len(cases.records(done.out)), len(program.events(HOME)), "number of records")


@case
def gzip_reads_like_the_plain_file(program, folder):
    (folder / "home.pcapng.gz").write_bytes(gzip.compress(HOME.read_bytes(), mtime=0))
    equal(len(program.events(folder / "home.pcapng.gz")), len(program.events(HOME)), "number of records")


@case
def damaged_gzip_is_told(program, folder):
    packed = gzip.compress(HOME.read_bytes(), mtime=0)
    (folder / "cut.pcapng.gz").write_bytes(packed[:len(packed) // 2])
    one_clear_line(program.run("read", folder / "cut.pcapng.gz"), 1, "cut.pcapng.gz")


@case
def configuration_with_wrong_yaml_is_told_with_its_place(program, folder):
    (folder / "site.yaml").write_text("site: {name: here}\nsegments: [{name: a, prefix: 10.0.0.0/8\n")
    for command in (["check", "-c", folder / "site.yaml"], ["read", "-c", folder / "site.yaml", HOME]):
        one_clear_line(program.run(*command), 2, f"{folder / 'site.yaml'}:")


@case
def configuration_faults_are_told_all_at_once_with_line_and_column(program, folder):
    (folder / "site.yaml").write_text(
        "site: {name: here, importance: B, timezone: Asia/Tokyo}\n"
        "segmnets: []\n"
        "assets:\n"
        "  - {name: a, role: emperor, address: 192.168.1.2}\n"
        "  - {name: b, role: ems, address: 192.168.1.999}\n")
    done = program.run("check", "-c", folder / "site.yaml")
    one_clear_line(done, 2, "site.yaml:2:", "segmnets", "segments", "site.yaml:4:", "emperor", "site.yaml:5:", "192.168.1.999")


@case
def missing_configuration_is_told(program, folder):
    done = program.run("check", "-c", folder / "absent.yaml")
    check(done.status in (1, 2), f"exit status {done.status}")
    check("absent.yaml" in done.err, done.err)


@case
def check_accepts_the_demonstration(program, _):
    equal(program.run("check", "-c", SITE).status, 0, "exit status")


@case
def wrong_rule_is_told_with_file_and_line(program, folder):
    (folder / "wrong.rules").write_text(
        '# first line\nalert tcp any any -> any any (msg:"x"; content:"abc"; pcre:"/a/"; sid:1;)\n')
    one_clear_line(program.run("read", "-r", folder / "wrong.rules", HOME), 2, "wrong.rules:2:", "pcre")


@case
def missing_rule_file_is_told(program, folder):
    done = program.run("read", "-r", folder / "absent.rules", HOME)
    check(done.status in (1, 2), f"exit status {done.status}")
    check("absent.rules" in done.err, done.err)


@case
def rules_without_a_configuration_match(program, _):
    alerts = program.events("-r", cases.DEMO / "site.rules", "--events", "alert", HOME)
    equal([(a["alert"]["gid"], a["alert"]["signature_id"]) for a in alerts if a["event_type"] == "alert" and a["alert"]["gid"] == 1],
          [(1, 9000901)], "alerts of signatures")


@case
def demonstration_raises_what_its_labels_say(program, _):
    found = program.events("-c", SITE, HOME)
    alerts = [r for r in found if r["event_type"] == "alert"]
    attacks = {event["scenario"]: event for event in drills.attacks()}
    for name, event in attacks.items():
        told = {a["tsujiban"]["detector"] for a in alerts if a["segment"] == event["segment"]}
        missing = set(event["expect"]) - told
        check(event["expect"] and not missing, f"{name} in {event['segment']}: nothing was told by {sorted(missing)}")
    wanted = {(event["segment"], detector) for event in attacks.values() for detector in event["expect"]}
    severe = {(a["segment"], a["tsujiban"]["detector"]) for a in alerts if a["alert"]["severity"] <= 2}
    check(severe <= wanted, f"told, though no label expects it: {sorted(severe - wanted)}")
    equal(sum(a["tsujiban"]["detector"] == "signature" for a in alerts), 1, "signature alerts")
    abroad = attacks["loader-callback"]["target"]
    foreign = [a for a in alerts if a["tsujiban"]["detector"] == "policy.peer-not-allowed" and abroad in (a["src_ip"], a["dest_ip"])]
    equal(len({a["tsujiban"]["id"] for a in foreign}), 1, "conditions of policy.peer-not-allowed with the address abroad")
    check(foreign[0]["tsujiban"]["why"] and foreign[0]["tsujiban"]["message_ja"], "the alert does not say why, or not in Japanese")
    equal(sum("malformed" in r["echonet_lite"] for r in found if r["event_type"] == "echonet_lite"), 12, "malformed frames")


@case
def events_option_writes_only_those_types(program, _):
    types = {r["event_type"] for r in program.events("--events", "echonet_lite,flow", HOME)}
    equal(types, {"echonet_lite", "flow"}, "types of the records")


@case
def output_folder_receives_eve_json(program, folder):
    done = program.run("read", "-c", SITE, "-o", folder / "out", HOME)
    equal(done.status, 0, f"exit status ({done.err[-300:]})")
    written = cases.records((folder / "out" / "eve.json").read_bytes())
    equal(written, program.events("-c", SITE, HOME), "records in the file and on stdout")
    check(b"{" not in done.out[:1], "records are on stdout too")


@case
def summary_speaks_of_packets_and_protocols(program, folder):
    done = program.run("read", "-c", SITE, "-o", folder, HOME)
    text = done.out.decode() + done.err
    for word in (str(len(drills.frames())), "echonet_lite", "signature", "policy.peer-not-allowed"):
        check(word in text, f"{word!r} is not in the summary:\n{text}")


@case
def no_progress_bar_in_a_pipe(program, folder):
    done = program.run("read", "-o", folder, HOME)
    check(b"\r" not in done.out and "\r" not in done.err, "a carriage return is in the output")
    check(b"\x1b" not in done.out and "\x1b" not in done.err, "an escape sequence is in the output")


@case
def closed_standard_output_ends_the_work_with_status_1(program, _):
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = program.run("read", "-o", "-", HOME, stdout=writing)
    finally:
        os.close(writing)
    equal(done.status, 1, f"exit status ({done.err!r})")


@case
def full_disk_ends_the_work_with_status_1(program, folder):
    if not os.path.exists("/dev/full"):
        raise Skip("/dev/full is missing")
    with open("/dev/full", "wb") as full:
        done = program.run("read", "-o", "-", HOME, stdout=full)
    one_clear_line(done, 1, "No space left")
    (folder / "eve.json").symlink_to("/dev/full")
    one_clear_line(program.run("read", "-o", folder, HOME), 1, "eve.json", "No space left")


@case
def output_folder_that_cannot_be_made_is_told(program, folder):
    (folder / "file").write_bytes(b"")
    done = program.run("read", "-o", folder / "file" / "out", HOME)
    check(done.status in (1, 2), f"exit status {done.status}")
    check("out" in done.err, done.err)


@case
def same_records_for_any_number_of_workers(program, _):
    outputs = {program.run("read", "-c", SITE, "-w", workers, "-o", "-", HOME).out for workers in (1, 2, 3, 4)}
    equal(len(outputs), 1, "different outputs for 1 to 4 workers")


@case
def records_of_the_demonstration_are_valid(program, _):
    validator = cases.schema_validator()
    for number, record in enumerate(program.events("-c", SITE, HOME), 1):
        faults = cases.schema_faults(validator, record)
        check(not faults, f"record {number} ({record['event_type']}): {faults[:3]}")


@case
def run_without_a_configuration_is_wrong_usage(program, _):
    equal(program.run("run").status, 2, "exit status")


@case
def run_on_an_interface_that_is_not_there_is_told(program, folder):
    (folder / "site.yaml").write_text("site: {name: here, importance: B, timezone: Asia/Tokyo}\n"
                                      "capture: [{kind: pcap, interface: absent0}]\n"
                                      f"outputs: [{{kind: eve, path: {folder}/eve.json}}]\n")
    one_clear_line(program.run("run", "-c", folder / "site.yaml"), 1, "absent0")


@case
def drill_makes_the_demonstration_byte_for_byte(program, folder):
    words = drills.command()
    equal((words[words.index("-o") + 1], words[words.index("--site") + 1]), ("home.pcapng", "site.yaml"), "files of the documented command")
    done = program.run(*words, cwd=folder)
    equal(done.status, 0, f"exit status of drill ({done.err})")
    equal(sorted(path.name for path in folder.iterdir()), sorted(drills.FILES), "files that it makes")
    equal(sorted(path.name for path in cases.DEMO.iterdir()), sorted([*drills.FILES, "README.md"]), "files in deploy/demo")
    for name in drills.FILES:
        check((folder / name).read_bytes() == (cases.DEMO / name).read_bytes(),
              f"deploy/demo/{name} is not what the command in deploy/demo/README.md makes; run it there and commit what changes")
    check(sum((cases.DEMO / name).stat().st_size for name in drills.FILES) < DEMO_BYTES_MAX, "the demonstration is no longer small")


@case
def drill_takes_scenarios_with_commas_or_one_by_one(program, folder):
    more = ["--homes", "2", "--duration", "5m"]
    for name, words in (("a", ["--scenario", "arp-spoof,loader-callback"]), ("b", ["--scenario", "arp-spoof", "--scenario", "loader-callback"])):
        done = program.run("drill", *words, *more, "-o", folder / f"{name}.pcapng", "--site", folder / f"{name}.yaml")
        equal(done.status, 0, f"exit status ({done.err})")
    check((folder / "a.pcapng").read_bytes() == (folder / "b.pcapng").read_bytes(), "the captures differ")
    equal((folder / "a.rules").read_bytes(), (folder / "b.rules").read_bytes(), "signatures")
    # Each site file names the signatures beside it.
    for name in "ab":
        equal(program.run("check", "-c", folder / f"{name}.yaml").status, 0, f"exit status of check of {name}.yaml")
        check(f"{name}.rules" in (folder / f"{name}.yaml").read_text(encoding="utf-8"), f"{name}.yaml does not name its signatures")


@case
def wrong_options_of_drill_are_told(program, folder):
    out = ["-o", folder / "x.pcapng"]
    one_clear_line(program.run("drill", *out), 2, "--scenario", "--list")
    one_clear_line(program.run("drill", "--scenario", "arp-spof,flapping", *out), 2, "arp-spof", "did you mean", "arp-spoof")
    one_clear_line(program.run("drill", "--scenario", "flapping,flapping", *out), 2, "flapping", "twice")
    one_clear_line(program.run("drill", "--scenario", "flapping", "--duration", "soon", *out), 2, "--duration", "soon", "15m")
    one_clear_line(program.run("drill", "--scenario", "flapping", "--duration", "30s", *out), 2, "--duration", "1m")
    one_clear_line(program.run("drill", "--scenario", "flapping", "--duration", "30m", "--days", "2", *out), 2, "--days")
    one_clear_line(program.run("drill", "--scenario", "flapping,load-altering", "--homes", "2", *out), 2, "load-altering", "5 homes")
    equal(list(folder.iterdir()), [], "files that were written")


if __name__ == "__main__":
    sys.exit(cases.main(__doc__))
