#!/usr/bin/env python3
"""`tsujiban run` on a virtual link in a network namespace of its own: nothing received is lost, privileges are dropped,
metrics answer, silence is told. Needs root and iproute2; says what is missing otherwise. Never touches a link of the machine.
"""
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
import make_demo  # noqa: E402
from cases import Skip, case, check, equal  # noqa: E402

METRICS = "http://127.0.0.1:9836/metrics"
FAMILIES = ["packets_total", "bytes_total", "dropped_packets_total", "decode_errors_total", "flows_active", "flow_evictions_total",
            "messages_total", "alerts_total", "signature_matches_total", "processing_seconds", "capture_lag_seconds",
            "output_queue_events", "output_events_total", "assets", "build_info"]
READY_SECONDS_MAX = 20
STOP_SECONDS_MAX = 20
SILENCE_SECONDS_MAX = 80  # The detector waits 60.
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


@contextlib.contextmanager
def running(program, folder, more=""):
    """The daemon on span0 with the demonstration's site; stopped by SIGTERM if the case has not."""
    folder.chmod(0o777)
    site = (cases.DEMO / "site.yaml").read_text(encoding="utf-8").replace("signatures: [demo.rules]", "")
    (folder / "site.yaml").write_text(
        site + "capture: [{kind: pcap, interface: span0}]\n"
        f"signatures: [{cases.DEMO}/demo.rules]\noutputs: [{{kind: eve, path: {folder}/eve.json}}]\n"
        f"state: {{directory: {folder}}}\nmetrics: {{listen: \"127.0.0.1:9836\"}}\n" + more, encoding="utf-8")
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


def stop(program, process, folder):
    process.send_signal(signal.SIGTERM)
    process.wait(timeout=STOP_SECONDS_MAX)
    program.must_be_sane(process.returncode, (folder / "stderr").read_text(), ["run"])
    equal(process.returncode, 0, "exit status after SIGTERM")
    return cases.records((folder / "eve.json").read_bytes())


def demonstration():
    return [frame for _, frame in make_demo.make()]


@case
def nothing_received_is_lost_at_sigterm(program, folder):
    frames = demonstration() * 20
    with running(program, folder) as process:
        send(frames)
        records = stop(program, process, folder)  # At once: what the kernel holds must still be read.
    stats = [r["stats"] for r in records if r["event_type"] == "stats"][-1]
    dropped = sum(stats["tsujiban"]["dropped"].values())
    equal(stats["tsujiban"]["packets_received"], len(frames), "packets received, of those sent")
    equal(stats["decoder"]["pkts"] + dropped, len(frames), "packets processed and dropped")
    equal(dropped, 0, "packets dropped")


@case
def live_traffic_is_understood_like_the_capture(program, folder):
    with running(program, folder) as process:
        send(demonstration())
        time.sleep(0.3)
        records = stop(program, process, folder)
    offline = program.events("-c", cases.DEMO / "site.yaml", cases.DEMO / "home.pcapng")

    def messages(found):
        return [(r["segment"], r["echonet_lite"]["tid"], r["echonet_lite"]["esv"]) for r in found if r["event_type"] == "echonet_lite"]

    equal(sorted(messages(records)), sorted(messages(offline)), "ECHONET Lite messages")
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
        send(demonstration())
        deadline = time.monotonic() + 10
        while metric(scrape(), "packets_total") < 329 and time.monotonic() < deadline:
            time.sleep(0.1)
        page = scrape()
        stop(program, process, folder)
    missing = [name for name in FAMILIES if f"# TYPE tsujiban_{name} " not in page]
    equal(missing, [], "families that are missing")
    equal(metric(page, "packets_total"), 329, "packets_total")
    check(metric(page, "messages_total", protocol="echonet_lite") > 200, "messages_total of echonet_lite")
    equal(metric(page, "signature_matches_total"), 1, "signature_matches_total")
    for address in ("192.168.", "203.0.113", "battery-12"):
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


@case
def alerts_and_packets_are_conserved_on_the_metrics_page(program, folder):
    with running(program, folder) as process:
        send(demonstration() * 10)
        time.sleep(1.5)
        page = scrape()
        records = stop(program, process, folder)
    raised = metric(page, "alerts_raised_total")
    fates = {fate: metric(page, "alerts_fate_total", fate=fate) for fate in ("written", "merged", "shed")}
    equal(raised, sum(fates.values()), f"alerts raised, against {fates}")
    check(fates["written"] > 0 and fates["merged"] > 0, f"nothing was written or merged: {fates}")
    equal(metric(page, "packets_total") + metric(page, "dropped_packets_total"), 3290, "packets processed and dropped, of those sent")
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
