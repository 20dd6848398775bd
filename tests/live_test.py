#!/usr/bin/env python3
"""`tsujiban run` on a virtual link in a network namespace of its own: nothing received is lost, privileges are dropped,
metrics answer, silence is told. Needs root and iproute2; says what is missing otherwise. Never touches a link of the machine.
"""
import collections
import contextlib
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
import drills  # noqa: E402
from cases import Skip, case, check, equal  # noqa: E402

METRICS = "http://127.0.0.1:9836/metrics"
FAMILIES = ["packets_total", "bytes_total", "dropped_packets_total", "decode_errors_total", "flows_active", "flow_evictions_total",
            "messages_total", "alerts_total", "signature_matches_total", "processing_seconds", "capture_lag_seconds",
            "output_queue_events", "output_events_total", "assets", "configuration_reloads_total", "build_info"]
READY_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20
RELOAD_SECONDS_MAX = 20
SILENCE_SECONDS_MAX = 80  # The detector waits 60.
ACCOUNT_SECONDS_MAX = 40
BURST = 64


def shell(*words):
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def make_link():
    shell("ip", "link", "set", "lo", "up")
    shell("ip", "link", "add", "sender0", "type", "veth", "peer", "name", "span0")
    for name in ("sender0", "span0"):
        # Without IPv6 the kernel itself says nothing on the link, so that every packet counted is one that we sent.
        pathlib.Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6").write_text("1")
        shell("ip", "link", "set", name, "arp", "off", "up")


def send(frames, pause_s=0.002):
    link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    link.bind(("sender0", 0))
    for index, frame in enumerate(frames, 1):
        link.send(frame)
        if index % BURST == 0:
            time.sleep(pause_s)
    link.close()


def scrape():
    with urllib.request.urlopen(METRICS, timeout=5) as answer:
        return answer.read().decode()


def metric(page, name, **labels):
    total = 0.0
    for line in page.splitlines():
        match = re.match(r"tsujiban_" + name + r"(\{[^}]*\})? (\S+)", line)
        if match and all(f'{key}="{value}"' in (match[1] or "") for key, value in labels.items()):
            total += float(match[2])
    return total


def write_site(folder, more="", change=lambda site: site):
    """The demonstration's site for span0, with its rules beside it: the user that the daemon becomes can read both again."""
    shutil.copy(cases.DEMO / "site.rules", folder / "site.rules")
    (folder / "site.yaml").write_text(
        change(drills.SITE.read_text(encoding="utf-8")) + "capture: [{kind: pcap, interface: span0}]\n"
        f"outputs: [{{kind: eve, path: {folder}/eve.json}}]\n"
        f"state: {{directory: {folder}}}\nmetrics: {{listen: \"127.0.0.1:9836\"}}\n" + more, encoding="utf-8")


@contextlib.contextmanager
def running(program, folder, more="", change=lambda site: site):
    """The daemon on span0 with the demonstration's site; stopped by SIGTERM if the case has not."""
    folder.chmod(0o777)
    write_site(folder, more, change)
    with open(folder / "stderr", "wb") as error:
        process = subprocess.Popen([program.binary, "run", "-c", str(folder / "site.yaml")], stdin=subprocess.DEVNULL,
                                   stdout=error, stderr=error)
    try:
        deadline = time.monotonic() + READY_SECONDS_MAX
        while True:
            check(process.poll() is None, f"ended with {process.returncode}: {(folder / 'stderr').read_text()[-1500:]}")
            check(time.monotonic() < deadline, f"no metrics after {READY_SECONDS_MAX} s: {(folder / 'stderr').read_text()[-1500:]}")
            with contextlib.suppress(OSError):
                scrape()
                break
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def accounted(count):
    """The metrics page once each of `count` packets is on it: processed, or dropped and told so."""
    deadline = time.monotonic() + ACCOUNT_SECONDS_MAX
    while True:
        page = scrape()
        known = metric(page, "packets_total") + metric(page, "dropped_packets_total")
        if known >= count:
            equal(known, count, "packets processed and dropped, of those sent")
            check(metric(page, "packets_total") > 0, "no packet was processed")
            return page
        check(time.monotonic() < deadline, f"{known:.0f} of {count} packets processed or dropped after {ACCOUNT_SECONDS_MAX} s")
        time.sleep(0.05)


