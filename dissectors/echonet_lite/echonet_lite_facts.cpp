#include "dissectors/echonet_lite/echonet_lite_facts.h"

#include <limits>

#include "dissectors/echonet_lite/echonet_lite_values.h"

namespace tsujiban::echonet_lite {
namespace {

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

// In the property's unit. Not a number where another property scales the value: that one is not known here.
double number_of(const Property& property, Bytes edt) noexcept {
  const ValueType& type = property.type();
  if (type.scale_count != 0) return no_number;
  const Scalar scalar = read_scalar(type, edt);
  return scalar.has_value ? scalar.value : no_number;
}

Fact fact_of(FactKind kind, const dissect::MessageContext& context) noexcept {
  Fact fact;
  fact.kind = kind;
  fact.protocol = AppProtocol::echonet_lite;
  fact.time = context.time;
  fact.segment = context.segment;
  fact.source = context.source;
  fact.destination = context.destination;
  return fact;
}

void tell_writes(const dissect::MessageContext& context, const FrameEvent& frame, bool refused,
                 dissect::RecordSink& sink) noexcept {
  Fact fact = fact_of(FactKind::control_write, context);
  const std::uint32_t object = owner_of(frame.service, frame.seoj, frame.deoj);
  PropertyCursor cursor(frame.bytes, header_length, frame.opc);
  PropertyView view;
  while (cursor.next(view)) {
    if (!view.complete) break;
    // A refusal returns the refused properties with their value, and the accepted ones without (Part 2, 4.2.3).
    if (refused && view.pdc == 0) continue;
    ControlWrite& write = fact.control_write;
    write = ControlWrite{};
    write.object = object;
    write.point = view.epc;
    write.value = no_number;
    write.answer_wanted = frame.service == esv::setc || frame.service == esv::setget;
    write.refused = refused;
    if (const Property* const property = find_property(class_of(object), view.epc); property != nullptr) {
      write.effect = property->effect;
      if (size_fits(*property, view.edt)) {
        write.direction = direction_of(*property, code_of(view.edt));
        if (is_scalar(property->type().kind)) write.value = number_of(*property, view.edt);
      }
    }
    sink.fact(fact);
  }
}

void tell_readings(const dissect::MessageContext& context, const FrameEvent& frame, std::uint32_t offset,
                   unsigned count, dissect::RecordSink& sink) noexcept {
  Fact fact = fact_of(FactKind::reading, context);
  PropertyCursor cursor(frame.bytes, offset, count);
  PropertyView view;
  while (cursor.next(view)) {
    if (!view.complete) break;
    const Property* const property = find_property(class_of(frame.seoj), view.epc);
    if (property == nullptr || !is_scalar(property->type().kind) || !size_fits(*property, view.edt)) continue;
    fact.reading = Reading{};
    fact.reading.object = frame.seoj;
    fact.reading.point = view.epc;
    fact.reading.value = number_of(*property, view.edt);
    fact.reading.announced = frame.service == esv::inf || frame.service == esv::infc;
    sink.fact(fact);
  }
}

}  // namespace

void tell_facts(const dissect::MessageContext& context, const FrameEvent& frame, dissect::RecordSink& sink) noexcept {
  switch (frame.service) {
    case esv::seti:
    case esv::setc:
    case esv::setget:
      if (sink.wants(FactKind::control_write)) tell_writes(context, frame, false, sink);
      return;
    case esv::seti_sna:
    case esv::setc_sna:
    case esv::setget_sna:
      if (sink.wants(FactKind::control_write)) tell_writes(context, frame, true, sink);
      break;
    case esv::get_res:
    case esv::get_sna:
    case esv::inf:
    case esv::infc:
      if (sink.wants(FactKind::reading)) tell_readings(context, frame, header_length, frame.opc, sink);
      return;
    default:
      break;
  }
  if (frame.has_get_list && frame.service != esv::setget && sink.wants(FactKind::reading)) {
    tell_readings(context, frame, frame.get_list_offset, frame.opc_get, sink);
  }
}

}  // namespace tsujiban::echonet_lite
