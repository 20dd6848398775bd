#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/config.h"
#include "model/address.h"
#include "model/words.h"

struct hs_database;

namespace tsujiban::detect {

inline constexpr std::size_t rules_max = 100'000;  // Over all files.
inline constexpr std::size_t rule_file_bytes_max = 64u << 20;
inline constexpr std::size_t rule_bytes_max = 8192;  // One rule, continuation lines joined.
inline constexpr std::size_t contents_max = 16;      // In one rule.
inline constexpr std::size_t content_bytes_max = 255;
inline constexpr std::size_t message_bytes_max = 512;
inline constexpr std::size_t list_entries_max = 256;  // Of one address or port list, nested ones included.
inline constexpr std::size_t list_depth_max = 8;

// The addresses of one side of a rule: inside when `any` or one of `in` has it, and none of `out` has it.
struct AddressSet {
  bool any = true;
  std::vector<IpPrefix> in, out;
  bool contains(const IpAddress& address) const noexcept;
};

// The ports of one side, in the same manner. A set that is not everything never matches a protocol without ports.
struct PortSet {
  struct Range {
    std::uint16_t first = 0, last = 0;
  };
  bool any = true;
  std::vector<Range> in, out;
  bool is_everything() const noexcept { return any && out.empty(); }
  bool contains(std::uint16_t port) const noexcept;
};

enum class RuleProtocol : std::uint8_t { tcp, udp, ip };

struct SignatureRule {
  struct Content {
    std::string bytes;
    bool nocase = false;  // ASCII letters match in either case.
  };
  RuleProtocol protocol = RuleProtocol::ip;
  bool both_directions = false;  // `<>`: source and destination may be exchanged.
  AddressSet source, destination;
  PortSet source_ports, destination_ports;
  std::string message;        // UTF-8.
  std::string_view category;  // Of the classtype; empty without one.
  Severity severity = Severity::medium;
  std::uint32_t gid = 1, sid = 0, rev = 0;
  std::vector<Content> contents;  // All of them must occur, in any order.
  config::Place place;
};

// Rules that are valid, with the databases that find their contents. Immutable: all workers share one.
class RuleSet {
 public:
  // Reads files in the order given. On success `faults` is as it was; otherwise every fault found is appended (at most
  // config::faults_max, the last then saying how many more) and the result is null. No files: a set without rules.
  static std::shared_ptr<const RuleSet> load(std::span<const std::string> files, std::vector<config::Fault>& faults);
  // The same for one text; `name` stands for the file in places.
  static std::shared_ptr<const RuleSet> load_text(std::string_view name, std::string_view text,
                                                  std::vector<config::Fault>& faults);
  ~RuleSet();
  RuleSet(const RuleSet&) = delete;
  RuleSet& operator=(const RuleSet&) = delete;

  std::size_t size() const noexcept { return rules_.size(); }
  bool empty() const noexcept { return rules_.empty(); }
  const SignatureRule& rule(std::size_t index) const noexcept { return rules_[index]; }

  // What the scanner needs. A literal is a content's bytes and case; rules that share one share its number.
  struct Literal {
    std::string bytes;  // Lower case where `nocase`.
    bool nocase = false;
    std::uint32_t first_rule = 0;  // The first rule that asked for it: whom to blame when it does not compile.
  };
  // The rules of one scope by literal: rules[first[l]] up to rules[first[l + 1]].
  struct Index {
    std::vector<std::uint32_t> first, rules;
    std::size_t literal_bytes_min = 0;  // Of the literals with rules in this scope; 0: no rules at all.
    std::span<const std::uint32_t> of(std::uint32_t literal) const noexcept {
      return {rules.data() + first[literal], first[literal + 1] - first[literal]};
    }
    bool has(std::uint32_t literal) const noexcept { return first[literal] != first[literal + 1]; }
  };
  const std::vector<Literal>& literals() const noexcept { return literals_; }
  std::span<const std::uint32_t> literals_of(std::uint32_t rule) const noexcept {
    return {rule_literals_.data() + rule_first_[rule], rule_first_[rule + 1] - rule_first_[rule]};
  }
  const Index& datagram_index() const noexcept { return datagram_index_; }  // Rules for udp and ip.
  const Index& stream_index() const noexcept { return stream_index_; }      // Rules for tcp and ip.
  // Null where its index has no rules. `datagram_database` is null too where the stream database serves both: literals
  // that are wanted in both (nearly) all, as when every content stands in a tcp and in a udp rule, are compiled once,
  // which halves start-up and cache footprint; in batches both modes scan equally fast.
  const hs_database* stream_database() const noexcept { return stream_database_; }
  const hs_database* datagram_database() const noexcept { return datagram_database_; }
  std::size_t database_bytes() const noexcept;

 private:
  RuleSet() = default;
  static std::shared_ptr<const RuleSet> build(std::vector<SignatureRule> rules, std::vector<config::Fault>& faults);
  void number_literals();
  Index make_index(RuleProtocol excluded) const;
  bool compile(std::vector<config::Fault>& faults);

  std::vector<SignatureRule> rules_;
  std::vector<Literal> literals_;
  std::vector<std::uint32_t> rule_first_, rule_literals_;
  Index datagram_index_, stream_index_;
  hs_database* stream_database_ = nullptr;
  hs_database* datagram_database_ = nullptr;
};

// Empty when this processor can run the scanner; otherwise one line that says what it lacks. Asked once at start.
std::string signature_platform_fault();

}  // namespace tsujiban::detect
