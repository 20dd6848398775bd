#include "dissectors/smb/smb_dissector.h"

#include <algorithm>
#include <utility>

#include "dissect/message_fact.h"

namespace tsujiban::smb {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;

namespace {

constexpr auto self = static_cast<std::size_t>(AppProtocol::smb);

bool is_magic(std::uint32_t id) noexcept {
  return id == magic_smb1 || id == magic_smb2 || id == magic_encrypted || id == magic_compressed;
}

bool command_of(std::uint16_t smb2_command, Command& command) noexcept {
  switch (smb2_command) {
    case smb2::negotiate:
      command = Command::negotiate;
      return true;
    case smb2::session_setup:
      command = Command::session_setup;
      return true;
    case smb2::logoff:
      command = Command::logoff;
      return true;
    case smb2::tree_connect:
      command = Command::tree_connect;
      return true;
    case smb2::create:
      command = Command::create;
      return true;
    default:
      return false;
  }
}

bool command_of_smb1(std::uint8_t smb1_command, Command& command, std::uint8_t& type) noexcept {
  switch (smb1_command) {
    case smb1::negotiate:
      command = Command::negotiate, type = counted::smb1_negotiate;
      return true;
    case smb1::session_setup:
      command = Command::session_setup, type = counted::smb1_session_setup;
      return true;
    case smb1::logoff:
      command = Command::logoff, type = counted::smb1_logoff;
      return true;
    case smb1::tree_connect:
      command = Command::tree_connect, type = counted::smb1_tree_connect;
      return true;
    case smb1::nt_create:
      command = Command::create, type = counted::smb1_nt_create;
      return true;
    default:
      type = counted::smb1_other;
      return false;
  }
}

// The client is the source of records and facts, whichever side's message completed them.
MessageContext of_client(const MessageContext& context, bool from_client) noexcept {
  MessageContext turned = context;
  if (!from_client) {
    std::swap(turned.source, turned.destination);
    std::swap(turned.source_port, turned.destination_port);
  }
  return turned;
}

// Null sessions, which name nobody, are no logins.
void tell_login(const MessageContext& context, const Transaction& asked, const Answer& given,
                RecordSink& sink) noexcept {
  if (!asked.authenticates || given.status == status::more_processing || asked.user.view().empty() ||
      !sink.wants(FactKind::login))
    return;
  Fact fact = dissect::fact_of(FactKind::login, AppProtocol::smb, context);
  const std::string_view user = asked.user.view();
  fact.login = {};
  fact.login.outcome = given.succeeded() ? Login::Outcome::succeeded : Login::Outcome::failed;
  fact.login.user_hash = hash_bytes(HashSeed{}, {reinterpret_cast<const std::uint8_t*>(user.data()), user.size()});
  sink.fact(fact);
}

}  // namespace

// One message on its way through.
struct SmbDissector::Seen {
  StreamState& state;
  const MessageContext& context;
  RecordSink& sink;
  bool from_client = true;
};

Probe probe(dissect::Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != dissect::Transport::stream || first.empty()) return Probe::not_mine;
  if (first[0] == session::message) {
    static constexpr std::array<std::uint8_t, 3> name = {'S', 'M', 'B'};
    if (first.size() > 4 && first[4] < 0xFC) return Probe::not_mine;
    for (std::size_t i = 0; i < name.size(); ++i)
      if (first.size() > 5 + i && first[5 + i] != name[i]) return Probe::not_mine;
    if (first.size() < 8) return Probe::unsure;
    return load_be24(first, 1) >= smb1::header_bytes ? Probe::mine : Probe::not_mine;
  }
  if (!port_hint || first[0] < session::request || first[0] > session::keep_alive) return Probe::not_mine;
  if (first.size() < session_header_bytes) return Probe::unsure;
  if (load_be24(first, 1) > session_body_bytes_max) return Probe::not_mine;
  return Probe::mine;
}

