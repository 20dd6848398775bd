#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace tsujiban::telnet {

// What a login over Telnet came to, as well as it can be told from what the server shows: Telnet has no word for it
// (README.md, "Logins"). Keeps the end of the server's present line, and nothing of what the client types.
class LoginWatch {
 public:
  enum class Outcome : std::uint8_t { none, failed, succeeded };
  static constexpr std::size_t line_end_max = 28;          // Of the server's line.
  static constexpr std::uint16_t judged_bytes_max = 4096;  // Of the server's text behind a password.

  // One byte of text, behind Telnet's own.
  Outcome from_server(std::uint8_t byte) noexcept;
  Outcome from_client(std::uint8_t byte) noexcept;
  // Either side's stream is over.
  Outcome over() noexcept;
  void server_gap() noexcept;
  void client_gap() noexcept;

 private:
  enum class Stage : std::uint8_t { idle, name, password, judging };
  std::string_view line_end() const noexcept { return {text_.data(), size_}; }
  bool at_shell() const noexcept;

  std::array<char, line_end_max> text_;
  std::uint8_t size_;
  std::uint8_t escape_;  // Within a terminal's control sequence (ECMA-48, 5.4).
  Stage stage_;
  std::uint16_t judged_;
};

}  // namespace tsujiban::telnet
