#include "dissectors/echonet_lite/echonet_lite_facts.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>

#include "dissectors/echonet_lite/echonet_lite_values.h"
#include "output/privacy.h"

namespace tsujiban::echonet_lite {
namespace {

using dissect::MessageContext;
using dissect::RecordSink;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint8_t epc_instance_list = 0xD5, epc_instance_list_s = 0xD6, epc_identification = 0x83,
                       epc_map_inf = 0x9D, epc_map_set = 0x9E, epc_map_get = 0x9F, epc_remote = 0x93,
                       remote_public = 0x42;
constexpr std::uint16_t node_profile = 0x0EF0;

// In the property's unit. Not a number where another property scales the value: that one is not known here.
double number_of(const Property& property, Bytes edt) noexcept {
  const ValueType& type = property.type();
  if (type.scale_count != 0 || !is_scalar(type.kind) || !size_fits(property, edt)) return no_number;
  const Scalar scalar = read_scalar(type, edt);
  return scalar.has_value ? scalar.value : no_number;
}

std::uint32_t first_code(Bytes edt) noexcept {
  return static_cast<std::uint32_t>(code_of(edt.first(std::min<std::size_t>(edt.size(), 4))));
}

// The refusal's fact is that of the refused request.
void turn_round(Fact& fact, const MessageContext& context) noexcept {
  std::swap(fact.source, fact.destination);
  std::swap(fact.source_port, fact.destination_port);
  fact.to_group = false;
  fact.source_mac = context.packet != nullptr && context.packet->ethernet != nullptr
                        ? MacAddress::load(context.packet->ethernet)
                        : MacAddress{};
}

// Keys of news: who says it in which pair of hosts, and what makes the fact another one.
struct NewsKey {
  std::uint64_t pair, from, seed;
  NewsKey(const RecordSink& sink, const MessageContext& context) noexcept
      : pair((context.pair_hash != 0
                  ? context.pair_hash
                  : pair_hash_of(sink.seed(), context.segment, context.source, context.destination)) ^
             sink.seed().a),
        from(stands_before(context.source, 0, context.destination, 0) ? 1 : 0),
        seed(sink.seed().b) {}
  std::uint64_t of(FactKind kind, std::uint64_t what) const noexcept {
    return hash_mix(pair, (what << 6 | static_cast<unsigned>(kind) << 1 | from) ^ seed);
  }
};

// Equal values have equal marks, and nobody without the seed finds two others that have. Nearly all are short.
std::uint64_t mark_of(Bytes edt, std::uint8_t service, const HashSeed& seed) noexcept {
  if (edt.size() > 4) return hash_bytes(seed, edt, service);
  return hash_mix(first_code(edt) ^ seed.a, (std::uint64_t{edt.size()} << 8 | service) ^ seed.b);
}

// Having an object lasts; that the node still speaks is told every few minutes, and that it starts (5.11.1) each time.
void tell_object(const MessageContext& context, const NewsKey& news, std::uint32_t object, ObjectSeen::How how,
                 RecordSink& sink) noexcept {
  using How = ObjectSeen::How;
  const FactKind kind = how == How::asks ? FactKind::asker : FactKind::object;
  if (!sink.wants(kind)) return;
  if (how == How::answered || (how == How::announced && object >> 8 != node_profile)) {
    // Who answers for an object has it, and what it announces of it says nothing more.
    constexpr std::uint32_t has = 1, answers = 2;
    if (!sink.is_addition(news.of(kind, object), how == How::answered ? has | answers : has, presence_repeat,
                          context.time))
      return;
  } else {
    const Duration repeat = how == How::announced ? news_repeat : how == How::asks ? presence_repeat : state_repeat;
    const std::uint64_t what = std::uint64_t{object} << 8 | static_cast<unsigned>(how) | std::uint64_t{1} << 40;
    if (!sink.is_change(news.of(kind, what), 0, repeat, context.time)) return;
  }
  Fact fact = fact_of(kind, context);
  fact.object = {how, object};
  sink.fact(fact);
}

void tell_listed_objects(const MessageContext& context, const NewsKey& news, Bytes edt, RecordSink& sink) noexcept {
  for (std::size_t i = 0; i < edt[0] && 1 + 3 * (i + 1) <= edt.size(); ++i)
    tell_object(context, news, load_be24(edt, 1 + 3 * i), ObjectSeen::How::listed, sink);
}

// As records show it: with a mask the pseudonym.
void put_identity(std::array<char, 24>& text, Bytes edt, const output::Mask* mask) noexcept {
  if (mask != nullptr && mask->on()) {
    static_assert(output::Mask::text_bytes_max < std::tuple_size_v<std::remove_reference_t<decltype(text)>>);
    const output::Mask::Text pseudonym = mask->of(edt);
    std::copy_n(pseudonym.text.begin(), pseudonym.length, text.begin());
    return;
  }
  constexpr char digits[] = "0123456789abcdef";
  std::size_t at = 0;
  for (std::size_t i = 0; i < edt.size() && at + 2 < text.size(); ++i) {
    text[at++] = digits[edt[i] >> 4];
    text[at++] = digits[edt[i] & 15];
  }
}

// What lasts is told every ten minutes, an identity more often: who has it must be heard of.
void tell_reading(const MessageContext& context, const NewsKey& news, const FrameEvent& frame, const PropertyView& view,
                  RecordSink& sink) noexcept {
  const std::uint64_t what = std::uint64_t{frame.seoj} << 8 | view.epc;
  if (!sink.is_change(news.of(FactKind::reading, what), mark_of(view.edt, 0, sink.seed()),
                      view.epc == epc_identification ? presence_repeat : state_repeat, context.time))
    return;
  Fact fact = fact_of(FactKind::reading, context);
  const Property* const property = find_property(class_of(frame.seoj), view.epc);
  fact.reading = Reading{};
  fact.reading.object = frame.seoj;
  fact.reading.point = view.epc;
  fact.reading.code = first_code(view.edt);
  fact.reading.value = property != nullptr ? number_of(*property, view.edt) : no_number;
  fact.reading.value_hash = hash_bytes(HashSeed{}, view.edt);
  if (view.epc == epc_identification) put_identity(fact.reading.text, view.edt, sink.mask());
  fact.reading.announced = frame.service == esv::inf || frame.service == esv::infc;
  sink.fact(fact);
}

// Answers and announcements.
void tell_values(const MessageContext& context, const NewsKey& news, const FrameEvent& frame, std::uint32_t offset,
                 unsigned count, const ListPoints& points, ObjectSeen::How how, RecordSink& sink) noexcept {
  tell_object(context, news, frame.seoj, how, sink);
  const std::uint16_t class_code = class_of(frame.seoj);
  const PropertySet& told = state_properties(class_code);
  if (((points.valued[0] & told.words[0]) | (points.valued[1] & told.words[1])) == 0) return;
  PropertyCursor cursor(frame.bytes, offset, count);
  PropertyView view;
  while (cursor.next_whole(view)) {
    if (view.pdc == 0 || !told.has(view.epc)) continue;
    if (class_code == node_profile && (view.epc == epc_instance_list || view.epc == epc_instance_list_s))
      tell_listed_objects(context, news, view.edt, sink);
    else if (sink.wants(FactKind::reading))
      tell_reading(context, news, frame, view, sink);
  }
}

// Requests are the same over and over, or lists that vary. That somebody asks this object lasts for a while; beyond
// that only asking for what the node has, and walking through the object's properties, is news.
void tell_inquiry(const MessageContext& context, const NewsKey& news, const FrameEvent& frame, const ListPoints& list,
                  bool refused, RecordSink& sink) noexcept {
  if (!refused) tell_object(context, news, frame.seoj, ObjectSeen::How::asks, sink);
  if (!sink.wants(FactKind::inquiry)) return;
  const std::uint32_t object = refused ? frame.seoj : frame.deoj;
  // What was not refused comes with its value.
  std::array<std::uint64_t, 2> points = list.empty;
  if (!refused) points[0] |= list.valued[0], points[1] |= list.valued[1];
  if ((points[0] | points[1]) == 0) return;
  const auto asks = [&](std::uint8_t epc) { return (points[epc >> 6 & 1] >> (epc & 63) & 1) != 0; };
  const bool lists_objects = class_of(object) == node_profile && (asks(epc_instance_list) || asks(epc_instance_list_s));
  const bool lists_properties = asks(epc_map_inf) || asks(epc_map_set) || asks(epc_map_get);

  const std::uint64_t what = std::uint64_t{object} << 1 | (refused ? 1 : 0);
  RecordSink::Asked& asked = sink.asked(news.of(FactKind::inquiry, what), context.time);
  const auto second = static_cast<std::uint32_t>(context.time.ns / 1'000'000'000);
  const auto seconds_of = [](Duration time) { return static_cast<std::uint32_t>(time.ns / 1'000'000'000); };
  if (second - asked.since_second >= seconds_of(walk_window)) {
    asked.points = {};
    asked.since_second = second;
  }
  const bool more = ((points[0] & ~asked.points[0]) | (points[1] & ~asked.points[1])) != 0;
  for (std::size_t i = 0; i < points.size(); ++i) asked.points[i] |= points[i];
  const auto walked = static_cast<std::uint32_t>(std::popcount(asked.points[0]) + std::popcount(asked.points[1]));
  const std::uint32_t marks = (lists_objects ? 1u : 0u) | (lists_properties ? 2u : 0u);
  if (refused) {
    if (!more || walked < walk_refused_min) return;
  } else if (asked.told_second == 0 || second - asked.told_second >= seconds_of(presence_repeat)) {
    asked.told_second = second;
    asked.marks = marks;
  } else {
    if ((marks & ~asked.marks) == 0 && (!more || walked <= walk_points_min)) return;
    asked.marks |= marks;
  }
  Fact fact = fact_of(FactKind::inquiry, context);
  if (refused) turn_round(fact, context);
  fact.inquiry = {object, static_cast<std::uint32_t>(frame.bytes.size()), asked.points, lists_objects, lists_properties,
                  refused};
  sink.fact(fact);
}

void tell_writes(const MessageContext& context, const NewsKey& news, const FrameEvent& frame, bool refused,
                 RecordSink& sink) noexcept {
  const std::uint32_t object = owner_of(frame.service, frame.seoj, frame.deoj);
  const std::uint8_t request = refused ? request_of(frame.service) : frame.service;
  bool by_public = false, told = false;
  PropertyView view;
  for (PropertyCursor cursor(frame.bytes, header_length, frame.opc); cursor.next_whole(view);)
    by_public = by_public || (view.epc == epc_remote && view.pdc == 1 && view.edt[0] == remote_public);
  for (PropertyCursor cursor(frame.bytes, header_length, frame.opc); cursor.next_whole(view);) {
    // A refusal returns the refused properties with their value, and the accepted ones without (Part 2, 4.2.3).
    if (refused && view.pdc == 0) continue;
    const std::uint64_t place = std::uint64_t{object} << 8 | view.epc;
    if (!refused && !sink.is_change(news.of(FactKind::control_write, place), mark_of(view.edt, request, sink.seed()),
                                    state_repeat, context.time))
      continue;
    Fact fact = fact_of(FactKind::control_write, context);
    if (refused) turn_round(fact, context);
    ControlWrite& write = fact.control_write;
    write = ControlWrite{};
    write.object = object;
    write.point = view.epc;
    write.code = first_code(view.edt);
    write.size_bytes = view.pdc;
    write.value = no_number;
    write.answer_wanted = request == esv::setc || request == esv::setget;
    write.refused = refused;
    write.by_public = by_public;
    if (const Property* const property = find_property(class_of(object), view.epc); property != nullptr) {
      write.effect = property->effect;
      write.check = check_value(*property, view.edt);
      if (write.check != ValueCheck::bad_size) write.direction = direction_of(*property, code_of(view.edt));
      write.value = number_of(*property, view.edt);
    }
    sink.fact(fact);
    told = true;
  }
  // Who writes shows an object of its own.
  if (told && !refused) tell_object(context, news, frame.seoj, ObjectSeen::How::asks, sink);
}

}  // namespace

void tell_facts(const MessageContext& context, const FrameEvent& frame, const ListPoints& points,
                RecordSink& sink) noexcept {
  const bool values = sink.wants(FactKind::reading) || sink.wants(FactKind::object);
  const bool inquiries = sink.wants(FactKind::inquiry) || sink.wants(FactKind::asker);
  const bool writes = sink.wants(FactKind::control_write);
  if (!values && !inquiries && !writes) return;
  const NewsKey news(sink, context);
  const auto tell_list = [&](ObjectSeen::How how) {
    if (values) tell_values(context, news, frame, header_length, frame.opc, points, how, sink);
  };
  // Of services with two lists, the one that reads.
  const auto second_points = [&] {
    return frame.has_get_list ? points_of(frame.bytes, frame.get_list_offset, frame.opc_get) : ListPoints{};
  };
  switch (frame.service) {
    case esv::get:
    case esv::inf_req:
      if (inquiries) tell_inquiry(context, news, frame, points, false, sink);
      return;
    case esv::get_res:
      return tell_list(ObjectSeen::How::answered);
    case esv::inf:
    case esv::infc:
      return tell_list(ObjectSeen::How::announced);
    case esv::get_sna:
    case esv::inf_sna:
      tell_list(ObjectSeen::How::answered);
      if (sink.wants(FactKind::inquiry)) tell_inquiry(context, news, frame, points, true, sink);
      return;
    case esv::seti:
    case esv::setc:
      if (writes) tell_writes(context, news, frame, false, sink);
      return;
    case esv::setget:
      if (writes) tell_writes(context, news, frame, false, sink);
      if (inquiries) tell_inquiry(context, news, frame, second_points(), false, sink);
      return;
    case esv::seti_sna:
    case esv::setc_sna:
      tell_object(context, news, frame.seoj, ObjectSeen::How::answered, sink);
      if (writes) tell_writes(context, news, frame, true, sink);
      return;
    case esv::setget_sna:
      if (writes) tell_writes(context, news, frame, true, sink);
      [[fallthrough]];
    case esv::setget_res: {
      const ListPoints second = second_points();
      if (values)
        tell_values(context, news, frame, frame.has_get_list ? frame.get_list_offset : 0,
                    frame.has_get_list ? frame.opc_get : 0u, second, ObjectSeen::How::answered, sink);
      if (frame.service == esv::setget_sna && frame.has_get_list && sink.wants(FactKind::inquiry))
        tell_inquiry(context, news, frame, second, true, sink);
      return;
    }
    default:  // Set_Res and INFC_Res, too, have no values; that the node has the object shows in what it says of it.
      return;
  }
}

void tell_malformed(const MessageContext& context, ParseError error, std::uint32_t offset, RecordSink& sink) noexcept {
  if (!sink.wants(FactKind::malformed)) return;
  Fact fact = fact_of(FactKind::malformed, context);
  fact.malformed = {error, offset};
  sink.fact(fact);
}

}  // namespace tsujiban::echonet_lite