std::string_view message_type_name(std::uint8_t type) noexcept {
  static constexpr std::array<std::string_view, 20> smb2_names = {
      "negotiate", "session_setup", "logoff",     "tree_connect", "tree_disconnect", "create",    "close",
      "flush",     "read",          "write",      "lock",         "ioctl",           "cancel",    "echo",
      "find",      "notify",        "query_info", "set_info",     "oplock_break",    "smb2_other"};
  static constexpr std::array<std::string_view, 6> smb1_names = {
      "smb1_negotiate", "smb1_session_setup", "smb1_logoff", "smb1_tree_connect", "smb1_nt_create", "smb1_other"};
  if (type < smb2_names.size()) return smb2_names[type];
  if (type >= counted::smb1_negotiate && type <= counted::smb1_other) return smb1_names[type - counted::smb1_negotiate];
  if (type == counted::encrypted) return "encrypted";
  if (type == counted::compressed) return "compressed";
  return type == counted::session_service ? std::string_view("session_service") : std::string_view{};
}

Progress SmbDissector::feed(void* slot, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  StreamState& state = *static_cast<StreamState*>(slot);
  StreamSide& side = state.sides[static_cast<unsigned>(context.direction)];
  if (side.skip > 0) {
    const auto length = static_cast<std::uint32_t>(std::min<std::size_t>(side.skip, stream.size()));
    side.skip -= length;
    return {Progress::Kind::consumed, length};
  }
  if (side.unsynchronised) return search(state, side, context, stream, sink);
  return message_in_stream(state, side, context, stream, sink);
}

Progress SmbDissector::message_in_stream(StreamState& state, StreamSide& side, const MessageContext& context,
                                         Bytes stream, RecordSink& sink) noexcept {
  if (stream.size() < session_header_bytes) return {Progress::Kind::need_more, session_header_bytes};
  const std::uint32_t length = load_be24(stream, 1);
  if (stream[0] != session::message) {
    if (stream[0] < session::request || stream[0] > session::keep_alive || length > session_body_bytes_max)
      return lost(state, side, context, stream, sink);
    count(counted::session_service);
    side.skip = length;
    return {Progress::Kind::consumed, session_header_bytes};
  }
  if (length == 0) return {Progress::Kind::consumed, session_header_bytes};  // A keep-alive of direct TCP.
  if (stream.size() < session_header_bytes + 4) return {Progress::Kind::need_more, session_header_bytes + 4};
  const std::uint32_t magic = load_le32(stream, session_header_bytes);
  if (!is_magic(magic) || length < smb1::header_bytes) return lost(state, side, context, stream, sink);
  const auto skip_rest = [&](std::uint32_t done) {
    side.skip = length - done;
    return Progress{Progress::Kind::consumed, session_header_bytes + done};
  };
  if (magic == magic_encrypted || magic == magic_compressed) {
    count(magic == magic_encrypted ? counted::encrypted : counted::compressed);
    return skip_rest(4);
  }

  // Of what is not dissected, mostly long, the header is enough.
  const bool second = magic == magic_smb2;
  const std::uint32_t header = second ? smb2::header_bytes : smb1::header_bytes + 1;
  const std::uint32_t head_min = std::min(length, header);
  if (stream.size() < session_header_bytes + head_min)
    return {Progress::Kind::need_more, session_header_bytes + head_min};
  Bytes message = stream.subspan(session_header_bytes, head_min);
  Fault fault;
  std::uint32_t head = head_min;
  Seen seen{state, context, sink};
  if (length < header || (second && !smb2::HeaderView(message).sound())) {
    fault = {ParseError::smb_bad_header, session_header_bytes + 4};
  } else {
    Command command;
    std::uint8_t type;
    const bool whole =
        second ? command_of(smb2::HeaderView(message).command(), command) || smb2::HeaderView(message).next() != 0
               : command_of_smb1(smb1::HeaderView(message).command(), command, type);
    if (whole) {
      head = std::min(length, head_bytes_max);
      if (stream.size() < session_header_bytes + head) return {Progress::Kind::need_more, session_header_bytes + head};
      message = stream.subspan(session_header_bytes, head);
    }
    fault = second ? read_smb2(seen, message, head < length) : read_smb1(seen, message, head < length || !whole);
  }
  side.told = false;
  if (fault.error == ParseError::none) return skip_rest(head);
  counters_.messages_malformed[self].add();
  side.skip = length - head;
  return {Progress::Kind::malformed, session_header_bytes + head, fault.error, session_header_bytes + fault.offset};
}

