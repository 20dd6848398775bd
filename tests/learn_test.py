#!/usr/bin/env python3
"""From a capture to a site file that watches: `read`, `learn`, `check --against`, as a new user would."""
import collections
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
from cases import Skip, case, check, equal  # noqa: E402


def learn(program, site, *captures, status=0, options=()):
    done = program.run("learn", *captures, "-o", site, *options, timeout=300)
    equal(done.status, status, f"exit status of learn: {done.err[-400:]}")
    return done


def denied(program, site, *captures):
    return [a for a in program.events("-c", site, "--events", "alert", *captures, timeout=300)
            if a["event_type"] == "alert" and a["tsujiban"]["detector"] == "policy.peer-not-allowed"]


def drill(program, folder, scenario, seed=3, homes=5):
    capture = folder / f"{scenario}.pcapng"
    done = program.run("drill", "--scenario", scenario, "-o", capture, "--seed", seed, "--homes", homes, timeout=300)
    equal(done.status, 0, f"exit status of drill: {done.err[-400:]}")
    return capture


@case
def a_draft_of_a_benign_day_is_accepted_and_alerts_on_nothing_it_learned(program, folder):
    capture, site = drill(program, folder, "benign-day"), folder / "site.yaml"
    learn(program, site, capture, options=("--timezone", "Asia/Tokyo"))
    equal(program.run("check", "-c", site).status, 0, "exit status of check")
    text = site.read_text(encoding="utf-8")
    for word in ("segments:", "assets:", "role: ems", "role: meter", "REVIEW"):
        check(word in text, f"the draft does not say {word!r}")
    # What is not in force alerts until it is accepted, and names its address in a line that begins with `# -`.
    parked = "".join(line for line in text.splitlines(keepends=True) if line.lstrip().startswith("# -"))
    for alert in denied(program, site, capture):
        check(alert["src_ip"] in parked or alert["dest_ip"] in parked, f"not allowed and not marked: {alert['tsujiban']['why']}")


@case
def a_draft_finds_the_attack_that_came_after_it(program, folder):
    site = folder / "site.yaml"
    learn(program, site, drill(program, folder, "benign-day"))
    alerts = program.events("-c", site, "--events", "alert", drill(program, folder, "unauthorized-write"), timeout=300)
    found = collections.Counter(a["tsujiban"]["detector"] for a in alerts)
    check(found["control.unauthorized-write"] >= 1, f"found {dict(found)}")


@case
def what_looks_like_an_attack_is_not_accepted_blindly(program, folder):
    site = folder / "site.yaml"
    capture = drill(program, folder, "unauthorized-write")
    learn(program, site, capture)
    found = collections.Counter(a["tsujiban"]["detector"] for a in program.events("-c", site, "--events", "alert", capture, timeout=300))
    check(found["control.unauthorized-write"] + found["policy.peer-not-allowed"] >= 1, f"the draft covers the attack: {dict(found)}")


@case
def the_draft_does_not_depend_on_workers(program, folder):
    capture = drill(program, folder, "benign-day")
    texts = []
    for workers in (1, 3):
        site = folder / f"site{workers}.yaml"
        learn(program, site, capture, options=("-w", workers))
        texts.append(site.read_text(encoding="utf-8"))
    equal(texts[0], texts[1], "drafts of one worker and of three")


@case
def a_draft_is_never_written_over_a_file(program, folder):
    site = folder / "site.yaml"
    site.write_text("mine", encoding="utf-8")
    done = learn(program, site, cases.DEMO / "home.pcapng", status=1)
    check("is there already" in done.err, done.err)
    equal(site.read_text(encoding="utf-8"), "mine", "the file")


@case
def usage_errors_are_told_in_one_line(program, folder):
    equal(program.run("learn").status, 2, "no capture")
    equal(program.run("learn", "--timezone", "Mars/Base", cases.DEMO / "home.pcapng").status, 2, "no zone")
    equal(program.run("learn", folder / "absent.pcap").status, 1, "no file")


@case
def real_captures_give_drafts_that_are_accepted(program, folder):
    captures = sorted((cases.CAPTURES / "echonet").glob("*.pcap*")) if cases.CAPTURES.exists() else []
    if not captures:
        raise Skip("the collection of captures is absent")
    for number, capture in enumerate(captures):
        site = folder / f"{number}.yaml"
        learn(program, site, capture)
        done = program.run("check", "-c", site, "--against", capture, timeout=300)
        equal(done.status, 0, f"{capture.name}: exit status of check --against: {done.err[-300:]}")


if __name__ == "__main__":
    sys.exit(cases.main(__doc__))
