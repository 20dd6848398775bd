#pragma once
#include "base/time.h"
#include "model/address.h"
#include "model/segment_key.h"
#include "model/words.h"

namespace tsujiban {

// Neutral facts: the same thing said the same way whatever protocol carried it, so that one detector judges all of
// them. Plain data; they are copied over the ring to the correlator. `FactKind` tells which member of the union holds.
enum class FactKind : std::uint8_t { control_write, reading, request, response, count_ };

// What a write does (column `effect` of the ECHONET Lite property table, and its kin in other protocols).
enum class WriteEffect : std::uint8_t { none, physical, permission, reset, configuration, selector };
// Which way a write moves the load on the grid (the shared direction table). `lost` takes a resource away from control.
enum class LoadDirection : std::uint8_t { none, up, down, depends, lost };

// One value written to one object of one peer.
struct ControlWrite {
  std::uint32_t object;  // Protocol's object id: ECHONET Lite EOJ (24 bits).
  std::uint32_t point;   // Property or point in it: EPC.
  double value;          // In the property's unit; NaN when it is no number.
  WriteEffect effect;
  LoadDirection direction;
  bool answer_wanted;
  bool refused;  // This is the refusal of an earlier write, not a write.
};

// One value read or announced.
struct Reading {
  std::uint32_t object;
  std::uint32_t point;
  double value;    // In the property's unit; NaN for "no data" and for what is no number.
  bool announced;  // Sent without being asked.
};

// A request or answer that the pairing by address pair cannot judge alone, because a multicast group stands between.
struct Exchange {
  std::uint32_t source_object, destination_object;
  std::uint16_t transaction;
  std::uint8_t service;  // Of the request, in an answer too, so that both sides of the pairing speak of one thing.
};

struct Fact {
  FactKind kind;
  AppProtocol protocol;
  PacketTime time;
  SegmentKey segment;
  IpAddress source, destination;
  union {
    ControlWrite control_write;
    Reading reading;
    Exchange exchange;
  };
};

}  // namespace tsujiban