Fault SmbDissector::read_smb2(Seen& seen, Bytes message, bool cut) noexcept {
  Fault first_fault;
  const auto keep = [&](Fault fault, std::size_t at) {
    if (first_fault.error == ParseError::none && fault.error != ParseError::none)
      first_fault = {fault.error, static_cast<std::uint32_t>(at) + fault.offset};
  };
  std::size_t at = 0;
  for (unsigned i = 0; i < smb2::chain_max; ++i) {
    const Bytes rest = message.subspan(at);
    if (rest.size() < smb2::header_bytes) {
      if (!cut) keep({ParseError::smb_bad_chain, 0}, at);
      break;
    }
    const smb2::HeaderView header(rest);
    if (load_le32(rest, 0) != magic_smb2 || !header.sound()) {
      keep({ParseError::smb_bad_chain, 0}, at);
      break;
    }
    const std::uint32_t next = header.next();
    // A command ends where the next begins; each offset leads forwards by a header at least.
    const bool ends = next == 0 || next > rest.size();
    if (next != 0 && (next < smb2::header_bytes || (next > rest.size() && !cut))) {
      keep({ParseError::smb_bad_chain, 20}, at);
      break;
    }
    const Bytes one = ends ? rest : rest.first(next);
    const std::uint16_t number = header.command();
    count(number <= smb2::command_max ? static_cast<std::uint8_t>(number) : counted::smb2_other);
    seen.from_client = !header.response();
    Command command;
    if (command_of(number, command)) {
      if (header.response()) {
        // An interim answer says that the final one comes later.
        if (header.status() != status::pending) {
          Answer given;
          given.version = 2;
          given.command = command;
          given.status = header.status();
          given.session_id = header.session_id();
          given.tree_known = !header.async();
          given.tree_id = header.async() ? 0 : header.tree_id();
          keep(read_smb2_answer(one, cut && ends, given), at);
          answer(seen, given, header.message_id());
        }
      } else {
        new (&scratch_) Transaction();
        scratch_.version = 2;
        scratch_.command = command;
        scratch_.message_id = header.message_id();
        scratch_.session_id = header.session_id();
        scratch_.tree_id = header.async() ? 0 : header.tree_id();
        keep(read_smb2_request(one, cut && ends, scratch_), at);
        request(seen, scratch_);
      }
    }
    if (ends) break;
    at += next;
  }
  return first_fault;
}

Fault SmbDissector::read_smb1(Seen& seen, Bytes message, bool cut) noexcept {
  const smb1::HeaderView header(message);
  seen.from_client = !header.response();
  std::uint8_t number = header.command();
  std::size_t at = smb1::header_bytes;
  for (unsigned i = 0; i < smb1::chain_max; ++i) {
    Command command;
    std::uint8_t type;
    const bool known = command_of_smb1(number, command, type);
    count(type);
    if (!known) break;
    AndX chain;
    Fault fault;
    if (header.response()) {
      Answer given;
      given.version = 1;
      given.command = command;
      given.status = header.status();
      given.nt_status = header.nt_status();
      given.session_id = header.user_id();
      given.tree_id = header.tree_id();
      fault = read_smb1_answer(message, at, cut, given, chain);
      answer(seen, given, header.multiplex_id());
    } else {
      new (&scratch_) Transaction();
      scratch_.version = 1;
      scratch_.command = command;
      scratch_.message_id = header.multiplex_id();
      scratch_.session_id = header.user_id();
      scratch_.tree_id = header.tree_id();
      fault = read_smb1_request(message, at, cut, scratch_, chain);
      request(seen, scratch_);
    }
    if (fault.error != ParseError::none) return fault;
    if (chain.next_command == smb1::none) break;
    // Forwards only, so that a chain ends.
    if (chain.next_offset <= at) return {ParseError::smb_bad_chain, static_cast<std::uint32_t>(at)};
    if (chain.next_offset >= message.size())
      return cut ? Fault{} : Fault{ParseError::smb_bad_chain, static_cast<std::uint32_t>(at)};
    number = chain.next_command;
    at = chain.next_offset;
  }
  return {};
}