def send_paced(frames, sent=0):
    """No burst before the one ahead of it is accounted for: as slow as the program is. `sent` frames went before."""
    for begin in range(0, len(frames), BURST):
        send(frames[begin:begin + BURST])
        accounted(sent + len(frames[:begin + BURST]))


@contextlib.contextmanager
def frozen(process):
    """Within it the program stands still, so that all that is sent lies in the kernel's buffer when it goes on.

    The buffer (64 MiB) and the sixteen blocks between the program's threads have room for a few thousand small frames, however
    slow the machine is: none of what is sent here is dropped.
    """
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED)
    try:
        yield
    finally:
        process.send_signal(signal.SIGCONT)


def stop(program, process, folder):
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=STOP_SECONDS_MAX)
    program.must_be_sane(process.returncode, (folder / "stderr").read_text(), ["run"])
    equal(process.returncode, 0, "exit status after SIGTERM")
    return cases.records((folder / "eve.json").read_bytes())


def demonstration():
    return [frame for _, frame in drills.frames()]


def last_stats(records):
    return [r["stats"] for r in records if r["event_type"] == "stats"][-1]


@case
def nothing_received_is_lost_at_sigterm(program, folder):
    before, last = demonstration(), demonstration() * 60
    with running(program, folder) as process:
        send_paced(before)
        page = scrape()
        with frozen(process):
            send(last)
            process.send_signal(signal.SIGTERM)  # All of them are with the kernel now, and must still be read.
        records = stop(program, process, folder)
    stats, sent = last_stats(records), len(before + last)
    dropped = stats["tsujiban"]["dropped"]
    equal(stats["tsujiban"]["packets_received"] + dropped["kernel"], sent, f"packets received, of those sent (dropped: {dropped})")
    equal(stats["decoder"]["pkts"] + sum(dropped.values()), sent, f"packets processed, and dropped and told ({dropped})")
    equal(dropped["kernel"], metric(page, "dropped_packets_total", reason="kernel"), "packets that the kernel had no room for")
    # Until it heard of SIGTERM, a machine with other work may have been too slow; from then on there is time for everything.
    check(stats["decoder"]["pkts"] > metric(page, "packets_total"), f"nothing of what came last was processed: {dropped}")


@case
def what_waits_in_the_kernels_buffer_is_processed_by_a_slow_program(program, folder):
    frames = demonstration() * 3
    with running(program, folder) as process:
        with frozen(process):
            send(frames)
        accounted(len(frames))
        records = stop(program, process, folder)
    stats = last_stats(records)
    equal(sum(stats["tsujiban"]["dropped"].values()), 0, f"packets dropped ({stats['tsujiban']['dropped']})")
    equal(stats["decoder"]["pkts"], len(frames), "packets processed")


@case
def live_traffic_is_understood_like_the_capture(program, folder):
    with running(program, folder) as process:
        send_paced(demonstration())
        records = stop(program, process, folder)
    offline = program.events("-c", drills.SITE, drills.CAPTURE)

    def messages(found):
        # A broken frame has no more than its error.
        return [(r["segment"], r["src_ip"], *(str(r["echonet_lite"].get(key)) for key in ("tid", "seoj", "esv", "malformed")))
                for r in found if r["event_type"] == "echonet_lite"]

    live, wanted = collections.Counter(messages(records)), collections.Counter(messages(offline))
    equal(sorted(live - wanted), [], "ECHONET Lite messages that are not in the capture")
    # On a machine that is slow even for this pace, what was left out is counted.
    ours = last_stats(records)["tsujiban"]
    missing = sum((wanted - live).values())
    check(missing <= sum(ours["dropped"].values()) + ours["records_shed"],
          f"{missing} ECHONET Lite messages are missing; dropped {ours['dropped']}, shed {ours['records_shed']}")
    check(live, "no ECHONET Lite message")
    for detector in ("signature", "policy.peer-not-allowed"):
        check(any(r["event_type"] == "alert" and r["tsujiban"]["detector"] == detector for r in records), f"no alert of {detector}")
    check(all(r.get("in_iface") == "span0" for r in records if r["event_type"] == "echonet_lite"), "in_iface is not span0")


