#include "dissectors/modbus/modbus_json.h"

#include <array>

namespace tsujiban::modbus {
namespace {

constexpr std::uint8_t user_application_object = 6;  // Application Protocol V1.1b3, 6.21.
constexpr char hex_digits[] = "0123456789abcdef";

std::string_view function_name(std::uint8_t function) noexcept {
  static constexpr std::array<std::string_view, 25> names = {
      "Unknown",      "RdCoils",         "RdDiscreteInputs", "RdHoldRegs",        "RdInputRegs",
      "WrSingleCoil", "WrSingleReg",     "RdExcStatus",      "Diagnostic",        "Program484",
      "Poll484",      "GetCommEventCtr", "GetCommEventLog",  "ProgramController", "PollController",
      "WrMultCoils",  "WrMultRegs",      "ReportServerID",   "Program884",        "ResetCommLink",
      "RdFileRec",    "WrFileRec",       "MaskWrReg",        "RdWrMultRegs",      "RdFIFOQueue"};
  if (function < names.size()) return names[function];
  return function == fc::encapsulated_interface ? "MEI" : names[0];
}

std::string_view access_type(std::uint8_t function) noexcept {
  switch (function) {
    case fc::read_coils:
      return "READ | COILS";
    case fc::read_discrete_inputs:
      return "READ | DISCRETES";
    case fc::read_holding_registers:
      return "READ | HOLDING";
    case fc::read_input_registers:
      return "READ | INPUT";
    case fc::write_single_coil:
      return "WRITE | COILS | SINGLE | WRITE_SINGLE";
    case fc::write_single_register:
      return "WRITE | HOLDING | SINGLE | WRITE_SINGLE";
    case fc::write_multiple_coils:
      return "WRITE | COILS | MULTIPLE | WRITE_MULTIPLE";
    case fc::write_multiple_registers:
      return "WRITE | HOLDING | MULTIPLE | WRITE_MULTIPLE";
    case fc::mask_write_register:
      return "WRITE | HOLDING";
    case fc::read_write_registers:
      return "READ | WRITE | HOLDING | MULTIPLE | WRITE_MULTIPLE";
    default:
      return "NONE";
  }
}

bool is_known_diagnostic(std::uint16_t code) noexcept {
  return code <= diagnostic::force_listen_only || (code >= diagnostic::clear_counters && code <= diagnostic::last);
}

// Application Protocol V1.1b3, 5; for codes without a name by their range.
std::string_view category(const Adu& adu) noexcept {
  constexpr std::string_view assigned = "PUBLIC_ASSIGNED", unassigned = "PUBLIC_UNASSIGNED", reserved = "RESERVED",
                             user = "USER_DEFINED", none = "NONE";
  const std::uint8_t function = adu.base_function();
  if (function == fc::diagnostics) {
    if (adu.shape != Shape::diagnostic) return none;
    return is_known_diagnostic(adu.code) ? assigned : reserved;
  }
  if (function == fc::encapsulated_interface) {
    if (adu.shape != Shape::mei) return none;
    return adu.code == mei::canopen || adu.code == mei::read_device_id ? assigned : reserved;
  }
  if (function_name(function) != function_name(0)) return assigned;
  if (adu.function == 0 || adu.function >= exception_bit) return none;
  if (adu.function < 41) return unassigned;
  if (adu.function < 43) return reserved;
  if (adu.function < 65) return unassigned;
  if (adu.function < 73) return user;
  if (adu.function < 90) return unassigned;
  if (adu.function < 92) return reserved;
  if (adu.function < 100) return unassigned;
  if (adu.function < 111) return user;
  return adu.function < 125 ? unassigned : reserved;
}

std::string_view exception_name(std::uint16_t code) noexcept {
  static constexpr std::array<std::string_view, 12> names = {"Unknown",
                                                             "IllegalFunction",
                                                             "IllegalDataAddr",
                                                             "IllegalDataValue",
                                                             "ServerDeviceFail",
                                                             "Ack",
                                                             "ServerDeviceBusy",
                                                             "NegAck",
                                                             "MemParityErr",
                                                             "Unknown",
                                                             "GatewayPathUnavailable",
                                                             "GatewayTargetFailToResp"};
  return code < names.size() ? names[code] : names[0];
}

std::string_view diagnostic_name(std::uint16_t code) noexcept {
  static constexpr std::array<std::string_view, 5> first = {"RetQueryData", "RestartCommOpt", "RetDiagReg",
                                                            "ChangeInputDelimiter", "ForceListenOnlyMode"};
  static constexpr std::array<std::string_view, 12> counters = {
      "ClearCtrDiagReg",        "RetBusMsgCount",       "RetBusCommErrCount",      "RetBusExcErrCount",
      "RetServerMsgCount",      "RetServerNoRespCount", "RetServerNAKCount",       "RetServerBusyCount",
      "RetBusCharOverrunCount", "RetOverrunErrCount",   "ClearOverrunCounterFlag", "GetClearPlusStats"};
  if (code < first.size()) return first[code];
  if (!is_known_diagnostic(code)) return "Reserved";
  return counters[code - diagnostic::clear_counters];
}

std::string_view mei_name(std::uint16_t code) noexcept {
  return code == mei::canopen ? "CANOpenGenRefReqResp" : code == mei::read_device_id ? "RdDevId" : "Unknown";
}

// Objects 0 to 6 (6.21); the others are the maker's own.
std::string_view object_name(std::uint8_t id) noexcept {
  static constexpr std::array<std::string_view, 7> names = {
      "vendor_name", "product_code", "revision", "vendor_url", "product_name", "model_name", "user_application_name"};
  return id < names.size() ? names[id] : std::string_view{};
}

std::string_view text_of(Bytes bytes) noexcept {
  return bytes.empty() ? std::string_view{""}
                       : std::string_view{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

class RecordWriter {
 public:
  RecordWriter(JsonWriter& writer, const output::Mask* mask) noexcept
      : writer_(writer), mask_(mask != nullptr && mask->on() ? mask : nullptr) {}

  void message(std::string_view name, const Adu& adu) noexcept {
    writer_.key(name);
    writer_.begin_object();
    writer_.field("transaction_id", adu.transaction);
    writer_.field("protocol_id", 0u);
    writer_.field("unit_id", adu.unit);
    writer_.field("function_raw", adu.function);
    plain("function_code", function_name(adu.base_function()));
    plain("access_type", access_type(adu.base_function()));
    plain("category", category(adu));
    error_flags(adu.flags);
    fields(adu);
    if (adu.malformed()) {
      writer_.key("malformed");
      writer_.begin_object();
      plain("error", name_of(adu.error));
      writer_.field("offset", adu.error_offset);
      writer_.end_object();
    }
    writer_.end_object();
  }

 private:
  void plain(std::string_view name, std::string_view text) noexcept {
    writer_.key(name);
    writer_.plain_string(text);
  }
  void error_flags(std::uint8_t flags) noexcept {
    static constexpr std::array<std::string_view, 4> names = {"DATA_VALUE", "DATA_LENGTH", "EXC_CODE", "FUNC_CODE"};
    writer_.key("error_flags");
    if (flags == 0) return writer_.plain_string("NONE");
    std::array<char, 64> text;
    std::size_t size = 0;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if ((flags >> i & 1) == 0) continue;
      const auto put = [&](std::string_view part) {
        std::memcpy(text.data() + size, part.data(), part.size());
        size += part.size();
      };
      if (size > 0) put(" | ");
      put(names[i]);
    }
    writer_.plain_string({text.data(), size});
  }
  // As Suricata writes bytes: as text where they are UTF-8, else with \xHH for each byte above 0x7F.
  void octets(std::string_view name, Bytes bytes) noexcept {
    writer_.key(name);
    if (mask_ != nullptr) return writer_.plain_string(mask_->of(bytes).view());
    plain_octets(bytes);
  }
  void plain_octets(Bytes bytes) noexcept {
    if (is_utf8(bytes)) return writer_.string(text_of(bytes));
    std::array<char, 4 * adu_bytes_max> text;
    std::size_t size = 0;
    for (const std::uint8_t b : bytes) {
      if (b < 0x80) {
        text[size++] = static_cast<char>(b);
        continue;
      }
      for (const char c : {'\\', 'x', hex_digits[b >> 4], hex_digits[b & 15]}) text[size++] = c;
    }
    writer_.string({text.data(), size});
  }
  // RFC 3629.
  static bool is_utf8(Bytes bytes) noexcept {
    for (std::size_t i = 0; i < bytes.size();) {
      const std::uint8_t first = bytes[i];
      const std::size_t length = first < 0x80                     ? 1
                                 : first >= 0xC2 && first <= 0xDF ? 2
                                 : first >= 0xE0 && first <= 0xEF ? 3
                                 : first >= 0xF0 && first <= 0xF4 ? 4
                                                                  : 0;
      if (length == 0 || i + length > bytes.size()) return false;
      for (std::size_t k = 1; k < length; ++k) {
        if ((bytes[i + k] & 0xC0) != 0x80) return false;
      }
      if (length > 2) {
        const std::uint8_t second = bytes[i + 1];
        if ((first == 0xE0 && second < 0xA0) || (first == 0xED && second > 0x9F) || (first == 0xF0 && second < 0x90) ||
            (first == 0xF4 && second > 0x8F))
          return false;
      }
      i += length;
    }
    return true;
  }
  void named_code(std::string_view name, std::uint16_t code, std::string_view text) noexcept {
    writer_.key(name);
    writer_.begin_object();
    writer_.field("raw", code);
    plain("code", text);
  }
  void read_fields(const Adu& adu) noexcept {
    writer_.key("read");
    writer_.begin_object();
    writer_.field("address", adu.read_address);
    writer_.field("quantity", adu.read_quantity);
    writer_.end_object();
  }
  void write_several(const Adu& adu) noexcept {
    writer_.key("write");
    writer_.begin_object();
    writer_.field("address", adu.address);
    writer_.field("quantity", adu.quantity);
    octets("data", adu.data);
    writer_.end_object();
  }
  void fields(const Adu& adu) noexcept {
    switch (adu.shape) {
      case Shape::exception:
        named_code("exception", adu.code, exception_name(adu.code));
        return writer_.end_object();
      case Shape::diagnostic:
        named_code("diagnostic", adu.code, diagnostic_name(adu.code));
        octets("data", adu.data);
        return writer_.end_object();
      case Shape::mei:
        named_code("mei", adu.code, mei_name(adu.code));
        octets("data", adu.data);
        device_id(adu);
        return writer_.end_object();
      case Shape::read_request:
        return read_fields(adu);
      case Shape::read_response:
        writer_.key("read");
        writer_.begin_object();
        octets("data", adu.data);
        return writer_.end_object();
      case Shape::write_request:
        return write_several(adu);
      case Shape::read_and_write:
        read_fields(adu);
        return write_several(adu);
      case Shape::write_one:
        writer_.key("write");
        writer_.begin_object();
        writer_.field("address", adu.address);
        if (mask_ == nullptr)
          writer_.field("data", adu.value);
        else
          octets("data", adu.bytes.subspan(data_offset + 2, 2));
        return writer_.end_object();
      case Shape::write_mask:
        writer_.key("write");
        writer_.begin_object();
        writer_.field("address", adu.address);
        if (mask_ == nullptr) {
          writer_.field("and_mask", adu.and_mask);
          writer_.field("or_mask", adu.or_mask);
        } else {
          octets("data", adu.bytes.subspan(data_offset + 2, 4));
        }
        return writer_.end_object();
      case Shape::bytes:
        octets("data", adu.data);
        file_records(adu);
        if (adu.function == fc::umas && adu.data.size() >= 2) umas(adu);
        return;
    }
  }
  void device_id(const Adu& adu) noexcept {
    if (adu.code != mei::read_device_id) return;
    if (adu.request) {
      if (adu.data.size() < 2) return;
      writer_.key("device_id");
      writer_.begin_object();
      writer_.field("read_code", adu.data[0]);
      writer_.field("object_id", adu.data[1]);
      return writer_.end_object();
    }
    if (adu.data.size() < device_id_head - 1) return;
    writer_.key("device_id");
    writer_.begin_object();
    writer_.field("read_code", adu.data[0]);
    writer_.field("conformity", adu.data[1]);
    writer_.field("more_follows", adu.data[2] != 0);
    if (adu.data[2] != 0) writer_.field("next_object_id", adu.data[3]);
    writer_.key("objects");
    writer_.begin_array();
    each_device_object(adu, [&](std::uint8_t id, Bytes value) {
      writer_.begin_object();
      writer_.field("id", id);
      if (const std::string_view name = object_name(id); !name.empty()) plain("name", name);
      // Who made it and what it is are in every home alike; what its owner or its maker's own objects say is not.
      writer_.key("value");
      if (mask_ != nullptr && id >= user_application_object)
        writer_.plain_string(mask_->of(value).view());
      else
        plain_octets(value);
      writer_.end_object();
    });
    writer_.end_array();
    writer_.end_object();
  }
  void file_records(const Adu& adu) noexcept {
    bool any = false;
    each_file_group(adu, [&](std::uint16_t file, std::uint16_t record, std::uint16_t registers, Bytes) {
      if (!any) {
        writer_.key("file_records");
        writer_.begin_array();
        any = true;
      }
      writer_.begin_object();
      writer_.field("file", file);
      writer_.field("record", record);
      writer_.field("registers", registers);
      writer_.end_object();
    });
    if (any) writer_.end_array();
  }
  void umas(const Adu& adu) noexcept {
    writer_.key("umas");
    writer_.begin_object();
    writer_.field("session", adu.data[0]);
    writer_.field("function", adu.data[1]);
    writer_.end_object();
  }

  JsonWriter& writer_;
  const output::Mask* mask_;  // Null: nothing is masked.
};

}  // namespace

void write_transaction(JsonWriter& writer, std::uint64_t id, const Adu* request, const Adu* response,
                       const output::Mask* mask) noexcept {
  writer.field("id", id);
  RecordWriter records(writer, mask);
  if (request != nullptr) records.message("request", *request);
  if (response != nullptr) records.message("response", *response);
}

}  // namespace tsujiban::modbus
