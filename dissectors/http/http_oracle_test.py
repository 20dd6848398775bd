#!/usr/bin/env python3
"""Every capture of captures/http, read by us, by Suricata and by tshark: the same transactions and fields.

Each difference is listed below with its reason; one that is not listed, or is listed and does not occur, fails the test.
Exit status 77: the program, the captures or both peers are not there.
"""
import collections
import pathlib
import re
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tests" / "tools"))
import peers  # noqa: E402

CAPTURES = peers.CAPTURES / "http"

FIELDS = ["http_method", "hostname", "http_port", "url", "status", "http_user_agent", "http_content_type", "http_refer", "protocol", "redirect", "xff", "content_range"]


def evader(*numbers):
    return [f"suri-http-evader-http-evader-{number}" for number in numbers]


def listed(*groups):
    """{capture: (theirs, ours, why)} of (captures, theirs, ours, why)."""
    return {capture: (theirs, ours, why) for captures, theirs, ours, why in groups for capture in captures}


# (captures, records that only Suricata has, records that only we have, why)
SURICATA_DIFFERS = listed(
    (evader("373"), 1, 1, "HTTP/0.9 in a status line: Suricata reads no status"),
    (evader("393", "394", "467", "468", "469", "470"), 1, 1, "a status that is not three digits: Suricata takes the number it begins with, we show its text"),
    (evader("416", "422", "425", "431"), 1, 1, "a line of one space where the empty line must be: for Suricata it ends the head, for us it continues a header, and the head has no end"),
    (evader("449"), 1, 1, "status 102: Suricata takes it for the final response; a 1xx never is (RFC 9110, 15.2)"),
    (["ndpi-http_asymmetric"], 0, 6, "each direction is a flow of its own, because its addresses were translated: Suricata skips flows that only one side speaks in"),
    (["ndpi-http_starting_with_reply"], 0, 3, "picked up in its middle, with a response: Suricata skips it"),
    (["suri-http-connect-http-connect-fragmented"], 1, 0, "HTTP within CONNECT's tunnel: behind it we do not read"),
    (["suri-http-not09-file", "zeek-http-bad-request-with-version"], 1, 1, "a first line that begins with control characters: Suricata makes a method of them, for us it is no HTTP"),
    (["suri-http-protocol-inspect-v2"], 0, 1, "the second connection, picked up in its middle: Suricata skips it"),
    (["suri-http2-keywords2"], 0, 1, "101 to h2c: Suricata turns the transaction into one of HTTP/2"),
    (["zeek-http-to-ssh"], 1, 0, "what an SSH server sends: Suricata makes a second response without a request of it"),
    (["zeek-no-uri"], 1, 1, "the request's TCP checksum is wrong, so its bytes do not count"),
    (["zeek-variant-02-cl_uint64max"], 0, 1, "a length of 2^64-1: for Suricata all the rest is body, for us it is no length"),
    (["zeek-zero-length-bodies-with-drops"], 1, 2, "bytes are missing before a response: Suricata takes it for the oldest request's, we for nobody's"),
)
# The same of `length`, where all other fields are equal.
LENGTH_DIFFERS = listed(
    (evader("044", "045", "046", "052", "056", "082", "090"), 1, 1, "chunks are promised and do not come: Suricata takes the bytes as they are, we wait for a size"),
    (evader("062", "063", "067", "069", "075", "078", "081", "085", "092", "306", "307", "309", "310", "313"), 1, 1,
     "a transfer coding that is not, or not last, chunked: Suricata reads chunks wherever the word occurs; flagged te_not_chunked"),
    (evader("274"), 1, 1, "a folded line that looks like a header: Suricata takes it for one; flagged folded_header"),
    (evader("273", "276", "277"), 1, 1, "the same"),
    (evader("095", "388"), 1, 1, "a header behind a bare CR: a line end for Suricata; flagged bare_cr"),
    (evader("287", "288", "291", "293", "295", "405", "411"), 1, 1, "a header's name with control characters: Suricata passes over them; flagged bad_header"),
    (evader("377", "378", "398"), 1, 1, "a header behind the version in the status line: Suricata takes it for one; flagged odd_version and odd_status"),
    (evader("243", "244", "247", "257", "259"), 1, 1, "several lengths, or one that is none: Suricata counts the bytes behind the body too"),
    (evader("266"), 1, 1, "a response without a head: Suricata counts it as HTTP/0.9"),
    (["suri-http-not09", "zeek-curl_http_09", "zeek-get-to-ssh-server", "zeek-http-to-ssh"], 1, 1, "the same"),
    (["suri-http-async"], 1, 1, "a line end behind the body: Suricata counts it"),
    (["suri-http-gap-simple"], 2, 2, "the same"),
    (["zeek-byteranges", "zeek-content-range-gap-skip"], 1, 1, "the capture ends, or has a gap, within the body: Suricata counts nothing of it"),
    (["zeek-http-09-content-length-confusion"], 1, 1, "Content-Length 4, in a response without a request: Suricata leaves it out"),
)
# (captures, values that only tshark has, values that only we have, why)
TSHARK_DIFFERS = listed(
    (evader("026", "044", "045", "046", "052", "056", "067", "078", "082", "095", "099", "207", "208", "241"), 0, 2,
     "a body that is cut, or not in the form that its headers promise: tshark shows no response at all"),
    (evader("054"), 0, 2, "http/1.1 in small letters: no response for tshark"),
    (["zeek-http-lower-case-nonstandard-port"], 0, 2, "the same"),
    (evader("373", "375"), 0, 2, "a blank or CR before, or 0.9 in, the version: no response for tshark"),
    (evader("377"), 0, 1, "as above, and a status line cut at a bare CR"),
    (evader("393", "394", "467", "468"), 1, 0, "a status that is not three digits: tshark takes the number it begins with"),
    (evader("474"), 1, 1, "a tab before the status: tshark counts columns"),
    (evader("449"), 1, 0, "status 102 has no record of its own, so its content type has none"),
    (evader("481", "483", "485", "486", "487", "488", "489", "490", "491", "493", "495"), 0, 2, "a line before the status line: tshark gives up, we take the next start line"),
    (["suri-http-connect-http-connect-fragmented"], 2, 1, "HTTP within CONNECT's tunnel, which we do not read; the host of CONNECT's target, which has no header"),
    (["zeek-connect-with-smtp"], 0, 1, "the host of CONNECT's target, which has no header"),
    (["suri-http-connection-toclient"], 2, 1, "a repeated Content-Type: one list for us (and for Suricata), two values for tshark"),
    (["suri-http-gap-simple", "zeek-content-range-gap", "zeek-content-range-gap-skip", "zeek-entity_gap2"], 0, 2, "a gap in the body: tshark shows no response"),
    (["suri-http-multiple-cl"], 1, 1, "several lengths in a request: tshark takes the last, we and Suricata the first"),
    (["suri-http-not09", "zeek-get-to-ssh-server", "zeek-http-to-ssh"], 0, 3, "a request that nothing of HTTP answers, or without a version: tshark shows none"),
    (["zeek-no-uri"], 2, 0, "the request's TCP checksum is wrong, so its bytes do not count"),
    (["zeek-query-method-non-standard-port"], 0, 3, "the method QUERY on another port: not known to tshark"),
    (["zeek-variant-09-te_obs_fold"], 0, 2, "a folded Transfer-Encoding: tshark reads no chunks, and so no second request"),
    (["ndpi-http-manipulated"], 0, 3, "many blanks before the target: tshark sees none; and a response whose body the capture cuts"),
    (["zeek-putty-upload"], 0, 4, "a request whose body ends early: tshark shows none"),
)


