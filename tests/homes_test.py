#!/usr/bin/env python3
"""Two homes with the same addresses, ports and transaction numbers stay two homes."""
import itertools
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent / "tools"))
import cases  # noqa: E402
import drills  # noqa: E402
import packets  # noqa: E402
from cases import case, check, equal  # noqa: E402

MS = 1_000_000
CONTROLLER_MAC, METER_MAC = packets.mac("02:00:00:00:00:02"), packets.mac("02:00:00:00:00:10")
LINKS = {"vlan 30": (30,), "vlan 31": (31,), "vlan 30, 112": (30, 112), "vlan 112, 30": (112, 30), "untagged": ()}


def ask(tid, vlans):
    payload = packets.echonet(tid, "05FF01", "028801", 0x62, [(0xE7, b"")])
    return packets.ethernet(METER_MAC, CONTROLLER_MAC, 0x0800, packets.ip("192.168.1.2", "192.168.1.10", 17, packets.udp(
        "192.168.1.2", 3610, "192.168.1.10", 3610, payload)), vlans)


def answer(tid, vlans, watt):
    payload = packets.echonet(tid, "028801", "05FF01", 0x72, [(0xE7, watt.to_bytes(4, "big", signed=True))])
    return packets.ethernet(CONTROLLER_MAC, METER_MAC, 0x0800, packets.ip("192.168.1.10", "192.168.1.2", 17, packets.udp(
        "192.168.1.10", 3610, "192.168.1.2", 3610, payload)), vlans)


def tags(record):
    vlan = record.get("vlan", [])
    return tuple(vlan if isinstance(vlan, list) else [vlan])


def read(program, folder, frames, *options):
    path = folder / "homes.pcap"
    packets.write_pcap(path, [((1_700_000_000 * 1000 + at_ms) * MS, data) for at_ms, data in frames])
    return program.events(*options, path)


@case
def every_link_is_a_home_of_its_own(program, folder):
    frames = []
    for order, vlans in enumerate(LINKS.values()):
        frames += [(order, ask(7, vlans)), (100 + 10 * order, answer(7, vlans, 100 * (order + 1)))]
    found = read(program, folder, sorted(frames, key=lambda frame: frame[0]))
    values = {tags(r): r["echonet_lite"]["properties"][0]["value"] for r in found
              if r["event_type"] == "echonet_lite" and r["echonet_lite"]["service"] == "Get_Res"}
    equal(values, {vlans: 100 * (order + 1) for order, vlans in enumerate(LINKS.values())}, "reading by link")
    flows = [r for r in found if r["event_type"] == "flow"]
    equal(sorted(map(tags, flows)), sorted(LINKS.values()), "flows by link")
    equal(len({r["flow_id"] for r in flows}), len(LINKS), "different flow ids")


@case
def an_answer_pairs_only_within_its_home(program, folder):
    found = read(program, folder, [(0, ask(1, (30,))), (20, answer(1, (31,), 5)), (50, answer(1, (30,), 6)),
                                   (60, ask(2, (31,))), (75, answer(2, (30,), 7)), (90, answer(2, (31,), 8))])
    pairs = {r["echonet_lite"]["properties"][0]["value"]: r["echonet_lite"].get("response_ms") for r in found
             if r["event_type"] == "echonet_lite" and r["echonet_lite"]["service"] == "Get_Res"}
    equal({value: None if ms is None else round(ms) for value, ms in pairs.items()}, {5: None, 6: 50, 7: None, 8: 30},
          "latency by reading")


@case
def an_alert_names_the_home(program, _):
    # Both homes have a battery with this address; the labels say which of them calls abroad.
    event = next(event for event in drills.attacks() if event["scenario"] == "loader-callback")
    alerts = [r for r in program.events("-c", drills.SITE, "--events", "alert", drills.CAPTURE)
              if r["event_type"] == "alert" and event["target"] in (r["src_ip"], r["dest_ip"])]
    equal({a["tsujiban"]["detector"] for a in alerts}, {"policy.peer-not-allowed", "signature"}, "detectors that tell it")
    for alert in alerts:
        equal((tags(alert), alert["segment"]), ((100,), event["segment"]), "link and segment of the alert")
        equal(alert["tsujiban"]["src"]["asset"], event["source"], "asset of the alert")


def echonet_of(frame):
    """(VLAN, source, destination, ECHONET Lite message) of a frame with one tag, or None."""
    if frame[12:14] != b"\x81\0" or frame[16:18] != b"\x08\0" or frame[27] != 17 or frame[40:42] != (3610).to_bytes(2, "big"):
        return None
    length = int.from_bytes(frame[42:44], "big") - 8
    return int.from_bytes(frame[14:16], "big") & 0xFFF, frame[30:34], frame[34:38], frame[46:46 + length]


def is_answer(message):
    return message[10] in (0x51, 0x52, 0x71, 0x72, 0x7E)


