#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "config/config.h"
#include "detect/signature_rules.h"
#include "detect/site_detector.h"
#include "dissect/dissector.h"
#include "flow/flow_table.h"
#include "output/privacy.h"
#include "policy/allow_list.h"
#include "policy/inventory.h"
#include "reassembly/fragments.h"
#include "reassembly/stream.h"

namespace tsujiban::pipeline {

// What the memory of one worker is made of; every line says for whom. `for_memory` shares the configured memory out.
struct Budget {
  flow::Limits flows;
  reassembly::FragmentTable::Limits fragments;
  reassembly::StreamEngine::Limits streams;
  dissect::Limits dissectors;
  std::uint32_t sessions_max = 0;            // TCP flows with reassembly at the same time.
  std::uint32_t app_streams_max = 0;         // Of those, ones that a dissector follows.
  std::size_t app_buffer_bytes_max = 0;      // Their incomplete messages.
  std::size_t record_ring_bytes = 8u << 20;  // Records on their way to the correlator.
  static Budget for_memory(std::uint64_t bytes, unsigned workers);
};

// Gets every fact it asks for, on the correlator's thread, in packet order (`learn`).
class FactObserver {
 public:
  virtual ~FactObserver() = default;
  virtual void fact(const Fact& fact) noexcept = 0;
};

// What the configuration makes of a run: all that a reload replaces. What it points to is immutable and shared.
struct Configured {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const policy::Inventory> inventory;
  std::shared_ptr<const policy::AllowList> allow;  // Null: no inventory, the policy detectors rest.
  std::shared_ptr<const detect::RuleSet> rules;    // Never null; may be empty.
  detect::Site site;                               // The same again, for the site's detectors.
  std::shared_ptr<const output::Mask> mask;        // Null: records say all.
  std::uint32_t facts = 0;                         // Bit per FactKind: what detectors and the observer ask for.
  Duration stall = Duration::seconds(60);          // Silence, or one-sidedness, that is an alarm.
};

// Everything a run shares. Each thread has its own copy, of which only a reload changes the base.
struct RunContext : Configured {
  std::span<const detect::SiteDetectorRow> site_detectors;  // Those that the configuration switches on are made.
  FactObserver* observer = nullptr;
  std::span<const dissect::DissectorRow> dissectors;
  EventTypes events;  // What the outputs want.
  bool live = false;  // Shed rather than wait; no packet numbers in events.
  config::ChecksumMode checksum = config::ChecksumMode::automatic;
  unsigned workers = 1;
  HashSeed seed;
  Budget budget;
  std::function<std::string_view(std::uint16_t)> input_name;  // Of RawPacket::input.
  Duration pulse = Duration::seconds(10);                     // How often the workers report to the site's detectors.
};

}  // namespace tsujiban::pipeline