void SmbDissector::request(Seen& seen, const Transaction& asked) noexcept {
  StreamState& state = seen.state;
  if (asked.command == Command::create) {
    if (state.creates >= creates_recorded_max) return;
    ++state.creates;
  }
  ++state.transactions;
  if (state.outstanding == outstanding_max) drop_oldest(state, &seen.context, seen.from_client, &seen.sink);
  const std::uint32_t slot = requests_.allocate();
  if (slot == 0) {
    counters_.evicted(metrics::EvictionReason::dissector_state);
    scratch_.id = state.transactions;
    return record(seen, &scratch_, nullptr);
  }
  Transaction& kept = requests_[slot];
  kept = asked;
  kept.id = state.transactions;
  kept.next = 0;
  if (state.newest != 0)
    requests_[state.newest].next = slot;
  else
    state.oldest = slot;
  state.newest = slot;
  ++state.outstanding;
}

// Takes the request that an answer belongs to out of the list; 0: none is known.
std::uint32_t SmbDissector::take(StreamState& state, unsigned version, Command command,
                                 std::uint64_t message_id) noexcept {
  std::uint32_t before = 0, slot = state.oldest;
  while (slot != 0) {
    const Transaction& one = requests_[slot];
    // SMB 2 answers a negotiation that SMB 1 began ([MS-SMB2], 3.3.5.3.1).
    const bool upgraded = version == 2 && one.version == 1 && command == Command::negotiate && message_id == 0;
    if (one.command == command && (upgraded || (one.version == version && one.message_id == message_id))) break;
    before = slot;
    slot = one.next;
  }
  if (slot == 0) return 0;
  const std::uint32_t next = requests_[slot].next;
  if (before != 0)
    requests_[before].next = next;
  else
    state.oldest = next;
  if (state.newest == slot) state.newest = before;
  --state.outstanding;
  return slot;
}

void SmbDissector::answer(Seen& seen, const Answer& given, std::uint64_t message_id) noexcept {
  StreamState& state = seen.state;
  const std::uint32_t slot = take(state, given.version, given.command, message_id);
  const Transaction* const asked = slot != 0 ? &requests_[slot] : nullptr;
  if (given.command == Command::negotiate && given.has_body) {
    state.dialect = {};
    if (given.version == 2)
      state.dialect.revision = given.dialect;
    else if (asked != nullptr)
      state.dialect.smb1_name = smb1_dialect_of(asked->name.view(), given.dialect);
  }
  if (asked == nullptr) {
    if (given.command == Command::create) {
      if (state.creates >= creates_recorded_max) return;
      ++state.creates;
    }
    ++state.transactions;
    return record(seen, nullptr, &given);
  }
  if (given.command == Command::session_setup)
    tell_login(of_client(seen.context, seen.from_client), *asked, given, seen.sink);
  record(seen, asked, &given);
  requests_.release(slot);
}

void SmbDissector::drop_oldest(StreamState& state, const MessageContext* context, bool from_client,
                               RecordSink* sink) noexcept {
  const std::uint32_t slot = state.oldest;
  const Transaction& one = requests_[slot];
  if (context != nullptr) {
    Seen seen{state, *context, *sink, from_client};
    record(seen, &one, nullptr);
  }
  state.oldest = one.next;
  if (state.oldest == 0) state.newest = 0;
  --state.outstanding;
  requests_.release(slot);
}

