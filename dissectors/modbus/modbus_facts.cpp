#include "dissectors/modbus/modbus_facts.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace tsujiban::modbus {
namespace {

using dissect::MessageContext;
using dissect::RecordSink;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

// What a request writes, and where.
struct Written {
  std::uint32_t point = 0;
  std::uint32_t code = 0;
  std::uint8_t size_bytes = 0;
  WriteEffect effect = WriteEffect::none;  // None: no write.
  double value = no_number;
  Bytes values;  // All of them: equal writes have equal bytes.
};

std::uint32_t first_code(Bytes bytes) noexcept {
  std::uint32_t code = 0;
  for (const std::uint8_t b : bytes.first(std::min<std::size_t>(bytes.size(), 4))) code = code << 8 | b;
  return code;
}

Written written_by(const Adu& adu) noexcept {
  Written written;
  const auto registers = [&](std::uint32_t point, Bytes values) {
    if (values.size() < 2) return;
    written.point = point;
    written.code = load_be16(values, 0);
    written.value = written.code;
    written.size_bytes = static_cast<std::uint8_t>(values.size());
    written.values = values;
    written.effect = WriteEffect::physical;
  };
  switch (adu.function) {
    case fc::write_single_coil:
    case fc::write_single_register:
      if (adu.shape != Shape::write_one) break;
      registers(adu.address, adu.bytes.subspan(data_offset + 2, 2));
      if (adu.function == fc::write_single_coil)
        written.value = adu.value == coil_on ? 1 : adu.value == coil_off ? 0 : no_number;
      break;
    case fc::write_multiple_coils:
      if (adu.shape != Shape::write_request || adu.data.empty()) break;
      written.point = adu.address;
      // As the function for one coil writes it, so that one value is one code.
      written.code = (adu.data[0] & 1) != 0 ? coil_on : coil_off;
      written.value = adu.data[0] & 1;
      written.size_bytes = static_cast<std::uint8_t>(adu.data.size());
      written.values = adu.data;
      written.effect = WriteEffect::physical;
      break;
    case fc::write_multiple_registers:
    case fc::read_write_registers:
      if (adu.shape == Shape::write_request || adu.shape == Shape::read_and_write) registers(adu.address, adu.data);
      break;
    case fc::mask_write_register:
      if (adu.shape != Shape::write_mask) break;
      written.point = adu.address;
      written.values = adu.bytes.subspan(data_offset + 2, 4);
      written.code = first_code(written.values);
      written.size_bytes = 4;
      written.effect = WriteEffect::physical;
      break;
    case fc::write_file_record:
      // The first group names the place.
      each_file_group(adu, [&](std::uint16_t file, std::uint16_t record, std::uint16_t, Bytes values) {
        if (written.effect != WriteEffect::none) return;
        registers(std::uint32_t{file} << 16 | record, values);
      });
      if (written.effect == WriteEffect::none) break;
      written.value = no_number;
      written.values = adu.data;
      break;
    case fc::diagnostics:
      if (adu.shape != Shape::diagnostic) break;
      if (adu.code == diagnostic::restart_communications || adu.code == diagnostic::clear_counters)
        written.effect = WriteEffect::reset;
      else if (adu.code == diagnostic::force_listen_only)
        written.effect = WriteEffect::permission;
      written.point = adu.code;
      written.values = adu.data;
      written.code = first_code(adu.data);
      written.size_bytes = static_cast<std::uint8_t>(adu.data.size());
      break;
    case fc::umas:
      // The function of the programming protocol; what it carries is not read.
      written.effect = WriteEffect::configuration;
      written.point = adu.data.size() >= 2 ? adu.data[1] : 0u;
      written.values = adu.data.size() >= 2 ? adu.data.subspan(2) : Bytes{};
      written.code = first_code(written.values);
      written.size_bytes = static_cast<std::uint8_t>(written.values.size());
      break;
    default:
      break;
  }
  return written;
}

ValueCheck check_of(const Adu& adu) noexcept {
  if ((adu.flags & error_flag::data_length) != 0) return ValueCheck::bad_size;
  if ((adu.flags & error_flag::data_value) == 0) return ValueCheck::unchecked;
  return adu.error == ParseError::bad_value ? ValueCheck::undefined_code : ValueCheck::bad_size;
}

ControlWrite write_of(const Adu& request, const Written& written) noexcept {
  ControlWrite write{};
  write.object = request.unit;
  write.point = written.point;
  write.code = written.code;
  write.size_bytes = written.size_bytes;
  write.effect = written.effect;
  write.check = check_of(request);
  write.answer_wanted = true;
  write.value = written.value;
  return write;
}

// Who writes what where in which pair of hosts.
std::uint64_t key_of(const RecordSink& sink, const MessageContext& context, const Adu& request,
                     const Written& written) noexcept {
  const HashSeed& seed = sink.seed();
  std::uint64_t pair = context.pair_hash;
  if (pair == 0) pair = pair_hash_of(seed, context.segment, context.source, context.destination);
  const std::uint64_t from = stands_before(context.source, 0, context.destination, 0) ? 1 : 0;
  const std::uint64_t what = std::uint64_t{written.point} << 16 | std::uint64_t{request.unit} << 8 | request.function;
  constexpr auto kind = static_cast<std::uint64_t>(FactKind::control_write);
  return hash_mix(pair ^ seed.a, (what << 6 | kind << 1 | from) ^ seed.b);
}

}  // namespace

void tell_write(const MessageContext& context, const Adu& request, RecordSink& sink) noexcept {
  if (!sink.wants(FactKind::control_write)) return;
  const Written written = written_by(request);
  if (written.effect == WriteEffect::none) return;
  if (!sink.is_change(key_of(sink, context, request, written), hash_bytes(sink.seed(), written.values), state_repeat,
                      context.time))
    return;
  Fact fact = fact_of(FactKind::control_write, AppProtocol::modbus, context);
  fact.control_write = write_of(request, written);
  sink.fact(fact);
}

void tell_refusal(const MessageContext& context, const Adu& request, const Adu& answer, RecordSink& sink) noexcept {
  // An acknowledge (7) says that the request is accepted, only not done yet.
  if (answer.code == exception::acknowledge || !sink.wants(FactKind::control_write)) return;
  const Written written = written_by(request);
  if (written.effect == WriteEffect::none) return;
  Fact fact = fact_of(FactKind::control_write, AppProtocol::modbus, context);
  std::swap(fact.source, fact.destination);
  std::swap(fact.source_port, fact.destination_port);
  fact.to_group = false;
  fact.source_mac = context.packet != nullptr && context.packet->ethernet != nullptr
                        ? MacAddress::load(context.packet->ethernet)
                        : MacAddress{};
  fact.control_write = write_of(request, written);
  fact.control_write.refused = true;
  sink.fact(fact);
}

void tell_malformed(const MessageContext& context, ParseError error, std::uint32_t offset, RecordSink& sink) noexcept {
  if (!sink.wants(FactKind::malformed)) return;
  Fact fact = fact_of(FactKind::malformed, AppProtocol::modbus, context);
  fact.malformed = {error, offset};
  sink.fact(fact);
}

}  // namespace tsujiban::modbus
