#include "dissectors/telnet/telnet_login.h"

#include <algorithm>
#include <cstring>

namespace tsujiban::telnet {
namespace {

bool has(std::string_view text, std::string_view word) noexcept { return text.find(word) != std::string_view::npos; }

std::string_view without_spaces(std::string_view text) noexcept {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

template <std::size_t N>
bool ends_with_one(std::string_view line, const std::array<std::string_view, N>& words) noexcept {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return line.ends_with(word); });
}
constexpr std::array<std::string_view, 3> password_prompts = {"password:", "passwd:", "passcode:"};
constexpr std::array<std::string_view, 6> name_prompts = {
    "login:", "username:", "user name:", "user:", "userid:", "login as:"};
constexpr std::array<std::string_view, 8> refusals = {"incorrect", "invalid", "fail",        "denied",
                                                      "wrong",     "bad pas", "not allowed", "unsuccess"};
constexpr std::array<std::string_view, 3> welcomes = {"last login", "welcome", "successful"};

// "Password for NAME:" is what systems with Kerberos ask.
bool asks_password(std::string_view line) noexcept {
  line = without_spaces(line);
  return ends_with_one(line, password_prompts) || (line.ends_with(':') && has(line, "password for "));
}
// "Last login:" is what a server says behind a success.
bool asks_name(std::string_view line) noexcept {
  line = without_spaces(line);
  return ends_with_one(line, name_prompts) && !has(line, "last login");
}

}  // namespace

bool LoginWatch::at_shell() const noexcept {
  const std::string_view line = without_spaces(line_end());
  return !line.empty() && has("$#>%", line.substr(line.size() - 1));
}

LoginWatch::Outcome LoginWatch::from_server(std::uint8_t byte) noexcept {
  if (escape_ == 1) {
    escape_ = byte == '[' ? 2 : 0;
    return Outcome::none;
  }
  if (escape_ == 2) {
    if (byte >= 0x40 && byte <= 0x7E) escape_ = 0;
    return Outcome::none;
  }
  if (byte == 0x1B) {
    escape_ = 1;
    return Outcome::none;
  }
  if (byte == '\r' || byte == '\n') {
    size_ = 0;
  } else if (byte >= 0x20) {
    if (size_ == line_end_max) {
      std::memmove(text_.data(), text_.data() + 1, line_end_max - 1);
      --size_;
    }
    text_[size_++] = static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte);
  }
  if (stage_ != Stage::judging) return Outcome::none;
  const std::string_view line = line_end();
  Outcome outcome = Outcome::none;
  if (ends_with_one(line, welcomes))
    outcome = Outcome::succeeded;
  else if (ends_with_one(line, refusals) || (byte == ':' && (asks_password(line) || asks_name(line))))
    outcome = Outcome::failed;
  if (outcome != Outcome::none || ++judged_ > judged_bytes_max) stage_ = Stage::idle;
  return outcome;
}

LoginWatch::Outcome LoginWatch::from_client(std::uint8_t byte) noexcept {
  const bool line_over = byte == '\r' || byte == '\n';
  Outcome outcome = Outcome::none;
  if (stage_ == Stage::judging) {
    if (byte == '\n' || byte == 0) return outcome;  // The second half of the line's end (RFC 854).
    if (at_shell()) {
      stage_ = Stage::idle;
      outcome = Outcome::succeeded;
    }
  }
  if (stage_ == Stage::idle || stage_ == Stage::name) {
    if (asks_password(line_end()))
      stage_ = Stage::password;
    else if (asks_name(line_end()))
      stage_ = Stage::name;
  }
  if (stage_ == Stage::name && line_over) stage_ = Stage::idle;
  if (stage_ == Stage::password && line_over) {
    stage_ = Stage::judging;
    judged_ = 0;
    size_ = 0;
  }
  return outcome;
}

LoginWatch::Outcome LoginWatch::over() noexcept {
  const bool succeeded = stage_ == Stage::judging && at_shell();
  stage_ = Stage::idle;
  return succeeded ? Outcome::succeeded : Outcome::none;
}

void LoginWatch::server_gap() noexcept {
  size_ = 0;
  escape_ = 0;
  stage_ = Stage::idle;
}

void LoginWatch::client_gap() noexcept {
  if (stage_ != Stage::judging) stage_ = Stage::idle;
}

}  // namespace tsujiban::telnet
