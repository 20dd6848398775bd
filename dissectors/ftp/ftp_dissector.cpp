#include "dissectors/ftp/ftp_dissector.h"

#include <cstring>
#include <utility>

#include "dissect/login_fact.h"
#include "output/privacy.h"

namespace tsujiban::ftp {

using dissect::MessageContext;
using dissect::Probe;
using dissect::Progress;
using dissect::RecordSink;
using dissect::Transport;

namespace {

constexpr auto self = static_cast<std::size_t>(AppProtocol::ftp);
constexpr std::uint8_t type_reply = 200;  // 201 to 206: replies by their first digit.

// Replies that are looked at (RFC 959, 4.2; RFC 2228, 4; RFC 2428, 3). 430 is no number of the RFCs; servers use it for
// a wrong name or password.
namespace code {
constexpr std::uint16_t service_ready = 220, passive = 227, extended_passive = 229, logged_in = 230, secure_login = 232,
                        secured = 234, closing = 421, bad_login = 430, not_logged_in = 530;
}

std::string_view text_of(Bytes bytes) noexcept { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
Bytes bytes_of(std::string_view text) noexcept {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

bool is_digit(std::uint8_t b) noexcept { return b >= '0' && b <= '9'; }

bool contains_ftp(std::string_view text) noexcept {
  for (std::size_t i = 0; i + 3 <= text.size(); ++i) {
    if ((text[i] | 0x20) == 'f' && (text[i + 1] | 0x20) == 't' && (text[i + 2] | 0x20) == 'p') return true;
  }
  return false;
}

// What carries a secret, whatever its name is in full: PASS, ACCT, and what is protected (RFC 2228).
bool is_secret(const Command& command) noexcept {
  switch (command.verb) {
    case Verb::pass:
    case Verb::acct:
    case Verb::adat:
    case Verb::mic:
    case Verb::conf:
    case Verb::enc:
      return true;
    case Verb::site:
    case Verb::other:
      break;
    default:
      return false;
  }
  // A mistyped PASS, and SITE PSWD and its kin.
  const std::string_view word = command.verb == Verb::other ? command.name : command.argument;
  const auto begins = [&](std::string_view lower) {
    return word.size() >= lower.size() &&
           std::equal(lower.begin(), lower.end(), word.begin(), [](char a, char b) { return a == (b | 0x20); });
  };
  return begins("pas") || begins("psw") || begins("pw") || begins("gpas");
}

}  // namespace

Probe probe(Transport transport, bool port_hint, Bytes first) noexcept {
  if (transport != Transport::stream || first.empty()) return Probe::not_mine;
  const std::string_view text = text_of(first);
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  if (is_digit(first[0])) {
    // A greeting. SMTP has the same number: the word FTP, or the port, has to be there too.
    for (std::size_t i = 1; i < 3 && i < first.size(); ++i) {
      if (!is_digit(first[i])) return Probe::not_mine;
    }
    if (first.size() > 3 && first[3] != ' ' && first[3] != '-' && first[3] != '\r' && first[3] != '\n')
      return Probe::not_mine;
    if (port_hint) return first.size() > 3 ? Probe::mine : Probe::unsure;
    if (line.substr(0, std::min<std::size_t>(line.size(), 3)) != std::string_view("220").substr(0, line.size()))
      return Probe::not_mine;
    if (contains_ftp(line)) return Probe::mine;
    return end == std::string_view::npos ? Probe::unsure : Probe::not_mine;
  }
  std::string_view whole = line;
  if (!whole.empty() && whole.back() == '\r') whole.remove_suffix(1);
  const Command command = read_command(whole);
  if (!command.valid) return Probe::not_mine;
  const bool line_over = end != std::string_view::npos;
  if (port_hint) {
    if (!line_over) return Probe::unsure;
    return command.verb != Verb::other ? Probe::mine : Probe::not_mine;
  }
  // Elsewhere only what neither SMTP nor POP3 has.
  if (!line_over && command.name.size() == line.size())
    return command.name.size() <= 4 ? Probe::unsure : Probe::not_mine;
  switch (command.verb) {
    case Verb::feat:
    case Verb::syst:
    case Verb::epsv:
    case Verb::pasv:
    case Verb::eprt:
      return line_over ? Probe::mine : Probe::unsure;
    case Verb::auth:
      if (!line_over) return Probe::unsure;
      return command.argument == "TLS" || command.argument == "SSL" ? Probe::mine : Probe::not_mine;
    default:
      return Probe::not_mine;
  }
}

std::string_view message_type_name(std::uint8_t type) noexcept {
  static constexpr std::array<std::string_view, 7> replies = {"", "1xx", "2xx", "3xx", "4xx", "5xx", "6xx"};
  if (type == 0) return "other_command";
  if (type < static_cast<std::uint8_t>(Verb::count_)) return name_of(static_cast<Verb>(type));
  return type >= type_reply && type < type_reply + replies.size() ? replies[type - type_reply] : std::string_view{};
}

FtpDissector::Turn FtpDissector::turn_of(void* state, const MessageContext& context, RecordSink& sink) noexcept {
  StreamState& stream = *static_cast<StreamState*>(state);
  const auto direction = static_cast<unsigned>(context.direction);
  return {stream, stream.sides[direction], context, sink, stream.client == direction + 1};
}

Progress FtpDissector::feed(void* state, const MessageContext& context, Bytes stream, RecordSink& sink) noexcept {
  StreamState& stream_state = *static_cast<StreamState*>(state);
  if (stream_state.client == 0) {
    // Only replies begin with a digit.
    const auto direction = static_cast<unsigned>(context.direction);
    stream_state.client = static_cast<std::uint8_t>(is_digit(stream[0]) ? 2 - direction : direction + 1);
  }
  Turn turn = turn_of(state, context, sink);
  StreamSide& side = turn.side;
  side.spoke = true;
  const std::size_t looked_at = std::min<std::size_t>(stream.size(), line_bytes_max);
  const auto* const end = static_cast<const std::uint8_t*>(std::memchr(stream.data(), '\n', looked_at));
  if (end == nullptr) {
    if (side.skipping) return {Progress::Kind::consumed, static_cast<std::uint32_t>(looked_at)};
    if (looked_at < line_bytes_max) return {Progress::Kind::need_more, static_cast<std::uint32_t>(looked_at) + 1};
  }
  const std::size_t used = end == nullptr ? looked_at : static_cast<std::size_t>(end - stream.data()) + 1;
  if (std::exchange(side.skipping, false)) return {Progress::Kind::consumed, static_cast<std::uint32_t>(used)};
  if (end == nullptr) {
    side.skipping = true;
    line(turn, text_of(stream.first(used)), true);
    if (turn.error == ParseError::none) turn.error = ParseError::ftp_bad_line, turn.error_offset = line_bytes_max;
  } else {
    std::size_t size = used - 1;
    if (size > 0 && stream[size - 1] == '\r') --size;
    line(turn, text_of(stream.first(size)), false);
  }
  if (turn.done) return {Progress::Kind::done};
  if (side.unreadable > unreadable_lines_max) return {Progress::Kind::give_up, 0, ParseError::ftp_unsynchronised, 0};
  if (turn.error == ParseError::none) return {Progress::Kind::consumed, static_cast<std::uint32_t>(used)};
  counters_.messages_malformed[self].add();
  return {Progress::Kind::malformed, static_cast<std::uint32_t>(used), turn.error, turn.error_offset};
}

void FtpDissector::line(Turn& turn, std::string_view line, bool cut) noexcept {
  if (turn.of_client)
    command(turn, line, cut);
  else
    reply(turn, line, cut);
}

void FtpDissector::unreadable(Turn& turn) noexcept {
  ++turn.side.unreadable;
  turn.error = ParseError::ftp_bad_line;
}

std::uint32_t FtpDissector::begin_exchange(Turn& turn) noexcept {
  if (!turn.sink.wants(EventType::ftp)) return 0;
  const std::uint32_t index = exchanges_.allocate();
  if (index == 0) {
    counters_.evicted(metrics::EvictionReason::dissector_state);
    return 0;
  }
  Exchange& fresh = exchanges_[index];
  fresh.next = 0;
  fresh.argument_size = fresh.replies_size = 0;
  fresh.name_size = fresh.codes = 0;
  fresh.verb = Verb::other;
  fresh.argument_cut = fresh.replies_cut = fresh.replied = fresh.secret = false;
  fresh.endpoint = {};
  return index;
}

void FtpDissector::command(Turn& turn, std::string_view line, bool cut) noexcept {
  const Command read = read_command(line);
  if (!read.valid) {
    // An empty line is what some clients send to keep a connection alive.
    if (!line.empty()) unreadable(turn);
    return;
  }
  turn.side.unreadable = 0;
  StreamState& stream = turn.stream;
  counters_.messages[self][static_cast<std::size_t>(read.verb)].add();
  if (read.verb == Verb::user) stream.user_hash = dissect::user_hash_of(bytes_of(read.argument));
  if (read.verb == Verb::rein) stream.user_hash = 0;
  Endpoint endpoint;
  if (read.verb == Verb::port || read.verb == Verb::eprt) {
    endpoint = read.verb == Verb::port ? read_six_numbers(read.argument) : read_eprt(read.argument);
    if (!endpoint.valid) {
      turn.error = ParseError::ftp_bad_endpoint;
      turn.error_offset = static_cast<std::uint32_t>(line.size() - read.argument.size());
    }
  }

  if (stream.outstanding == outstanding_max) {
    // Its reply may still come; it must not be taken for another's.
    if (stream.gave_way != 0xFF) ++stream.gave_way;
    pop(turn);
  }
  const unsigned place = stream.outstanding++;
  stream.verbs[place] = static_cast<std::uint8_t>(read.verb);
  const std::uint32_t index = begin_exchange(turn);
  if (index == 0) return;
  stream.recorded = static_cast<std::uint16_t>(stream.recorded | 1u << place);
  (stream.last != 0 ? exchanges_[stream.last].next : stream.first) = index;
  stream.last = index;
  Exchange& exchange = exchanges_[index];
  exchange.verb = read.verb;
  exchange.endpoint = endpoint;
  exchange.name_size = static_cast<std::uint8_t>(read.name.size());
  for (std::size_t i = 0; i < read.name.size(); ++i) exchange.name[i] = static_cast<char>(read.name[i] & ~0x20);
  exchange.secret = is_secret(read);
  if (exchange.secret) return;
  const std::size_t size = std::min(read.argument.size(), argument_bytes_max);
  if (size > 0) std::memcpy(exchange.argument.data(), read.argument.data(), size);
  exchange.argument_size = static_cast<std::uint16_t>(size);
  exchange.argument_cut = cut || size < read.argument.size();
}

FtpDissector::Exchange* FtpDissector::reply_exchange(Turn& turn) noexcept {
  StreamState& stream = turn.stream;
  if (stream.reply_is_alone) return stream.alone != 0 ? &exchanges_[stream.alone] : nullptr;
  return (stream.recorded & 1) != 0 ? &exchanges_[stream.first] : nullptr;
}

void FtpDissector::reply(Turn& turn, std::string_view line, bool cut) noexcept {
  StreamState& stream = turn.stream;
  const Reply read = read_reply(line);
  const bool goes_on = stream.reply_code != 0;
  if (!goes_on) {
    if (read.code == 0) {
      if (!line.empty()) unreadable(turn);
      return;
    }
    turn.side.unreadable = 0;
    counters_.messages[self][type_reply + read.code / 100].add();
    // The greeting, what a server says of itself before it closes (RFC 959, 5.4), and what answers a command that
    // left the queue.
    const bool greeting = !std::exchange(stream.greeted, true) && read.code == code::service_ready;
    stream.reply_is_alone = stream.outstanding == 0 || stream.gave_way != 0 || greeting;
    if (stream.reply_is_alone) {
      const bool explained = greeting || stream.gave_way != 0 || stream.lossy || read.code == code::closing;
      const StreamSide& other = stream.sides[1 - static_cast<unsigned>(turn.context.direction)];
      if (!explained && other.spoke)
        turn.sink.anomaly(turn.context, Layer::application, ParseError::ftp_unsolicited, 0);
      stream.alone = begin_exchange(turn);
    }
    stream.reply_code = read.code;
  }
  // Within a reply of several lines only its own number and a space end it (RFC 959, 4.2).
  const bool last = read.code == stream.reply_code && !read.more;
  if (Exchange* const exchange = reply_exchange(turn)) add_reply(turn, *exchange, read, cut);
  if (!last) return;
  stream.reply_code = 0;
  reply_over(turn, read.code, read.text);
}

void FtpDissector::add_reply(Turn& turn, Exchange& exchange, const Reply& reply, bool cut) noexcept {
  if (reply.code != 0) {
    if (exchange.codes < codes_max)
      exchange.code[exchange.codes++] = reply.code;
    else
      exchange.replies_cut = true;
  }
  if (cut) exchange.replies_cut = true;
  // Servers repeat the name that was tried.
  const bool names_user = exchange.verb == Verb::user || exchange.secret;
  if (reply.text.empty() || (names_user && turn.sink.mask() != nullptr && turn.sink.mask()->on())) return;
  JsonWriter writer(exchange.replies.data() + exchange.replies_size, replies_bytes_max - exchange.replies_size);
  if (exchange.replies_size > 0) writer.raw(",");
  writer.string(reply.text);
  if (writer.overflowed())
    exchange.replies_cut = true;
  else
    exchange.replies_size = static_cast<std::uint16_t>(exchange.replies_size + writer.size());
}

void FtpDissector::reply_over(Turn& turn, std::uint16_t code, std::string_view text) noexcept {
  StreamState& stream = turn.stream;
  const bool alone = std::exchange(stream.reply_is_alone, false);
  const auto verb = alone ? Verb::other : static_cast<Verb>(stream.verbs[0]);
  if ((verb == Verb::pasv && code == code::passive) || (verb == Verb::epsv && code == code::extended_passive)) {
    const Endpoint endpoint = verb == Verb::pasv ? read_six_numbers(text) : read_epsv(text);
    if (!endpoint.valid) turn.error = ParseError::ftp_bad_endpoint, turn.error_offset = 4;
    if ((stream.recorded & 1) != 0) exchanges_[stream.first].endpoint = endpoint;
  }
  // A positive preliminary reply has another one behind it (RFC 959, 4.2).
  if (alone) {
    if (stream.gave_way != 0 && code >= 200) --stream.gave_way;
    if (const std::uint32_t index = std::exchange(stream.alone, 0); index != 0) {
      exchanges_[index].replied = true;
      write(turn, index);
    }
    return;
  }
  if (code < 200) return;
  if ((stream.recorded & 1) != 0) exchanges_[stream.first].replied = true;
  judge_login(turn, verb, code);
  pop(turn);
  if (verb != Verb::auth || code != code::secured) return;
  // TLS begins here (RFC 4217, 4.1).
  flush(turn);
  turn.done = true;
}

void FtpDissector::judge_login(Turn& turn, Verb verb, std::uint16_t code) noexcept {
  if (verb != Verb::user && verb != Verb::pass && verb != Verb::acct) return;
  Login login{};
  if (code == code::logged_in || code == code::secure_login)
    login.outcome = Login::Outcome::succeeded;
  else if (code == code::not_logged_in || code == code::bad_login)
    login.outcome = Login::Outcome::failed;
  else
    return;
  login.code = code;
  login.user_hash = turn.stream.user_hash;
  dissect::tell_login(AppProtocol::ftp, turn.context, login, turn.sink);
}

void FtpDissector::pop(Turn& turn) noexcept {
  StreamState& stream = turn.stream;
  const bool recorded = (stream.recorded & 1) != 0;
  stream.recorded >>= 1;
  for (unsigned i = 1; i < stream.outstanding; ++i) stream.verbs[i - 1] = stream.verbs[i];
  --stream.outstanding;
  // A reply whose lines go on answered it.
  if (stream.reply_code != 0 && !stream.reply_is_alone) {
    stream.reply_is_alone = true;
    stream.alone = 0;
  }
  if (!recorded) return;
  const std::uint32_t index = stream.first;
  stream.first = exchanges_[index].next;
  if (stream.first == 0) stream.last = 0;
  write(turn, index);
}

void FtpDissector::flush(Turn& turn) noexcept {
  while (turn.stream.outstanding != 0) pop(turn);
  if (const std::uint32_t index = std::exchange(turn.stream.alone, 0); index != 0) write(turn, index);
}

void FtpDissector::write(Turn& turn, std::uint32_t index) noexcept {
  const Exchange& exchange = exchanges_[index];
  // The client is the source of every record, as in Suricata's.
  MessageContext of_record = turn.context;
  if (!turn.of_client) {
    std::swap(of_record.source, of_record.destination);
    std::swap(of_record.source_port, of_record.destination_port);
  }
  if (JsonWriter* const writer = turn.sink.begin(EventType::ftp, of_record)) {
    writer->key("ftp");
    writer->begin_object();
    if (exchange.name_size > 0) {
      writer->field("command", std::string_view(exchange.name.data(), exchange.name_size));
      if (exchange.argument_size > 0) {
        const std::string_view argument(exchange.argument.data(), exchange.argument_size);
        const output::Mask* const mask = turn.sink.mask();
        if (exchange.verb == Verb::user && mask != nullptr && mask->on())
          writer->field("command_data", mask->of(bytes_of(argument)).view());
        else
          writer->field("command_data", argument);
        writer->field("command_truncated", exchange.argument_cut);
      }
    }
    if (exchange.codes > 0) {
      writer->key("completion_code");
      writer->begin_array();
      for (unsigned i = 0; i < exchange.codes; ++i) {
        const std::uint16_t code = exchange.code[i];
        const char text[3] = {static_cast<char>('0' + code / 100), static_cast<char>('0' + code / 10 % 10),
                              static_cast<char>('0' + code % 10)};
        writer->plain_string({text, 3});
      }
      writer->end_array();
    }
    if (exchange.replies_size > 0) {
      writer->key("reply");
      writer->begin_array();
      writer->raw({exchange.replies.data(), exchange.replies_size});
      writer->end_array();
    }
    const Endpoint& endpoint = exchange.endpoint;
    const bool active = exchange.verb == Verb::port || exchange.verb == Verb::eprt;
    if (endpoint.valid) writer->field("dynamic_port", endpoint.port);
    if (endpoint.valid && endpoint.has_address) {
      char text[ip_text_max];
      writer->field("data_address", std::string_view(text, write_ip(endpoint.address, text)));
    }
    if (active || endpoint.valid) {
      writer->key("mode");
      writer->plain_string(active ? "active" : "passive");
    }
    writer->key("reply_received");
    writer->plain_string(exchange.replied ? "yes" : "no");
    writer->field("reply_truncated", exchange.replies_cut);
    writer->end_object();
    turn.sink.end();
  }
  exchanges_.release(index);
}

void FtpDissector::gap(void* state, const MessageContext& context, std::uint32_t, RecordSink& sink) noexcept {
  Turn turn = turn_of(state, context, sink);
  StreamState& stream = turn.stream;
  stream.lossy = true;
  turn.side.skipping = true;  // The rest of the line that it hit.
  turn.side.unreadable = 0;
  // Which of the outstanding commands are answered by what comes nobody knows.
  flush(turn);
  stream.gave_way = 0;
  if (!turn.of_client) {
    stream.reply_code = 0;
    stream.reply_is_alone = false;
  }
}

void FtpDissector::finish(void* state, const MessageContext& context, Bytes left, RecordSink& sink) noexcept {
  Turn turn = turn_of(state, context, sink);
  StreamSide& side = turn.side;
  if (!left.empty() && !side.skipping) {
    counters_.messages_malformed[self].add();
    sink.anomaly(context, Layer::application, ParseError::truncated, static_cast<std::uint32_t>(left.size()));
  }
  side.finished = true;
  // What waits for the other side can still come, where that one speaks.
  const StreamSide& other = turn.stream.sides[1 - static_cast<unsigned>(context.direction)];
  if (other.spoke && !other.finished) return;
  flush(turn);
}

void FtpDissector::close(void* state) noexcept {
  StreamState& stream = *static_cast<StreamState*>(state);
  while (stream.first != 0) {
    const std::uint32_t index = stream.first;
    stream.first = exchanges_[index].next;
    exchanges_.release(index);
  }
  if (stream.alone != 0) exchanges_.release(stream.alone);
  stream.last = stream.alone = 0;
  stream.recorded = 0;
  stream.outstanding = 0;
}

namespace {

constexpr std::array<std::uint16_t, 2> ports = {port_ftp, 2121};

std::unique_ptr<dissect::Dissector> make(const dissect::Limits& limits, metrics::WorkerCounters& counters, HashSeed) {
  return std::make_unique<FtpDissector>(limits, counters);
}

}  // namespace

constinit const dissect::DissectorRow registry_row = {AppProtocol::ftp,   false,  true, ports, sizeof(StreamState),
                                                      line_bytes_max + 1, &probe, &make};

}  // namespace tsujiban::ftp
