#include "dissectors/echonet_lite/echonet_lite_facts.h"

#include <algorithm>
#include <limits>

#include "dissectors/echonet_lite/echonet_lite_values.h"
#include "output/privacy.h"

namespace tsujiban::echonet_lite {
namespace {

using dissect::MessageContext;
using dissect::RecordSink;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr std::uint8_t epc_instance_list = 0xD5, epc_instance_list_s = 0xD6, epc_identification = 0x83,
                       epc_fault = 0x88, epc_remote = 0x93, remote_public = 0x42;
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

// Keys of news: who and, for some, to whom; then what makes the fact another one. Products that do not wait for each
// other, each with the secret in both factors.
std::uint64_t key_of(const RecordSink& sink, const MessageContext& context, FactKind kind, std::uint64_t what,
                     const IpAddress& other) noexcept {
  const HashSeed& seed = sink.seed();
  const std::uint64_t low = hash_mix(context.source.low ^ seed.a, other.low ^ seed.b),
                      high = hash_mix(context.source.high ^ seed.b, other.high ^ seed.a),
                      place = hash_mix(context.segment.raw() ^ seed.a, what ^ seed.b);
  return hash_mix(low ^ std::rotl(high, 23) ^ seed.b, place ^ seed.a ^ static_cast<unsigned>(kind));
}
std::uint64_t key_of(const RecordSink& sink, const MessageContext& context, FactKind kind,
                     std::uint64_t what) noexcept {
  return key_of(sink, context, kind, what, IpAddress{});
}

// Having an object lasts; that the node still speaks is told every minute, and that it starts (5.11.1) each time.
void tell_object(const MessageContext& context, std::uint32_t object, ObjectSeen::How how, RecordSink& sink) noexcept {
  if (!sink.wants(FactKind::object)) return;
  const std::uint64_t what = std::uint64_t{object} << 8 | static_cast<unsigned>(how);
  const bool starts = how == ObjectSeen::How::announced && object >> 8 == node_profile;
  const bool speaks = how == ObjectSeen::How::announced || how == ObjectSeen::How::answered;
  const Duration repeat = starts ? news_repeat : speaks ? presence_repeat : state_repeat;
  if (!sink.is_change(key_of(sink, context, FactKind::object, what), 0, repeat, context.time)) return;
  Fact fact = fact_of(FactKind::object, context);
  fact.object = {how, object};
  sink.fact(fact);
}

void tell_listed_objects(const MessageContext& context, Bytes edt, RecordSink& sink) noexcept {
  for (std::size_t i = 0; i < edt[0] && 1 + 3 * (i + 1) <= edt.size(); ++i)
    tell_object(context, load_be24(edt, 1 + 3 * i), ObjectSeen::How::listed, sink);
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

void tell_reading(const MessageContext& context, const FrameEvent& frame, const PropertyView& view,
                  RecordSink& sink) noexcept {
  const bool announced = frame.service == esv::inf || frame.service == esv::infc;
  const std::uint64_t value_hash = hash_bytes(HashSeed{}, view.edt);
  const std::uint64_t what = std::uint64_t{frame.seoj} << 16 | std::uint64_t{view.epc} << 8 | announced;
  const bool lasts = view.epc != epc_fault && view.epc != epc_identification;
  if (!sink.is_change(key_of(sink, context, FactKind::reading, what), value_hash, lasts ? state_repeat : report_repeat,
                      context.time))
    return;
  Fact fact = fact_of(FactKind::reading, context);
  const Property* const property = find_property(class_of(frame.seoj), view.epc);
  fact.reading = Reading{};
  fact.reading.object = frame.seoj;
  fact.reading.point = view.epc;
  fact.reading.code = first_code(view.edt);
  fact.reading.value = property != nullptr ? number_of(*property, view.edt) : no_number;
  fact.reading.value_hash = value_hash;
  if (view.epc == epc_identification) put_identity(fact.reading.text, view.edt, sink.mask());
  fact.reading.announced = announced;
  sink.fact(fact);
}

// Answers and announcements. Most say what was said a moment ago, so one look-up asks whether anything here is news at
// all: the key has the object and every value that could be told.
void tell_values(const MessageContext& context, const FrameEvent& frame, std::uint32_t offset, unsigned count,
                 ObjectSeen::How how, RecordSink& sink) noexcept {
  const PropertySet& told = state_properties(class_of(frame.seoj));
  const Bytes bytes = frame.bytes;
  const HashSeed& seed = sink.seed();
  const std::uint64_t place = std::uint64_t{frame.seoj} << 8 | frame.service;
  std::uint64_t what = 0;
  bool any = false;
  // The walk of `read_frame` again, without its checks: whole properties only.
  std::uint32_t at = offset;
  for (unsigned left = count; left > 0 && at + 2 <= bytes.size(); --left) {
    const std::uint32_t next = at + 2 + bytes[at + 1];
    if (next > bytes.size()) break;
    if (told.has(bytes[at]) && next != at + 2) {
      any = true;
      // EPC, PDC and one or two bytes: nearly all of them.
      what = next - at <= 4
                 ? hash_mix(what ^ seed.a,
                            (std::uint64_t{load_be16(bytes, at)} << 16 | load_be16(bytes, next - 2)) ^ seed.b)
                 : hash_bytes(seed, bytes.subspan(at, next - at), what);
    }
    at = next;
  }
  if (!sink.is_change(key_of(sink, context, FactKind::count_, place), what, report_repeat, context.time)) return;
  tell_object(context, frame.seoj, how, sink);
  if (!any) return;
  PropertyCursor cursor(bytes, offset, count);
  PropertyView view;
  while (cursor.next(view) && view.complete) {
    if (view.pdc == 0 || !told.has(view.epc)) continue;
    if (class_of(frame.seoj) == node_profile && (view.epc == epc_instance_list || view.epc == epc_instance_list_s))
      tell_listed_objects(context, view.edt, sink);
    else if (sink.wants(FactKind::reading))
      tell_reading(context, frame, view, sink);
  }
}

// Requests are the same over and over, too. What is asked for counts by its block of sixteen properties, so that a
// controller that varies its lists is no news, and by itself where it is asked for alone, as who walks through does;
// what is refused by the whole list.
void tell_inquiry(const MessageContext& context, const FrameEvent& frame, std::uint32_t offset, unsigned count,
                  bool refused, RecordSink& sink) noexcept {
  constexpr unsigned maps_bit = 8, lists_bit = 9, single_bits = 10;
  std::uint64_t what = std::uint64_t{frame.seoj} << 32 | std::uint64_t{frame.deoj} << 8 | frame.service;
  std::uint64_t list = 0;
  std::uint32_t bits = 0;
  PropertyCursor asked(frame.bytes, offset, count);
  for (PropertyView view; asked.next(view) && view.complete;) {
    if (refused && view.pdc != 0) continue;  // Not refused: it comes with its value.
    if (refused) list = hash_mix(list ^ sink.seed().a, view.epc ^ sink.seed().b);
    bits |= 1u << (view.epc >> 4 & 7);
    if (view.epc >= 0x9D && view.epc <= 0x9F) bits |= 1u << maps_bit;
    if (view.epc == epc_instance_list || view.epc == epc_instance_list_s) bits |= 1u << lists_bit;
    if (count == 1) bits |= 1u << (single_bits + view.epc % (32 - single_bits));
  }
  what = hash_mix(what ^ sink.seed().a, list ^ sink.seed().b);
  if (!sink.is_addition(key_of(sink, context, FactKind::inquiry, what, context.destination), bits, presence_repeat,
                        context.time))
    return;
  // Who asks shows an object of its own; it is looked at here because the key above has it too.
  if (!refused) tell_object(context, frame.seoj, ObjectSeen::How::asks, sink);
  if (!sink.wants(FactKind::inquiry)) return;
  Fact fact = fact_of(FactKind::inquiry, context);
  if (refused) turn_round(fact, context);
  Inquiry& inquiry = fact.inquiry;
  inquiry = Inquiry{};
  inquiry.object = refused ? frame.seoj : frame.deoj;
  inquiry.bytes = static_cast<std::uint32_t>(frame.bytes.size());
  inquiry.refused = refused;
  const bool node = class_of(inquiry.object) == node_profile;
  PropertyCursor cursor(frame.bytes, offset, count);
  for (PropertyView view; cursor.next(view) && view.complete;) {
    if (view.epc < 0x80 || (refused && view.pdc != 0)) continue;
    inquiry.points[view.epc >> 6 & 1] |= std::uint64_t{1} << (view.epc & 63);
    inquiry.lists_objects |= node && (view.epc == epc_instance_list || view.epc == epc_instance_list_s);
    inquiry.lists_properties |= view.epc >= 0x9D && view.epc <= 0x9F;
  }
  if ((inquiry.points[0] | inquiry.points[1]) != 0) sink.fact(fact);
}

void tell_writes(const MessageContext& context, const FrameEvent& frame, bool refused, RecordSink& sink) noexcept {
  Fact fact = fact_of(FactKind::control_write, context);
  if (refused) turn_round(fact, context);
  const std::uint32_t object = owner_of(frame.service, frame.seoj, frame.deoj);
  const std::uint8_t request = refused ? request_of(frame.service) : frame.service;
  bool by_public = false, told = false;
  PropertyView view;
  for (PropertyCursor cursor(frame.bytes, header_length, frame.opc); cursor.next(view) && view.complete;)
    by_public = by_public || (view.epc == epc_remote && view.pdc == 1 && view.edt[0] == remote_public);
  for (PropertyCursor cursor(frame.bytes, header_length, frame.opc); cursor.next(view) && view.complete;) {
    // A refusal returns the refused properties with their value, and the accepted ones without (Part 2, 4.2.3).
    if (refused && view.pdc == 0) continue;
    const std::uint64_t place = std::uint64_t{object} << 8 | view.epc;
    if (!refused && !sink.is_change(key_of(sink, context, FactKind::control_write, place, context.destination),
                                    hash_bytes(sink.seed(), view.edt, request), state_repeat, context.time))
      continue;
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
  if (told && !refused) tell_object(context, frame.seoj, ObjectSeen::How::asks, sink);
}

}  // namespace

void tell_facts(const MessageContext& context, const FrameEvent& frame, RecordSink& sink) noexcept {
  const bool values = sink.wants(FactKind::reading) || sink.wants(FactKind::object);
  const bool inquiries = sink.wants(FactKind::inquiry) || sink.wants(FactKind::object);
  const bool writes = sink.wants(FactKind::control_write);
  switch (frame.service) {
    case esv::get:
    case esv::inf_req:
      if (inquiries) tell_inquiry(context, frame, header_length, frame.opc, false, sink);
      return;
    case esv::get_res:
      if (values) tell_values(context, frame, header_length, frame.opc, ObjectSeen::How::answered, sink);
      return;
    case esv::inf:
    case esv::infc:
      if (values) tell_values(context, frame, header_length, frame.opc, ObjectSeen::How::announced, sink);
      return;
    case esv::get_sna:
    case esv::inf_sna:
      if (values) tell_values(context, frame, header_length, frame.opc, ObjectSeen::How::answered, sink);
      if (sink.wants(FactKind::inquiry)) tell_inquiry(context, frame, header_length, frame.opc, true, sink);
      return;
    case esv::seti:
    case esv::setc:
      if (writes) tell_writes(context, frame, false, sink);
      return;
    case esv::setget:
      if (writes) tell_writes(context, frame, false, sink);
      if (inquiries)
        tell_inquiry(context, frame, frame.has_get_list ? frame.get_list_offset : 0,
                     frame.has_get_list ? frame.opc_get : 0u, false, sink);
      return;
    case esv::seti_sna:
    case esv::setc_sna:
      tell_object(context, frame.seoj, ObjectSeen::How::answered, sink);
      if (writes) tell_writes(context, frame, true, sink);
      return;
    case esv::setget_sna:
      if (writes) tell_writes(context, frame, true, sink);
      [[fallthrough]];
    case esv::setget_res:
      if (values)
        tell_values(context, frame, frame.has_get_list ? frame.get_list_offset : 0,
                    frame.has_get_list ? frame.opc_get : 0u, ObjectSeen::How::answered, sink);
      if (frame.service == esv::setget_sna && frame.has_get_list && sink.wants(FactKind::inquiry))
        tell_inquiry(context, frame, frame.get_list_offset, frame.opc_get, true, sink);
      return;
    case esv::set_res:
    case esv::infc_res:  // No values; that the node has the object shows in what it says of it.
      return;
    default:
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