def latencies_of(frames):
    """What anybody can see who knows the homes apart: [(VLAN, TID, ESV, milliseconds since the question), …] of the answers."""
    asked, found = {}, []
    for time_ns, frame in frames:
        told = echonet_of(frame)
        if not told or len(told[3]) < 12 or told[3][:2] != b"\x10\x81":
            continue
        vlan, source, destination, message = told
        if is_answer(message):
            begun = asked.pop((vlan, destination, source, message[2:4]), None)
            if begun is not None:
                found.append((vlan, message[2:4].hex(), f"0x{message[10]:02X}", (time_ns - begun) / MS))
        else:
            # A question that is asked again waits since it was asked first.
            asked.setdefault((vlan, source, destination, message[2:4]), time_ns)
    return found


def pairs_as_seen(program, capture, frames, least):
    records = [r for r in program.events("-c", drills.SITE, capture) if r["event_type"] == "echonet_lite"]
    seen = [(*tags(r), r["echonet_lite"]["tid"], r["echonet_lite"]["esv"], r["echonet_lite"]["response_ms"])
            for r in records if "response_ms" in r["echonet_lite"]]
    wanted = latencies_of(frames)
    check(len(wanted) > least, f"only {len(wanted)} answers")
    equal(len(seen), len(wanted), "answers that are paired")
    for found, real in zip(sorted(seen), sorted(wanted)):
        check(found[:3] == real[:3] and abs(found[3] - real[3]) < 1, f"paired otherwise: {found}, wanted {real}")


@case
def demonstration_pairs_every_answer_with_its_own_home(program, _):
    pairs_as_seen(program, drills.CAPTURE, drills.frames(), 150)


@case
def twin_homes_that_say_the_same_at_the_same_time_stay_apart(program, folder):
    """Home 1 of the drill, and its double on home 2's VLAN: the same bytes, but every answer comes 19 ms later."""
    home = [(time_ns, frame) for time_ns, frame in drills.frames() if frame[14:16] == b"\0\x64"]
    twin = []
    for time_ns, frame in home:
        told = echonet_of(frame)
        late = told and len(told[3]) > 10 and is_answer(told[3])
        twin.append((time_ns + (19 * MS if late else MS // 2), frame[:14] + b"\0\x65" + frame[16:]))
    frames = sorted(home + twin)
    packets.write_pcap(folder / "twins.pcap", frames)
    pairs_as_seen(program, folder / "twins.pcap", frames, 150)


@case
def a_fragmented_datagram_is_not_joined_across_homes(program, folder):
    payload = packets.echonet(9, "028801", "05FF01", 0x72, [(0xE7, b"\0\0\2\x9a"), (0x8D, b"0" * 12)])
    whole = packets.udp("192.168.1.10", 3610, "192.168.1.2", 3610, payload)
    assert len(whole) % 8 or len(whole) > 24

    def fragment(offset, data, more, vlans):
        packet = bytearray(packets.ip("192.168.1.10", "192.168.1.2", 17, data, identification=77))
        packet[6:8] = ((0x2000 if more else 0) | offset // 8).to_bytes(2, "big")
        packet[10:12] = b"\0\0"
        packet[10:12] = packets.checksum(bytes(packet[:20])).to_bytes(2, "big")
        return packets.ethernet(CONTROLLER_MAC, METER_MAC, 0x0800, bytes(packet), vlans)

    crossed = read(program, folder, [(0, fragment(0, whole[:24], True, (30,))), (1, fragment(24, whole[24:], False, (31,)))])
    equal([r for r in crossed if r["event_type"] == "echonet_lite"], [], "frames joined out of two homes")
    same = read(program, folder, [(0, fragment(0, whole[:24], True, (30,))), (1, fragment(24, whole[24:], False, (30,)))])
    equal([r["echonet_lite"]["properties"][0]["value"] for r in same if r["event_type"] == "echonet_lite"], [666], "joined in one home")


@case
def any_interleaving_gives_the_same_readings(program, folder):
    sides = {(30,): [ask(3, (30,)), answer(3, (30,), 300)], (31,): [ask(3, (31,)), answer(3, (31,), 310)]}
    for order in sorted(set(itertools.permutations([(30,), (30,), (31,), (31,)]))):
        waiting = {vlans: list(frames) for vlans, frames in sides.items()}
        found = read(program, folder, [(index, waiting[vlans].pop(0)) for index, vlans in enumerate(order)], "-w", "2")
        values = {tags(r): (r["echonet_lite"]["properties"][0]["value"], "response_ms" in r["echonet_lite"]) for r in found
                  if r["event_type"] == "echonet_lite" and r["echonet_lite"]["service"] == "Get_Res"}
        equal(values, {(30,): (300, True), (31,): (310, True)}, f"readings in the order {order}")


if __name__ == "__main__":
    sys.exit(cases.main(__doc__))
