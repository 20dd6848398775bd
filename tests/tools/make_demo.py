#!/usr/bin/env python3
"""Makes deploy/demo/home.pcapng: ten minutes of two homes behind one aggregator, as a SPAN port shows them.

Both homes use the same addresses, ports and transaction numbers; only their VLAN tells them apart (30 and 31). Controllers
discover, describe, poll and control a smart meter, a storage battery, a solar inverter and an air conditioner. In home 12 the
battery connects to an address that nobody allowed and says what a signature knows, and the air conditioner sends one broken
frame. Nothing here was recorded anywhere; the addresses abroad are those of RFC 5737. Same program, same bytes (a test compares them).

  make_demo.py OUT.pcapng
"""
import datetime
import pathlib
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from packets import ACK, FIN, PSH, SYN, arp, echonet, ethernet, ip, mac, property_map, tcp, udp, write_pcapng  # noqa: E402

START_NS = int(datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc).timestamp()) * 10**9  # 17:00 in Japan.
MULTICAST, MULTICAST_MAC = "224.0.23.0", mac("01:00:5e:00:17:00")
CONTROLLER, NODE = "05FF01", "0EF001"
SETC, GET, INF_REQ, SETGET = 0x61, 0x62, 0x63, 0x6E
SET_RES, GET_RES, INF, SETGET_RES, SETC_SNA, GET_SNA = 0x71, 0x72, 0x73, 0x7E, 0x51, 0x52
AGGREGATOR, ABROAD = "198.51.100.10", "203.0.113.66"


class Device:
    def __init__(self, last, eoj, maker, announced, settable, readable):
        self.address = f"192.168.1.{last}"
        self.last, self.eoj, self.maker = last, eoj, bytes.fromhex(maker)
        self.maps = {0x9D: property_map(*announced), 0x9E: property_map(*settable), 0x9F: property_map(*readable)}


METER_MAP = [0x80, 0x81, 0x82, 0x88, 0x8A, 0x8D, 0x97, 0x98, 0x9D, 0x9E, 0x9F, 0xD3, 0xD7, 0xE0, 0xE1, 0xE2, 0xE3, 0xE4, 0xE5,
             0xE7, 0xE8, 0xEA, 0xEB, 0xEC, 0xED]
METER = Device(10, "028801", "000016", [0x80, 0x81, 0x88], [0x81, 0xE5, 0xED], METER_MAP)
BATTERY = Device(20, "027D01", "000064", [0x80, 0x81, 0x88, 0xC1, 0xC2, 0xCF, 0xDA], [0xAA, 0xAB, 0xDA, 0xEB, 0xEC],
                 [0x80, 0x81, 0x82, 0x83, 0x88, 0x8A, 0x9D, 0x9E, 0x9F, 0xA0, 0xA1, 0xC8, 0xC9, 0xCF, 0xD3, 0xDA, 0xE2, 0xE4])
SOLAR = Device(30, "027901", "00000B", [0x80, 0x81, 0x88, 0xD1], [0x81, 0xA0, 0xA1],
               [0x80, 0x81, 0x82, 0x83, 0x88, 0x8A, 0x9D, 0x9E, 0x9F, 0xA0, 0xD0, 0xD1, 0xE0, 0xE1])
AIR = Device(40, "013001", "000008", [0x80, 0x81, 0x88, 0x8F, 0xB0], [0x80, 0x81, 0x8F, 0xA0, 0xB0, 0xB3],
             [0x80, 0x81, 0x82, 0x83, 0x88, 0x8A, 0x8F, 0x9D, 0x9E, 0x9F, 0xA0, 0xB0, 0xB3, 0xBB, 0xBE])
DEVICES = [METER, BATTERY, SOLAR, AIR]


