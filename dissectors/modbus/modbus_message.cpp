#include "dissectors/modbus/modbus_message.h"

namespace tsujiban::modbus {
namespace {

using error_flag::data_length;
using error_flag::data_value;

constexpr std::uint32_t bytes_of_bits(std::uint32_t bits) noexcept { return (bits + 7) / 8; }

// The data of one ADU and what is wrong with it. Offsets count from the ADU's first byte.
class Reader {
 public:
  explicit Reader(Adu& adu) noexcept : adu_(adu), data_(adu.data) {}

  void request() noexcept {
    switch (adu_.function) {
      case fc::read_coils:
      case fc::read_discrete_inputs:
        return read_request(read_bits_max);
      case fc::read_holding_registers:
      case fc::read_input_registers:
        return read_request(read_registers_max);
      case fc::write_single_coil:
        write_one();
        if (adu_.shape == Shape::write_one && adu_.value != coil_on && adu_.value != coil_off)
          adu_.fault(ParseError::bad_value, data_offset + 2, data_value);
        return;
      case fc::write_single_register:
        return write_one();
      case fc::write_multiple_coils:
        return write_request(0, write_bits_max, true);
      case fc::write_multiple_registers:
        return write_request(0, write_registers_max, false);
      case fc::mask_write_register:
        return write_mask();
      case fc::read_write_registers:
        return read_and_write();
      case fc::read_exception_status:
      case fc::get_event_counter:
      case fc::get_event_log:
      case fc::report_server_id:
        return static_cast<void>(exact(0));
      case fc::diagnostics:
        return diagnostic_request();
      case fc::encapsulated_interface:
        return mei_request();
      case fc::read_file_record:
        return file_groups(false, 7, 0xF5);
      case fc::write_file_record:
        return file_groups(true, 9, 0xFB);
      case fc::read_fifo_queue:
        return static_cast<void>(exact(2));
      default:
        if (adu_.function == 0 || adu_.function >= exception_bit)
          adu_.fault(ParseError::modbus_bad_function, data_offset - 1, error_flag::function_code);
    }
  }

  void answer() noexcept {
    if (adu_.is_exception()) return exception_answer();
    switch (adu_.function) {
      case fc::read_coils:
      case fc::read_discrete_inputs:
      case fc::read_holding_registers:
      case fc::read_input_registers:
      case fc::read_write_registers:
        return read_answer();
      case fc::write_single_coil:
      case fc::write_single_register:
        return write_one();
      case fc::write_multiple_coils:
        return written_quantity(write_bits_max);
      case fc::write_multiple_registers:
        return written_quantity(write_registers_max);
      case fc::mask_write_register:
        return write_mask();
      case fc::read_exception_status:
        return static_cast<void>(exact(1));
      case fc::get_event_counter:
        return static_cast<void>(exact(4));
      case fc::get_event_log:
        return counted(6, event_log_bytes_max);
      case fc::report_server_id:
        return counted(0, 0xFF);
      case fc::diagnostics:
        if (!at_least(2)) return;
        diagnostic_fields();
        if (adu_.code != diagnostic::return_query_data) static_cast<void>(exact(4));
        return;
      case fc::encapsulated_interface:
        return mei_answer();
      case fc::read_file_record:
        return read_groups();
      case fc::write_file_record:
        return file_groups(true, 9, 0xFB);
      case fc::read_fifo_queue:
        return fifo_answer();
      default:
        if (adu_.function == 0) adu_.fault(ParseError::modbus_bad_function, data_offset - 1, error_flag::function_code);
    }
  }

