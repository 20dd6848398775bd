"""Packets and captures made by hand for the tests. Standard library only; same arguments, same bytes."""
import ipaddress
import struct


def checksum(data):
    """The Internet checksum, RFC 1071."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def ethernet(destination, source, ethertype, payload, vlans=()):
    """An Ethernet II frame, padded to 60 bytes; `vlans` from the outermost tag inwards (IEEE 802.1Q, outer of two 802.1ad)."""
    frame = destination + source
    for position, vlan in enumerate(vlans):
        frame += struct.pack("!HH", 0x88A8 if position + 1 < len(vlans) else 0x8100, vlan)
    frame += struct.pack("!H", ethertype) + payload
    return frame + b"\0" * max(0, 60 - len(frame))


def ip(source, destination, protocol, payload, identification=1, ttl=64):
    """An IPv4 or IPv6 packet, by the version of `source`."""
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    if source.version == 6:
        return struct.pack("!IHBB", 6 << 28, len(payload), protocol, ttl) + source.packed + destination.packed + payload
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(payload), identification & 0xFFFF, 0x4000, ttl, protocol, 0)
    header += source.packed + destination.packed
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + payload


def _pseudo(source, destination, protocol, length):
    source, destination = ipaddress.ip_address(source), ipaddress.ip_address(destination)
    return source.packed + destination.packed + struct.pack("!II", length, protocol)


def udp(source, source_port, destination, destination_port, payload):
    header = struct.pack("!HHHH", source_port, destination_port, 8 + len(payload), 0)
    value = checksum(_pseudo(source, destination, 17, 8 + len(payload)) + header + payload) or 0xFFFF
    return header[:6] + struct.pack("!H", value) + payload


FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def tcp(source, source_port, destination, destination_port, sequence, acknowledgment, flags, payload=b"", window=64240):
    header = struct.pack("!HHIIBBHHH", source_port, destination_port, sequence & 0xFFFFFFFF, acknowledgment & 0xFFFFFFFF,
                         5 << 4, flags, window, 0, 0)
    value = checksum(_pseudo(source, destination, 6, len(header) + len(payload)) + header + payload)
    return header[:16] + struct.pack("!H", value) + header[18:] + payload


def arp(operation, sender_mac, sender, target_mac, target):
    return (struct.pack("!HHBBH", 1, 0x0800, 6, 4, operation) + sender_mac + ipaddress.ip_address(sender).packed +
            target_mac + ipaddress.ip_address(target).packed)


def echonet(tid, source, destination, service, *lists):
    """An ECHONET Lite frame of format 1. Objects are 6 hex digits; each list is [(EPC, EDT bytes), ...]; SetGet has two."""
    body = b"\x10\x81" + struct.pack("!H", tid) + bytes.fromhex(source) + bytes.fromhex(destination) + bytes([service])
    for properties in lists:
        body += bytes([len(properties)]) + b"".join(bytes([epc, len(edt)]) + edt for epc, edt in properties)
    return body


def property_map(*codes):
    """Property map of 0x9D, 0x9E and 0x9F: a list below 16 codes, else the bitmap form."""
    if len(codes) < 16:
        return bytes([len(codes), *codes])
    bits = bytearray(16)
    for code in codes:
        bits[code & 15] |= 1 << ((code >> 4) - 8)
    return bytes([len(codes)]) + bytes(bits)


def write_pcap(path, packets, linktype=1, snap_length=262144):
    """Classic pcap with nanoseconds, little-endian. `packets`: [(time in ns, bytes), ...]."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, snap_length, linktype))
        for time_ns, data in packets:
            kept = data[:snap_length]
            out.write(struct.pack("<IIII", time_ns // 10**9, time_ns % 10**9, len(kept), len(data)) + kept)


def _option(code, value):
    return struct.pack("<HH", code, len(value)) + value + b"\0" * (-len(value) % 4)


def _block(kind, body):
    length = 12 + len(body)
    return struct.pack("<II", kind, length) + body + struct.pack("<I", length)


def write_pcapng(path, packets, interface="span0", comment="", linktype=1):
    """pcapng with one interface and nanoseconds (if_tsresol 9), little-endian."""
    end = struct.pack("<HH", 0, 0)
    section = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    if comment:
        section += _option(1, comment.encode()) + end
    with open(path, "wb") as out:
        out.write(_block(0x0A0D0D0A, section))
        out.write(_block(1, struct.pack("<HHI", linktype, 0, 0) + _option(2, interface.encode()) + _option(9, b"\x09") + end))
        for time_ns, data in packets:
            body = struct.pack("<IIIII", 0, time_ns >> 32, time_ns & 0xFFFFFFFF, len(data), len(data))
            out.write(_block(6, body + data + b"\0" * (-len(data) % 4)))
