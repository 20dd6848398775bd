#!/usr/bin/env python3
"""Turns the detector catalogue (data/detectors.csv) into a C++ table. usage: generate_catalogue.py CSV HEADER SOURCE"""
import csv
import re
import sys

rows = list(csv.DictReader(open(sys.argv[1], encoding="utf-8")))
for row in rows:
    assert re.fullmatch(r"[a-z0-9]+\.[a-z0-9-]+", row["detector"]), row
names = [row["detector"] for row in rows]
assert len(set(names)) == len(names), "a detector is listed twice"


def identifier(name):
    return re.sub(r"[.-]", "_", name)


def text(value):
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400}


def seconds(value):
    match = re.fullmatch(r"(\d+)(ms|s|m|h|d)", value)
    return int(match[1]) * UNITS[match[2]] if match else None


def tunables(row):
    """`window=60s kw=7000 share=20% hosts=8/60s rating=...`: key, kind, value, seconds of a rate. Words are not tunable."""
    for word in row["defaults"].split():
        key, equals, value = word.partition("=")
        if not equals or key == "repeat":
            continue
        if re.fullmatch(r"\d+", value):
            yield key, "number", float(value), 0
        elif re.fullmatch(r"\d+(\.\d+)?%", value):
            yield key, "share", float(value[:-1]) / 100, 0
        elif seconds(value) is not None:
            yield key, "duration", seconds(value), 0
        elif re.fullmatch(r"\d+(KiB|MiB|GiB)", value):
            yield key, "number", float(value[:-3]) * 1024 ** ("KiB", "MiB", "GiB").index(value[-3:]) * 1024, 0
        elif "/" in value:
            count, _, per = value.partition("/")
            yield key, "rate", float(count), seconds(per) or seconds("1" + per)


header = """// Made from src/model/data/detectors.csv; change it there.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace tsujiban {

// One row a detector: the contract that code, documentation and tests share. Severity and gid as in the catalogue.
enum class DetectorId : std::uint8_t {
"""
all_tunables = [(identifier(row["detector"]),) + t for row in rows for t in tunables(row)]
header += "".join(f"  {identifier(n)},\n" for n in names)
header += """  signature,  // A rule of the user's; gid 1, severity from its class.
  count_,
};
struct DetectorInfo {
  DetectorId id;
  std::string_view name, scenario, clauses, needs, defaults, fires_when;
  std::uint32_t gid, sid;
  std::uint8_t severity;
};
// A setting of a detector beside `repeat` and `enabled`, with its default from the catalogue.
struct Tunable {
  enum class Kind : std::uint8_t { number, share, duration, rate } kind;
  DetectorId detector;
  std::string_view key;
  double value;  // Count, kW or bytes; a share as a fraction; a duration in seconds; a rate's count.
  double per_s;  // A rate's seconds; else 0.
};
inline constexpr std::size_t tunable_count = %d;
std::span<const Tunable> tunables() noexcept;  // In the catalogue's order.
inline constexpr std::size_t detector_count = static_cast<std::size_t>(DetectorId::count_);
std::span<const DetectorInfo> detector_catalogue() noexcept;
const DetectorInfo& info_of(DetectorId id) noexcept;
// False when no detector has that name.
bool parse_detector(std::string_view name, DetectorId& id) noexcept;

}  // namespace tsujiban
""".replace("%d", str(len(all_tunables)))
source = """// Made from src/model/data/detectors.csv; change it there.
#include "model/detector_catalogue.h"

#include <array>

namespace tsujiban {
namespace {

constexpr std::array<DetectorInfo, detector_count> rows = {{
"""
for row in rows:
    source += "  {DetectorId::%s, %s, %s, %s, %s, %s, %s, %s, %s, %s},\n" % (
        identifier(row["detector"]), text(row["detector"]), text(row["scenario"]), text(row["clauses"]), text(row["needs"]),
        text(row["defaults"]), text(row["fires_when"]), row["gid"], row["sid"], row["severity"])
source += """  {DetectorId::signature, "signature", "malware", "G3.6-malware G4.1.4-sign", "signatures", "repeat=60s", "a rule of the loaded signature files matches", 1, 0, 3},
}};

constexpr std::array<Tunable, tunable_count> tunable_rows = {{
"""
source += "".join("  {Tunable::Kind::%s, DetectorId::%s, %s, %r, %r},\n" % (kind, d, text(key), float(value), float(per))
                  for d, key, kind, value, per in all_tunables)
source += """}};

}  // namespace

std::span<const DetectorInfo> detector_catalogue() noexcept { return rows; }
std::span<const Tunable> tunables() noexcept { return tunable_rows; }
const DetectorInfo& info_of(DetectorId id) noexcept { return rows[static_cast<std::size_t>(id)]; }
bool parse_detector(std::string_view name, DetectorId& id) noexcept {
  for (const DetectorInfo& row : rows) {
    if (row.name == name) {
      id = row.id;
      return true;
    }
  }
  return false;
}

}  // namespace tsujiban
"""
open(sys.argv[2], "w", encoding="utf-8").write(header)
open(sys.argv[3], "w", encoding="utf-8").write(source)