 private:
  bool at_least(std::size_t size) noexcept {
    if (data_.size() >= size) return true;
    adu_.fault(ParseError::truncated, static_cast<std::uint32_t>(data_offset + data_.size()), data_length);
    return false;
  }
  // Real devices send a few bytes more: what is there is read all the same.
  bool exact(std::size_t size) noexcept {
    if (!at_least(size)) return false;
    if (data_.size() > size)
      adu_.fault(ParseError::trailing_bytes, data_offset + static_cast<std::uint32_t>(size), data_length);
    return true;
  }
  void read_request(std::uint32_t quantity_max) noexcept {
    if (!exact(4)) return;
    read_fields(quantity_max);
    adu_.shape = Shape::read_request;
  }
  void read_fields(std::uint32_t quantity_max) noexcept {
    adu_.read_address = load_be16(data_, 0);
    adu_.read_quantity = load_be16(data_, 2);
    if (adu_.read_quantity == 0 || adu_.read_quantity > quantity_max)
      adu_.fault(ParseError::modbus_bad_quantity, data_offset + 2, data_value);
  }
  void write_one() noexcept {
    if (!exact(4)) return;
    adu_.address = load_be16(data_, 0);
    adu_.value = load_be16(data_, 2);
    adu_.shape = Shape::write_one;
  }
  void write_mask() noexcept {
    if (!exact(6)) return;
    adu_.address = load_be16(data_, 0);
    adu_.and_mask = load_be16(data_, 2);
    adu_.or_mask = load_be16(data_, 4);
    adu_.shape = Shape::write_mask;
  }
  void written_quantity(std::uint32_t quantity_max) noexcept {
    write_one();
    if (adu_.shape == Shape::write_one && (adu_.value == 0 || adu_.value > quantity_max))
      adu_.fault(ParseError::modbus_bad_quantity, data_offset + 2, data_value);
  }
  // Address, quantity, byte count and values, from `at` on.
  void write_request(std::size_t at, std::uint32_t quantity_max, bool bits) noexcept {
    if (!at_least(at + 5)) return;
    const auto offset = static_cast<std::uint32_t>(data_offset + at);
    adu_.address = load_be16(data_, at);
    adu_.quantity = load_be16(data_, at + 2);
    const std::uint32_t count = data_[at + 4];
    adu_.data = data_.subspan(at + 5);
    adu_.shape = at == 0 ? Shape::write_request : Shape::read_and_write;
    if (adu_.quantity == 0 || adu_.quantity > quantity_max)
      adu_.fault(ParseError::modbus_bad_quantity, offset + 2, data_value);
    if (count != (bits ? bytes_of_bits(adu_.quantity) : 2u * adu_.quantity))
      adu_.fault(ParseError::modbus_bad_byte_count, offset + 4, data_value);
    if (count != adu_.data.size()) adu_.fault(ParseError::modbus_bad_byte_count, offset + 4, data_length);
  }
  void read_and_write() noexcept {
    if (!at_least(9)) return;
    read_fields(read_registers_max);
    write_request(4, read_write_registers_max, false);
  }
  void read_answer() noexcept {
    if (!at_least(1)) return;
    const std::uint32_t count = data_[0];
    adu_.data = data_.subspan(1);
    adu_.shape = Shape::read_response;
    const bool registers = reads_registers(adu_.function);
    const std::uint32_t count_max = registers ? 2 * read_registers_max : bytes_of_bits(read_bits_max);
    if (count == 0 || count > count_max || (registers && count % 2 != 0))
      adu_.fault(ParseError::modbus_bad_byte_count, data_offset, data_value);
    if (count != adu_.data.size()) adu_.fault(ParseError::modbus_bad_byte_count, data_offset, data_length);
  }
  // A byte count and so many bytes.
  void counted(std::uint32_t count_min, std::uint32_t count_max) noexcept {
    if (!at_least(1)) return;
    if (data_[0] < count_min || data_[0] > count_max)
      adu_.fault(ParseError::modbus_bad_byte_count, data_offset, data_value);
    if (data_[0] + 1u != data_.size()) adu_.fault(ParseError::modbus_bad_byte_count, data_offset, data_length);
  }
  void diagnostic_fields() noexcept {
    adu_.code = load_be16(data_, 0);
    adu_.data = data_.subspan(2);
    adu_.shape = Shape::diagnostic;
  }
  void diagnostic_request() noexcept {
    if (!at_least(2)) return;
    diagnostic_fields();
    // Any number of words comes back as it was sent.
    if (adu_.code == diagnostic::return_query_data) {
      if (adu_.data.empty()) static_cast<void>(at_least(4));
      return;
    }
    if (!exact(4)) return;
    const std::uint16_t field = load_be16(data_, 2);
    bool allowed = true;
    if (adu_.code == diagnostic::restart_communications)
      allowed = field == 0 || field == 0xFF00;
    else if (adu_.code == diagnostic::change_delimiter)
      allowed = (field & 0xFF) == 0;
    else if (adu_.code <= diagnostic::force_listen_only ||
             (adu_.code >= diagnostic::clear_counters && adu_.code < diagnostic::last))
      allowed = field == 0;
    if (!allowed) adu_.fault(ParseError::bad_value, data_offset + 2, data_value);
  }
  void mei_fields() noexcept {
    adu_.code = data_[0];
    adu_.data = data_.subspan(1);
    adu_.shape = Shape::mei;
  }
  void mei_request() noexcept {
    if (!at_least(1)) return;
    mei_fields();
    if (adu_.code != mei::read_device_id || !exact(3)) return;
    if (data_[1] < 1 || data_[1] > 4) adu_.fault(ParseError::bad_value, data_offset + 1, data_value);
  }
  void mei_answer() noexcept {
    if (!at_least(1)) return;
    mei_fields();
    if (adu_.code != mei::read_device_id || !at_least(device_id_head)) return;
    if (data_[1] < 1 || data_[1] > 4) adu_.fault(ParseError::bad_value, data_offset + 1, data_value);
    if (data_[3] != 0 && data_[3] != 0xFF) adu_.fault(ParseError::bad_value, data_offset + 3, data_value);
    unsigned objects = 0;
    std::size_t end = device_id_head;
    each_device_object(adu_, [&](std::uint8_t, Bytes value) {
      ++objects;
      end += 2 + value.size();
    });
    const auto offset = static_cast<std::uint32_t>(data_offset + end);
    if (objects < data_[5])
      adu_.fault(ParseError::truncated, offset, data_length);
    else if (end < data_.size())
      adu_.fault(ParseError::trailing_bytes, offset, data_length);
  }
  void file_groups(bool writes, std::uint32_t count_min, std::uint32_t count_max) noexcept {
    if (!at_least(1)) return;
    counted(count_min, count_max);
    std::size_t end = 1;
    each_file_group(adu_, [&](std::uint16_t file, std::uint16_t record, std::uint16_t, Bytes values) {
      const auto offset = static_cast<std::uint32_t>(data_offset + end);
      if (data_[end] != file_reference_type) adu_.fault(ParseError::bad_value, offset, data_value);
      if (file == 0) adu_.fault(ParseError::bad_value, offset + 1, data_value);
      if (record > record_number_max) adu_.fault(ParseError::bad_value, offset + 3, data_value);
      if (writes && values.empty()) adu_.fault(ParseError::bad_value, offset + 5, data_value);
      end += 7 + values.size();
    });
    if (end < data_.size())
      adu_.fault(ParseError::truncated, static_cast<std::uint32_t>(data_offset + end), data_length);
  }
  // An answer's groups: length, reference type, values (6.14).
  void read_groups() noexcept {
    if (!at_least(1)) return;
    counted(2, 0xF5);
    for (std::size_t at = 1; at < data_.size();) {
      const auto offset = static_cast<std::uint32_t>(data_offset + at);
      const std::size_t length = data_[at];
      if (length == 0 || at + 1 + length > data_.size())
        return adu_.fault(ParseError::modbus_bad_byte_count, offset, data_length);
      if (data_[at + 1] != file_reference_type) adu_.fault(ParseError::bad_value, offset + 1, data_value);
      if (length % 2 == 0) adu_.fault(ParseError::modbus_bad_byte_count, offset, data_value);
      at += 1 + length;
    }
  }
  void fifo_answer() noexcept {
    if (!at_least(4)) return;
    const std::uint32_t count = load_be16(data_, 0), registers = load_be16(data_, 2);
    if (registers > fifo_registers_max) adu_.fault(ParseError::modbus_bad_quantity, data_offset + 2, data_value);
    if (count != 2 + 2 * registers) adu_.fault(ParseError::modbus_bad_byte_count, data_offset, data_value);
    if (count + 2 != data_.size()) adu_.fault(ParseError::modbus_bad_byte_count, data_offset, data_length);
  }
  void exception_answer() noexcept {
    if (!exact(1)) return;
    adu_.code = data_[0];
    adu_.shape = Shape::exception;
    if (!is_exception_code(data_[0])) adu_.fault(ParseError::bad_value, data_offset, error_flag::exception_code);
  }

