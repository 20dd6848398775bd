#pragma once
#include <charconv>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace tsujiban {

// Appends JSON to a buffer that somebody else owns; never allocates. Beyond the end it writes nothing more and
// `overflowed` says so; the owner then drops or shortens the record and counts it. Keys and raw text given by us are
// trusted to need no escape; everything that came from the wire or a file goes through `string`.
class JsonWriter {
 public:
  JsonWriter(char* begin, std::size_t capacity) noexcept : begin_(begin), at_(begin), end_(begin + capacity) {}

  void begin_object() noexcept { separate(), put('{'), first_ = true; }
  void end_object() noexcept { put('}'), first_ = false; }
  void begin_array() noexcept { separate(), put('['), first_ = true; }
  void end_array() noexcept { put(']'), first_ = false; }
  // `name` needs no escaping: it is a constant of ours.
  // One look at the room that is left, and inlined, so that a constant name is copied as words.
  [[gnu::always_inline]] void key(std::string_view name) noexcept {
    if (name.size() + 3 + comma() > remaining()) return cut_short();
    char* at = at_;
    *at = ',';
    at += comma();
    *at++ = '"';
    std::memcpy(at, name.data(), name.size());
    at += name.size();
    std::memcpy(at, "\":", 2);
    at_ = at + 2;
    first_ = true;
  }
  void string(std::string_view text) noexcept;         // Escapes; bytes that are not UTF-8 become U+FFFD.
  void plain_string(std::string_view text) noexcept {  // `text` is known to need no escape.
    if (text.size() + 2 + comma() > remaining()) return cut_short();
    separate_with_room();
    *at_++ = '"';
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
    *at_++ = '"';
  }
  void hex_string(Bytes bytes) noexcept;  // "000001f8"
  void number(std::uint64_t value) noexcept { integer(value); }
  void number(std::int64_t value) noexcept { integer(value); }
  void number(std::uint32_t value) noexcept { integer(value); }
  void number(std::int32_t value) noexcept { integer(value); }
  void number(double value) noexcept;  // Shortest form that reads back the same; null when not finite.
  void boolean(bool value) noexcept { separate(), raw(value ? "true" : "false"); }
  void null() noexcept { separate(), raw("null"); }
  // A value that is already JSON.
  void json(std::string_view text) noexcept { separate(), raw(text); }

  // key + value in one call.
  template <class T>
  void field(std::string_view name, T value) noexcept {
    key(name);
    if constexpr (std::is_same_v<T, bool>)
      boolean(value);
    else if constexpr (std::is_same_v<T, double>)
      number(value);
    else if constexpr (std::is_convertible_v<T, std::string_view>)
      string(value);
    else if constexpr (std::is_signed_v<T>)
      number(static_cast<std::int64_t>(value));
    else
      number(static_cast<std::uint64_t>(value));
  }

  // Appends without separator or quotes: for the owner of the record (new lines, spliced objects).
  void raw(std::string_view text) noexcept {
    if (text.size() > static_cast<std::size_t>(end_ - at_)) {
      overflowed_ = true;
      return;
    }
    std::memcpy(at_, text.data(), text.size());
    at_ += text.size();
  }
  std::string_view text() const noexcept { return {begin_, static_cast<std::size_t>(at_ - begin_)}; }
  std::size_t size() const noexcept { return static_cast<std::size_t>(at_ - begin_); }
  std::size_t remaining() const noexcept { return static_cast<std::size_t>(end_ - at_); }
  bool overflowed() const noexcept { return overflowed_; }
  // Goes back to an earlier size, for example to drop a half-written member.
  struct Mark {
    std::size_t size;
    bool first;
  };
  Mark mark() const noexcept { return {size(), first_}; }
  void rewind(Mark mark) noexcept { at_ = begin_ + mark.size, first_ = mark.first, overflowed_ = false; }

 private:
  void put(char c) noexcept {
    if (at_ == end_) {
      overflowed_ = true;
      return;
    }
    *at_++ = c;
  }
  void separate() noexcept {
    if (!first_) put(',');
    first_ = false;
  }
  void separate_with_room() noexcept {
    *at_ = ',';
    at_ += comma();
    first_ = false;
  }
  std::size_t comma() const noexcept { return first_ ? 0 : 1; }
  // A token that does not fit: nothing of it is written.
  void cut_short() noexcept { overflowed_ = true; }
  template <class T>
  void integer(T value) noexcept {
    char text[1 + 24];
    const bool fits = remaining() >= sizeof text;
    char* const begin = fits ? at_ : text;
    begin[0] = ',';
    char* const digits = begin + comma();
    char* const done = std::to_chars(digits, begin + sizeof text, value).ptr;
    first_ = false;
    if (fits)
      at_ = done;
    else
      raw({begin, static_cast<std::size_t>(done - begin)});
  }

  char* begin_;
  char* at_;
  char* end_;
  bool first_ = true;
  bool overflowed_ = false;
};

}  // namespace tsujiban