class Home:
    """One home on one VLAN. Times are milliseconds from the start; every method returns when it ended."""

    def __init__(self, number, vlan, load_w, solar_w, charge_percent, latency_ms):
        self.number, self.vlan, self.packets = number, vlan, []
        self.load_w, self.solar_w, self.charge_percent, self.latency_ms = load_w, solar_w, charge_percent, latency_ms
        self.battery_w, self.tid, self.identification = 0, 0, 0
        self.energy_raw, self.solar_wh = 3246000 + number, 8_421_000 + number

    def mac(self, last):
        return bytes([2, 0, 0, 0, self.number, last])

    def put(self, time_ms, destination_mac, source_last, body, ethertype=0x0800):
        # A few microseconds of jitter, the same every time, so that no two packets share a time stamp.
        time_ns = START_NS + int(time_ms * 1_000_000) + (len(self.packets) * 7919 + self.number * 104729) % 90_000
        self.packets.append((time_ns, ethernet(destination_mac, self.mac(source_last), ethertype, body, (self.vlan,))))

    def datagram(self, time_ms, source_last, destination_last, payload, source_port=3610):
        source = f"192.168.1.{source_last}"
        destination = MULTICAST if destination_last is None else f"192.168.1.{destination_last}"
        to = MULTICAST_MAC if destination_last is None else self.mac(destination_last)
        self.identification += 1
        self.put(time_ms, to, source_last, ip(source, destination, 17, udp(source, source_port, destination, 3610, payload),
                                              self.identification, 1 if destination_last is None else 64))

    def ask(self, time_ms, device, service, answer, request_properties, answer_properties, eoj=None):
        """A controller's question and the device's answer to port 3610, from whatever port it was asked."""
        self.tid += 1
        eoj = eoj or device.eoj
        lists = request_properties if service == SETGET else [request_properties]
        answers = answer_properties if service == SETGET else [answer_properties]
        self.datagram(time_ms, 2, device.last, echonet(self.tid, CONTROLLER, eoj, service, *lists), 41000 + self.number)
        self.datagram(time_ms + self.latency_ms, device.last, 2, echonet(self.tid, eoj, CONTROLLER, answer, *answers))

    def read(self, time_ms, device, values, eoj=None):
        self.ask(time_ms, device, GET, GET_RES, [(epc, b"") for epc, _ in values], values, eoj)

    def notify(self, time_ms, device, values):
        self.datagram(time_ms, device.last, None, echonet(0, device.eoj, NODE, INF, values))

    def begin(self):
        for order, device in enumerate(DEVICES):
            self.put(order * 3, b"\xff" * 6, 2, arp(1, self.mac(2), "192.168.1.2", b"\0" * 6, device.address), 0x0806)
            self.put(order * 3 + 1, self.mac(2), device.last,
                     arp(2, self.mac(device.last), device.address, self.mac(2), "192.168.1.2"), 0x0806)
        for order, device in enumerate(DEVICES):
            self.datagram(200 + order * 40, device.last, None,
                          echonet(0, NODE, NODE, INF, [(0xD5, b"\x01" + bytes.fromhex(device.eoj))]))
        self.tid += 1
        self.datagram(1000, 2, None, echonet(self.tid, CONTROLLER, NODE, GET, [(0xD6, b"")]))
        for order, device in enumerate(DEVICES):
            self.datagram(1012 + order * 9 + self.latency_ms, device.last, 2,
                          echonet(self.tid, NODE, CONTROLLER, GET_RES, [(0xD6, b"\x01" + bytes.fromhex(device.eoj))]))
        self.tid += 1
        self.datagram(1500, 2, None, echonet(self.tid, CONTROLLER, NODE, INF_REQ, [(0xD5, b"")]))
        for order, device in enumerate(DEVICES):
            self.datagram(1510 + order * 9 + self.latency_ms, device.last, None,
                          echonet(self.tid, NODE, CONTROLLER, INF, [(0xD5, b"\x01" + bytes.fromhex(device.eoj))]))
        for order, device in enumerate(DEVICES):
            at = 2000 + order * 400
            self.read(at, device, [(0x82, b"\x01\x0d\x01\x00"), (0x83, b"\xfe" + device.maker + bytes([self.number] * 13))], NODE)
            release = b"\0\0\x46\0" if device is METER else b"\0\0\x52\x01"
            self.read(at + 100, device, [(0x82, release), (0x8A, device.maker), (0x88, b"\x42")])
            self.read(at + 200, device, sorted(device.maps.items()))
        self.read(3900, METER, [(0xD3, b"\0\0\0\1"), (0xD7, b"\x06"), (0xE1, b"\x01")])
        self.read(4000, BATTERY, [(0xC8, struct.pack("!II", 0, 5000)), (0xC9, struct.pack("!II", 0, 5000)), (0xA0, struct.pack("!I", 9800))])
        # A meter of the first generation has no one-minute values: it refuses and says which (0xD0 comes back empty).
        self.ask(4100, METER, GET, GET_SNA, [(0xD0, b""), (0x97, b"")], [(0xD0, b""), (0x97, b"\x11\x00")])

    def poll(self, time_ms, round_number):
        drift = (round_number * 37 + self.number * 11) % 90 - 45
        grid_w = self.load_w + drift - self.solar_w - self.battery_w
        self.energy_raw += max(0, grid_w) // 600
        self.solar_wh += self.solar_w // 60
        if self.battery_w:
            self.charge_percent -= 1
        currents = struct.pack("!hh", grid_w // 20, grid_w // 21)
        self.read(time_ms, METER, [(0xE7, struct.pack("!i", grid_w)), (0xE8, currents), (0xE0, struct.pack("!I", self.energy_raw))])
        self.read(time_ms + 80, BATTERY, [(0xD3, struct.pack("!i", -self.battery_w)), (0xE4, bytes([self.charge_percent])),
                                          (0xCF, b"\x43" if self.battery_w else b"\x44")])
        self.read(time_ms + 160, SOLAR, [(0xE0, struct.pack("!H", self.solar_w)), (0xE1, struct.pack("!I", self.solar_wh))])
        # The outdoor sensor of this unit cannot measure: 0x7E says so.
        self.read(time_ms + 240, AIR, [(0x80, b"\x30"), (0xB0, b"\x43"), (0xB3, b"\x16"), (0xBB, b"\x13"), (0xBE, b"\x7e")])

    def stream(self, time_ms, client_last, client_port, server, server_port, pieces):
        """A TCP connection from the home, with its end; `pieces`: [(from the client?, bytes), ...]. Returns when it ended."""
        client = f"192.168.1.{client_last}"
        sequence = {True: 0x12340000 + self.number, False: 0x56780000 + self.number}

        def send(from_client, flags, data=b""):
            nonlocal time_ms
            time_ms += 6
            self.identification += 1
            ends = (client, client_port, server, server_port) if from_client else (server, server_port, client, client_port)
            segment = tcp(*ends, sequence[from_client], sequence[not from_client] if flags & ACK else 0, flags, data)
            packet = ip(ends[0], ends[2], 6, segment, self.identification)
            if from_client:
                self.put(time_ms, self.mac(1), client_last, packet)
            else:
                self.put(time_ms, self.mac(client_last), 1, packet)
            sequence[from_client] += len(data) + (1 if flags & (SYN | FIN) else 0)

        send(True, SYN)
        send(False, SYN | ACK)
        send(True, ACK)
        for from_client, data in pieces:
            send(from_client, PSH | ACK, data)
            send(not from_client, ACK)
        send(True, FIN | ACK)
        send(False, FIN | ACK)
        send(True, ACK)

    def dispatch(self, time_ms):
        """The aggregator asks over R4 (TLS, unreadable here); the controller lets the battery discharge."""
        record = bytes((index * 73 + 19) & 0xFF for index in range(160))
        self.stream(time_ms, 2, 50000 + self.number, AGGREGATOR, 443,
                    [(True, b"\x17\x03\x03\x00\xa0" + record), (False, b"\x17\x03\x03\x00\xa0" + record[::-1])])
        self.ask(time_ms + 500, BATTERY, SETC, SET_RES, [(0xEC, struct.pack("!I", 2000)), (0xDA, b"\x43")], [(0xEC, b""), (0xDA, b"")])
        self.battery_w = 2000
        self.notify(time_ms + 700, BATTERY, [(0xDA, b"\x43"), (0xCF, b"\x43")])
        self.ask(time_ms + 900, AIR, SETGET, SETGET_RES, ([(0x8F, b"\x41")], [(0xB3, b"")]), ([(0x8F, b"")], [(0xB3, b"\x16")]))
        self.notify(time_ms + 1000, AIR, [(0x8F, b"\x41")])
        # 60 degrees is more than the air conditioner takes: it refuses and gives the value back.
        self.ask(time_ms + 1300, AIR, SETC, SETC_SNA, [(0xB3, b"\x3c")], [(0xB3, b"\x3c")])


def make():
    first = Home(12, 30, load_w=2400, solar_w=900, charge_percent=81, latency_ms=14)
    second = Home(13, 31, load_w=650, solar_w=1900, charge_percent=55, latency_ms=33)
    for home in (first, second):
        home.begin()
        for round_number in range(10):
            home.poll(10_000 + round_number * 60_000, round_number)
        home.dispatch(130_000)
        home.poll(605_000, 10)
    # The battery of home 12 connects abroad; what the signature knows lies across two segments.
    request = b"POST /gate HTTP/1.1\r\nHost: update.example\r\nX-Loader-Id: 7f3a-home-12\r\nContent-Length: 0\r\n\r\n"
    cut = request.index(b"Loader")
    first.stream(300_000, BATTERY.last, 49152, ABROAD, 8080,
                 [(True, request[:cut]), (True, request[cut:]), (False, b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nwait")])
    # One notification claims nine bytes of temperature and ends after one.
    first.datagram(360_000, AIR.last, 2, bytes.fromhex("108100000130010EF00173") + b"\x01\xbb\x09\x13", 49322)
    return sorted(first.packets + second.packets)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: make_demo.py OUT.pcapng")
    write_pcapng(sys.argv[1], make(), comment="Tsujiban demonstration: two homes of one aggregator; made by tests/tools/make_demo.py")