void SmbDissector::record(Seen& seen, const Transaction* asked, const Answer* given) noexcept {
  if (!seen.sink.wants(EventType::smb)) return;
  const MessageContext context = of_client(seen.context, seen.from_client);
  JsonWriter* const writer = seen.sink.begin(EventType::smb, context);
  if (writer == nullptr) return;
  writer->key("smb");
  writer->begin_object();
  write_transaction(*writer, seen.state.dialect, asked != nullptr ? asked->id : seen.state.transactions, asked, given,
                    seen.sink.mask());
  writer->end_object();
  seen.sink.end();
}

Progress SmbDissector::lost(StreamState& state, StreamSide& side, const MessageContext& context, Bytes stream,
                            RecordSink& sink) noexcept {
  side.unsynchronised = true;
  side.searched = 0;
  return search(state, side, context, stream, sink);
}

// Looks for the next header of a message: where it begins is anyone's guess otherwise.
Progress SmbDissector::search(StreamState& state, StreamSide& side, const MessageContext& context, Bytes stream,
                              RecordSink& sink) noexcept {
  constexpr std::size_t start_bytes = session_header_bytes + 4;
  std::size_t at = 0;
  while (stream.size() - at >= start_bytes) {
    if (stream[at] == session::message && is_magic(load_le32(stream, at + session_header_bytes)) &&
        load_be24(stream, at + 1) >= smb1::header_bytes)
      break;
    ++at;
  }
  if (at == 0 && stream.size() >= start_bytes) {
    side.unsynchronised = false;
    side.searched = 0;
    return message_in_stream(state, side, context, stream, sink);
  }
  if (at == 0) return {Progress::Kind::need_more, start_bytes};
  if (side.searched + at > unsynchronised_bytes_max) {
    if (side.told) return {Progress::Kind::give_up, 0, ParseError::smb_unsynchronised, 0};
    at = unsynchronised_bytes_max - side.searched;
  }
  side.searched += static_cast<std::uint32_t>(at);
  const auto length = static_cast<std::uint32_t>(at);
  // One report for a run of bytes, in however many pieces it comes.
  if (std::exchange(side.told, true)) return {Progress::Kind::consumed, length};
  counters_.messages_malformed[self].add();
  return {Progress::Kind::malformed, length, ParseError::smb_unsynchronised, 0};
}

void SmbDissector::gap(void* slot, const MessageContext& context, std::uint32_t missing, RecordSink&) noexcept {
  StreamSide& side = static_cast<StreamState*>(slot)->sides[static_cast<unsigned>(context.direction)];
  // What is missing of a body that is skipped anyway loses nothing.
  if (side.skip >= missing) {
    side.skip -= missing;
    return;
  }
  side.skip = 0;
  side.searched = 0;
  side.unsynchronised = true;
  side.told = true;  // The gap itself is told; the rest of the message that it hit is no fault of the sender.
}

void SmbDissector::finish(void* slot, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  StreamState& state = *static_cast<StreamState*>(slot);
  StreamSide& side = state.sides[static_cast<unsigned>(context.direction)];
  if (!left.empty() && !side.unsynchronised) {
    counters_.messages_malformed[self].add();
    sink.anomaly(context, Layer::application, ParseError::truncated, static_cast<std::uint32_t>(left.size()));
  }
  side.finished = true;
  // Answers may come as long as the other side has not ended.
  if (!state.sides[1 - static_cast<unsigned>(context.direction)].finished) return;
  const bool from_client = context.direction == Direction::to_responder;
  while (state.oldest != 0) drop_oldest(state, &context, from_client, &sink);
}

void SmbDissector::close(void* slot) noexcept {
  StreamState& state = *static_cast<StreamState*>(slot);
  while (state.oldest != 0) drop_oldest(state, nullptr, true, nullptr);
}

namespace {
std::unique_ptr<dissect::Dissector> make(const dissect::Limits& limits, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<SmbDissector>(limits, counters);
}
constexpr std::uint16_t ports[] = {port_direct, port_netbios};
}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::smb,  false,  true, ports, sizeof(StreamState),
                                                      message_bytes_max, &probe, &make};

}  // namespace tsujiban::smb