def plain(value):
    """Suricata writes odd bytes as \\xHH, we as U+FFFD."""
    return re.sub(r"\\x[0-9a-f]{2}", "\ufffd", value) if isinstance(value, str) else value


def normal(record):
    """The part of a record that both have, as text."""
    http = record["http"]
    shown = {key: plain(http[key]) for key in FIELDS if key in http}
    # What Suricata writes where it has seen no request.
    if shown.get("url") == "/libhtp::request_uri_not_seen":
        del shown["url"]
    if shown.get("http_port") == 0:
        del shown["http_port"]
    return peers.text_of(record, http=shown)


def compare_suricata(capture, ours, suricata):
    theirs, mine = collections.Counter(map(normal, suricata)), collections.Counter(map(normal, ours))
    faults = peers.differences(capture, "Suricata's records", theirs, mine, SURICATA_DIFFERS)
    # Of records that both have as often.
    same = {text for text in theirs if theirs[text] == mine[text]}
    lengths = [collections.Counter((normal(r), r["http"]["length"]) for r in records if normal(r) in same) for records in (suricata, ours)]
    return faults + peers.differences(capture, "Suricata's lengths", *lengths, LENGTH_DIFFERS)


TSHARK_FIELDS = ["http.request.method", "http.request.uri", "http.host", "http.user_agent", "http.response.code", "http.content_type"]


def values_of(frames):
    """Each field as a multiset of its own: which of a frame's values belong together cannot be told from the lists."""
    found = collections.Counter()
    for _, row in frames:
        methods, uris, hosts, agents, statuses, types = (row[field] for field in TSHARK_FIELDS)
        found.update(("request", method, uri) for method, uri in zip(methods, uris))
        found.update(("host", host) for host in hosts)
        found.update(("agent", agent) for agent in agents)
        # Responses 1xx have no record of their own.
        found.update(("response", status) for status in statuses if not status.startswith("1") or status == "101")
        found.update(("type", kind.split(";")[0]) for kind in types)
    return found


def as_tshark(records):
    found = collections.Counter()
    for record in records:
        http = record["http"]
        if "http_method" in http:
            found[("request", http["http_method"], http.get("url", ""))] += 1
        if "hostname" in http:
            found[("host", http["hostname"] + (f":{http['http_port']}" if "http_port" in http else ""))] += 1
        if "http_user_agent" in http:
            found[("agent", http["http_user_agent"])] += 1
        if "status" in http:
            found[("response", str(http["status"]))] += 1
        found.update(("type", http[name].split(";")[0]) for name in ("http_content_type", "request_content_type") if name in http)
    return found


def compare_tshark(capture, ours, values):
    return peers.differences(capture, "tshark's values", values, as_tshark(ours), TSHARK_DIFFERS)


def captures(_):
    return sorted(path for path in CAPTURES.rglob("*.pcap*") if path.is_file())


if __name__ == "__main__":
    sys.exit(peers.run("http", captures,
                       [peers.suricata(compare_suricata, peers.suricata_yaml("{http: {extended: yes}}")),
                        peers.tshark(compare_tshark, "http && tcp && !icmp", TSHARK_FIELDS, shape=values_of, count=collections.Counter.total)],
                       collection=CAPTURES, together=True,
                       summary="{captures} captures, {records} records of ours, {tshark} values of tshark's, {faults} lines of differences"))