@case
def privileges_are_dropped_once_the_link_is_open(program, folder):
    with running(program, folder) as process:
        for task in pathlib.Path(f"/proc/{process.pid}/task").iterdir():
            status = dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)
            check("0" not in status["Uid"].split(), f"thread {task.name} has Uid {status['Uid']!r}")
            check("0" not in status["Gid"].split(), f"thread {task.name} has Gid {status['Gid']!r}")
            for kind in ("CapEff", "CapPrm", "CapInh"):
                equal(int(status[kind], 16), 0, f"{kind} of thread {task.name}")
            equal(status["NoNewPrivs"].strip(), "1", f"NoNewPrivs of thread {task.name}")
        stop(program, process, folder)


@case
def metrics_have_the_promised_families(program, folder):
    with running(program, folder) as process:
        with frozen(process):
            send(demonstration())
        page = accounted(len(demonstration()))
        stop(program, process, folder)
    missing = [name for name in FAMILIES if f"# TYPE tsujiban_{name} " not in page]
    equal(missing, [], "families that are missing")
    equal(metric(page, "packets_total"), len(demonstration()), "packets_total")
    check(metric(page, "messages_total", protocol="echonet_lite") > 200, "messages_total of echonet_lite")
    equal(metric(page, "signature_matches_total"), 1, "signature_matches_total")
    for address in ("192.168.", "203.0.113", "198.51.100", "battery-1"):
        check(address not in page, f"{address!r} is in the metrics; no address and no device is a label")