  Adu& adu_;
  const Bytes data_;
};

Fit fits_when(bool yes) noexcept { return yes ? Fit::yes : Fit::no; }

// Whether `length` is `fixed` and the count at `offset`. A count is at least 1.
Fit fits_count(Bytes first, std::size_t offset, std::uint32_t length, std::uint32_t fixed) noexcept {
  if (length <= fixed) return Fit::no;
  if (first.size() <= offset) return Fit::open;
  return fits_when(first[offset] != 0 && length == fixed + first[offset]);
}

}  // namespace

Adu read_adu(Bytes bytes, bool request) noexcept {
  Adu adu;
  adu.bytes = bytes;
  adu.data = bytes.subspan(data_offset);
  adu.request = request;
  adu.transaction = load_be16(bytes, 0);
  adu.unit = bytes[6];
  adu.function = bytes[7];
  Reader reader(adu);
  if (request)
    reader.request();
  else
    reader.answer();
  return adu;
}

void check_answer(Adu& answer, const Adu& request) noexcept {
  const auto mismatch = [&](std::uint32_t offset) {
    answer.fault(ParseError::modbus_answer_mismatch, offset, data_value);
  };
  switch (answer.shape) {
    case Shape::read_response: {
      if (request.shape != Shape::read_request && request.shape != Shape::read_and_write) return;
      const std::uint32_t bytes =
          reads_bits(answer.function) ? bytes_of_bits(request.read_quantity) : 2u * request.read_quantity;
      if (answer.data.size() != bytes) mismatch(data_offset);
      return;
    }
    case Shape::write_one:
      if (request.shape == Shape::write_one) {
        if (answer.address != request.address) mismatch(data_offset);
        if (answer.value != request.value) mismatch(data_offset + 2);
      } else if (request.shape == Shape::write_request) {
        if (answer.address != request.address) mismatch(data_offset);
        if (answer.value != request.quantity) mismatch(data_offset + 2);
      }
      return;
    case Shape::write_mask:
      if (request.shape != Shape::write_mask) return;
      if (answer.address != request.address) mismatch(data_offset);
      if (answer.and_mask != request.and_mask) mismatch(data_offset + 2);
      if (answer.or_mask != request.or_mask) mismatch(data_offset + 4);
      return;
    case Shape::diagnostic:
    case Shape::mei:
      if (request.shape == answer.shape && answer.code != request.code) mismatch(data_offset);
      return;
    default:
      return;
  }
}

Fit fits(Bytes first, bool request) noexcept {
  const std::uint32_t length = load_be16(first, 4);
  const std::uint8_t function = first[7];
  if (function >= exception_bit) {
    if (request || length != 3 || !is_plausible(function & 0x7F)) return Fit::no;
    return first.size() <= data_offset ? Fit::open : fits_when(is_exception_code(first[data_offset]));
  }
  switch (function) {
    case fc::read_coils:
    case fc::read_discrete_inputs:
    case fc::read_holding_registers:
    case fc::read_input_registers: {
      if (!request) return fits_count(first, 8, length, 3);
      if (length != 6) return Fit::no;
      if (first.size() < 12) return Fit::open;
      const std::uint32_t quantity = load_be16(first, 10);
      return fits_when(quantity > 0 && quantity <= (reads_bits(function) ? read_bits_max : read_registers_max));
    }
    case fc::write_single_coil:
      if (length != 6) return Fit::no;
      if (first.size() < 12) return Fit::open;
      return fits_when(load_be16(first, 10) == coil_on || load_be16(first, 10) == coil_off);
    case fc::write_single_register:
    case fc::diagnostics:
      return fits_when(length == 6);
    case fc::write_multiple_coils:
    case fc::write_multiple_registers:
      return request ? fits_count(first, 12, length, 7) : fits_when(length == 6);
    case fc::mask_write_register:
      return fits_when(length == 8);
    case fc::read_write_registers:
      return request ? fits_count(first, 16, length, 11) : fits_count(first, 8, length, 3);
    case fc::read_file_record:
    case fc::write_file_record:
      return fits_count(first, 8, length, 3);
    case fc::encapsulated_interface:
      if (request ? length != 5 : length < 8) return Fit::no;
      return first.size() <= data_offset ? Fit::open : fits_when(first[data_offset] == mei::read_device_id);
    default:
      return Fit::no;
  }
}

}  // namespace tsujiban::modbus
