#pragma once
#include <cstdint>
#include <string_view>

#include "base/bytes.h"

namespace tsujiban::modbus {

// MBAP header and PDU (Modbus Messaging on TCP/IP Implementation Guide V1.0b, 3.1.3; Application Protocol V1.1b3, 4.1):
//   0             2            4        6      7          8
//   | transaction | protocol 0 | length | unit | function | data ...   `length` counts from unit.
inline constexpr std::uint16_t port_modbus = 502;
inline constexpr std::uint32_t length_end = 6;    // Behind the length field.
inline constexpr std::uint32_t length_min = 2;    // Unit and function.
inline constexpr std::uint32_t length_max = 254;  // Unit and the largest PDU, 253 bytes.
inline constexpr std::uint32_t data_offset = 8;   // Of the function's data.
inline constexpr std::uint32_t adu_bytes_min = length_end + length_min;
inline constexpr std::uint32_t adu_bytes_max = length_end + length_max;
inline constexpr std::uint8_t exception_bit = 0x80;

// Application Protocol V1.1b3, 6; `umas` is Schneider's programming protocol, in none of the standards.
namespace fc {
inline constexpr std::uint8_t read_coils = 1, read_discrete_inputs = 2, read_holding_registers = 3,
                              read_input_registers = 4, write_single_coil = 5, write_single_register = 6,
                              read_exception_status = 7, diagnostics = 8, get_event_counter = 11, get_event_log = 12,
                              write_multiple_coils = 15, write_multiple_registers = 16, report_server_id = 17,
                              read_file_record = 20, write_file_record = 21, mask_write_register = 22,
                              read_write_registers = 23, read_fifo_queue = 24, encapsulated_interface = 43, umas = 90;
}

// Diagnostics (6.8).
namespace diagnostic {
inline constexpr std::uint16_t return_query_data = 0, restart_communications = 1, change_delimiter = 3,
                               force_listen_only = 4, clear_counters = 10, last = 21;
}

namespace mei {
inline constexpr std::uint8_t canopen = 13, read_device_id = 14;
}

// Exceptions (7). 7, negative acknowledge, is of the older PI-MBUS-300.
namespace exception {
inline constexpr std::uint8_t illegal_function = 1, illegal_address = 2, illegal_value = 3, device_failure = 4,
                              acknowledge = 5, busy = 6, negative_acknowledge = 7, memory_parity = 8, gateway_path = 10,
                              gateway_target = 11;
}

// Limits of the functions (6.1 to 6.18).
inline constexpr std::uint32_t read_bits_max = 2000, read_registers_max = 125, write_bits_max = 1968,
                               write_registers_max = 123, read_write_registers_max = 121, fifo_registers_max = 31,
                               event_log_bytes_max = 70, record_number_max = 9999;
inline constexpr std::uint8_t file_reference_type = 6;
inline constexpr std::uint16_t coil_on = 0xFF00, coil_off = 0;

constexpr bool is_exception_code(std::uint8_t code) noexcept {
  return (code >= exception::illegal_function && code <= exception::memory_parity) || code == exception::gateway_path ||
         code == exception::gateway_target;
}
constexpr bool is_assigned(std::uint8_t function) noexcept {
  return (function >= 1 && function <= 8) || function == fc::get_event_counter || function == fc::get_event_log ||
         (function >= fc::write_multiple_coils && function <= fc::report_server_id) ||
         (function >= fc::read_file_record && function <= fc::read_fifo_queue) ||
         function == fc::encapsulated_interface;
}
// 65 to 72 and 100 to 110 (5.1).
constexpr bool is_user_defined(std::uint8_t function) noexcept {
  return (function >= 65 && function <= 72) || (function >= 100 && function <= 110);
}
// Assigned, for users to define, or kept for what serial lines and makers had before (annex A).
constexpr bool is_plausible(std::uint8_t function) noexcept {
  return is_assigned(function) || is_user_defined(function) || (function >= 9 && function <= 14) || function == 18 ||
         function == 19 || (function >= 40 && function <= 42) || function == fc::umas || function == 91 ||
         (function >= 125 && function <= 127);
}
constexpr bool reads_bits(std::uint8_t function) noexcept {
  return function == fc::read_coils || function == fc::read_discrete_inputs;
}
constexpr bool reads_registers(std::uint8_t function) noexcept {
  return function == fc::read_holding_registers || function == fc::read_input_registers ||
         function == fc::read_write_registers;
}

}  // namespace tsujiban::modbus