@case
def metrics_please_promtool(program, folder):
    if not shutil.which("promtool"):
        raise Skip("promtool is missing (package prometheus)")
    with running(program, folder) as process:
        send(demonstration())
        page = scrape()
        stop(program, process, folder)
    done = subprocess.run(["promtool", "check", "metrics"], input=page.encode(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    equal(done.returncode, 0, f"promtool's exit status ({done.stdout.decode()[-800:]})")


def alerts(page):
    fates = {fate: metric(page, "alerts_fate_total", fate=fate) for fate in ("written", "merged", "shed")}
    return metric(page, "alerts_raised_total"), fates


@case
def alerts_and_packets_are_conserved_on_the_metrics_page(program, folder):
    with running(program, folder) as process:
        send(demonstration() * 10)
        page = accounted(10 * len(demonstration()))
        # An alert is raised by a worker and judged by the correlator a moment later.
        deadline = time.monotonic() + ACCOUNT_SECONDS_MAX
        while alerts(page)[0] != sum(alerts(page)[1].values()) and time.monotonic() < deadline:
            time.sleep(0.1)
            page = scrape()
        records = stop(program, process, folder)
    raised, fates = alerts(page)
    equal(raised, sum(fates.values()), f"alerts raised, against {fates}")
    check(fates["written"] > 0 and fates["merged"] > 0, f"nothing was written or merged: {fates}")
    check(sum(r["event_type"] == "alert" for r in records) >= fates["written"], "fewer alerts in the file than were written")


def silence_after_traffic_is_an_alarm(program, folder):
    """Silence is told after a minute, so this case runs only with --slow (tests/run runs it beside the others)."""
    with running(program, folder) as process:
        send(demonstration())
        deadline = time.monotonic() + SILENCE_SECONDS_MAX
        while b"sensor.capture-stalled" not in (folder / "eve.json").read_bytes() and time.monotonic() < deadline:
            time.sleep(0.5)
        records = stop(program, process, folder)
    stalled = [r for r in records if r["event_type"] == "alert" and r["tsujiban"]["detector"] == "sensor.capture-stalled"]
    check(stalled, f"no alert of sensor.capture-stalled within {SILENCE_SECONDS_MAX} s of silence")
    check("nothing was heard" in stalled[0]["tsujiban"]["why"][0], f"the alert does not speak of silence: {stalled[0]['tsujiban']['why']}")


if "--slow" in sys.argv:
    sys.argv.remove("--slow")
    SLOW = ["--slow"]
    case(silence_after_traffic_is_an_alarm)
else:
    SLOW = []


@case
def what_was_learned_survives_a_restart_and_damage_is_set_aside(program, folder):
    state = folder / "detectors.state"

    def run_once(more=""):
        (folder / "eve.json").unlink(missing_ok=True)
        with running(program, folder, more) as process:
            send(demonstration())
            time.sleep(0.3)
            records = stop(program, process, folder)
        labels = [r for r in records if r["event_type"] == "alert" and r["tsujiban"]["detector"] == "sensor.configuration-changed"]
        return labels, (folder / "stderr").read_text()

    _, said = run_once()
    check("no state yet" in said, f"the first start does not say that it has no state: {said[-400:]}")
    check(state.stat().st_size > 64, "there is no state after the stop")
    changed, said = run_once()
    check("no state yet" not in said and not changed, f"the second start learned nothing, or saw another configuration: {said[-400:]}")
    changed, _ = run_once("power_steps: {severity_2: 5MW, severity_1: 70MW, importance_a: 500MW}\n")
    equal(len(changed), 1, "alerts of sensor.configuration-changed")
    data = bytearray(state.read_bytes())
    data[len(data) // 2] ^= 0xff
    state.write_bytes(data)
    changed, said = run_once()
    check("begin anew" in said, f"the damage is not told: {said[-400:]}")
    check(any(f.name.startswith("detectors.state.damaged") for f in folder.iterdir()), "the damaged file was not set aside")
    check(state.stat().st_size > 64, "no new state was written beside it")


def reloads(page, result):
    return metric(page, "configuration_reloads_total", result=result)


def reload(process, result):
    """SIGHUP, and the metrics page once its result is on it."""
    before = reloads(scrape(), result)
    process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + RELOAD_SECONDS_MAX
    while reloads(scrape(), result) != before + 1:
        check(time.monotonic() < deadline, f"configuration_reloads_total of {result} is not {before + 1:.0f} after {RELOAD_SECONDS_MAX} s")
        time.sleep(0.05)
    return scrape()


def told(records, detector):
    return [r for r in records if r["event_type"] == "alert" and r["tsujiban"]["detector"] == detector]


@case
def a_changed_configuration_holds_after_sighup_and_no_packet_is_lost(program, folder):
    def another(site):
        return with_an_asset(without_allow(site))

    frames = demonstration()
    with running(program, folder) as process:
        send_paced(frames)
        before = scrape()
        write_site(folder, "", another)
        with frozen(process):
            send(frames)
            process.send_signal(signal.SIGHUP)  # In the middle of what waits in the kernel's buffer.
        deadline = time.monotonic() + RELOAD_SECONDS_MAX
        while reloads(scrape(), "success") != 1:
            check(time.monotonic() < deadline, f"not reloaded after {RELOAD_SECONDS_MAX} s: {(folder / 'stderr').read_text()[-600:]}")
            time.sleep(0.05)
        # A second for the last thread to come by.
        time.sleep(1.5)
        send(frames)
        page = accounted(3 * len(frames))
        records = stop(program, process, folder)
    dropped = last_stats(records)["tsujiban"]["dropped"]
    equal(sum(dropped.values()), 0, f"packets dropped ({dropped})")
    equal(metric(page, "packets_total"), 3 * len(frames), "packets processed")
    equal(metric(page, "assets", role="monitor"), metric(before, "assets", role="monitor") + 1, "assets of role monitor")
    equal(len(told(records, "sensor.configuration-changed")), 1, "alerts of sensor.configuration-changed")
    # Nobody may speak with anybody any more.
    pairs = {(r["src_ip"], r["dest_ip"]) for r in told(records, "policy.peer-not-allowed")}
    offline = {(r["src_ip"], r["dest_ip"]) for r in told(program.events("-c", drills.SITE, drills.CAPTURE), "policy.peer-not-allowed")}
    check(offline < pairs, f"the pairs told after the reload are not more than before: {len(pairs)} and {len(offline)}")
    flows = [r for r in records if r["event_type"] == "flow"]
    check(flows and len({r["flow_id"] for r in flows}) == len(flows), "flows were told twice, or not at all")
    check("reloaded" in (folder / "stderr").read_text(), "the reload is not told")
    # The next start finds the configuration that held last.
    (folder / "eve.json").unlink()
    with running(program, folder, change=another) as process:
        records = stop(program, process, folder)
    equal(len(told(records, "sensor.configuration-changed")), 0, "alerts of sensor.configuration-changed at the next start")


def without_allow(site):
    lines, skipping = [], False
    for line in site.splitlines(keepends=True):
        if re.match(r"\S", line):
            skipping = line.startswith("allow:")
        if not skipping:
            lines.append(line)
    return "".join(lines)


def with_an_asset(site):
    check("\nassets:\n" in site, "the demonstration's site has no assets")
    return site.replace("\nassets:\n", "\nassets:\n  - {name: added-later, role: monitor, address: 198.51.100.250}\n")


@case
def a_broken_configuration_is_told_with_its_place_and_the_one_before_goes_on(program, folder):
    with running(program, folder) as process:
        write_site(folder, "power_steps: {severity_2: much}\nnothing_of_ours: 1\n")
        before = scrape()
        page = reload(process, "failure")
        said = (folder / "stderr").read_text()
        check(re.search(r"site\.yaml:\d+:\d+: ", said), f"no place: {said[-600:]}")
        check("nothing_of_ours" in said and "power_steps" in said, f"not every fault is told: {said[-600:]}")
        check("not reloaded" in said, f"it is not said that the old one goes on: {said[-600:]}")
        (folder / "site.yaml").unlink()
        page = reload(process, "failure")
        equal(reloads(page, "failure"), 2, "failures")
        equal(metric(page, "assets"), metric(before, "assets"), "assets")
        send_paced(demonstration())
        records = stop(program, process, folder)
    check(not told(records, "sensor.configuration-changed"), "a change is told, and there was none")
    check(told(records, "policy.peer-not-allowed") and told(records, "signature"), "the configuration before does not go on")


@case
def the_same_configuration_read_again_is_no_change_and_files_are_opened_anew(program, folder):
    with running(program, folder) as process:
        send_paced(demonstration())
        for _ in range(2):
            page = reload(process, "success")
        (folder / "eve.json").rename(folder / "eve.old.json")
        reload(process, "success")
        send_paced(demonstration(), len(demonstration()))
        records = stop(program, process, folder)
    equal(reloads(page, "failure"), 0, "failures")
    check("nothing has changed" in (folder / "stderr").read_text(), "it is not said that nothing has changed")
    old = cases.records((folder / "eve.old.json").read_bytes())
    check(records and old, "the output was not opened anew")
    check(not told(old + records, "sensor.configuration-changed"), "a change is told, and there was none")


@case
def what_needs_a_restart_is_named_and_the_rest_applied(program, folder):
    with running(program, folder) as process:
        before = scrape()
        write_site(folder, "", with_an_asset)
        path = folder / "site.yaml"
        path.write_text(path.read_text().replace("eve.json", "other.json").replace("span0}", "span0, workers: 3}"), encoding="utf-8")
        page = reload(process, "success")
        stop(program, process, folder)
    said = [line for line in (folder / "stderr").read_text().splitlines() if "needs a restart" in line]
    equal(len(said), 1, "lines that name what needs a restart")
    check(said[0].endswith(": capture, outputs"), f"the sections are not named: {said[0]}")
    equal(metric(page, "assets"), metric(before, "assets") + 1, "assets")
    check(not (folder / "other.json").exists(), "the other output was opened")


@case
def nothing_is_sent_into_the_monitored_network(program, folder):
    """The other end of the link hears nothing while the sensor starts, watches and stops."""
    ear = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    ear.bind(("sender0", 0))
    ear.settimeout(0.5)
    with running(program, folder) as process:
        send(demonstration())
        stop(program, process, folder)
    heard = []
    with contextlib.suppress(socket.timeout):
        while True:
            data, (_, _, kind, _, _) = ear.recvfrom(65536)
            if kind != socket.PACKET_OUTGOING:
                heard.append(data[:60].hex())
    equal(heard, [], "frames from the sensor")


def main():
    if "--inside" not in sys.argv:
        missing = [f"{tool} is missing" for tool in ("ip", "unshare") if not shutil.which(tool)]
        if os.geteuid() != 0:
            missing.append("root is needed")
        elif not missing and subprocess.run(["unshare", "--net", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
            missing.append("network namespaces are not allowed")
        elif not missing and subprocess.run(["unshare", "--net", "ip", "link", "add", "a0", "type", "veth", "peer", "name", "b0"],
                                            stderr=subprocess.DEVNULL, check=False).returncode:
            missing.append("virtual links (veth) are not allowed")
        if missing:
            for name, _ in cases._cases:
                cases.report("skipped", name, "; ".join(missing))
            print(f"0 passed, 0 failed, {len(cases._cases)} skipped")
            return 0
        os.execvp("unshare", ["unshare", "--net", sys.executable, *sys.argv, *SLOW, "--inside"])
    sys.argv.remove("--inside")
    make_link()
    return cases.main(__doc__)


if __name__ == "__main__":
    sys.exit(main())
