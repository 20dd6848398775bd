#include "config/reader.h"

#include "base/check.h"

namespace tsujiban::config {
namespace {

std::string_view kind_text(NodeKind kind) noexcept {
  switch (kind) {
    case NodeKind::null:
      return "nothing";
    case NodeKind::scalar:
      return "a single value";
    case NodeKind::list:
      return "a list";
    default:
      return "a map";
  }
}

}  // namespace

void wrong(Context& context, const Value& value, std::string_view key, const std::string& message) {
  context.faults.add(value.position(), std::string(key) + ": " + message);
}

bool read_text(Context& context, const Value& value, std::string_view key, std::string_view& text) {
  if (value.kind() == NodeKind::scalar) {
    text = value.text();
    return true;
  }
  if (value.kind() != NodeKind::refused) {
    wrong(context, value, key, "here is " + std::string(kind_text(value.kind())) + "; a single value is accepted");
  }
  return false;
}

MapReader::MapReader(Context& context, const Value& map, std::string_view what, std::span<const std::string_view> keys)
    : context_(context), map_(map), what_(what), keys_(keys) {
  TSUJIBAN_CHECK(keys.size() <= keys_max);
  if (map.kind() != NodeKind::map) {
    if (map.kind() != NodeKind::refused) {
      context.faults.add(map.position(), "here is " + std::string(kind_text(map.kind())) + "; " + std::string(what) +
                                             " is a map with the keys " + listed(keys));
    }
    return;
  }
  is_map_ = true;
  Value key;
  map.for_each([&](const Value& child) {
    if (!key) {
      key = child;
      return;
    }
    const Value name = std::exchange(key, Value{});
    if (name.kind() == NodeKind::refused) return;
    if (name.kind() != NodeKind::scalar) {
      context.faults.add(name.position(), "a key of " + std::string(what) + " is no word; accepted: " + listed(keys));
      return;
    }
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] != name.text()) continue;
      if (values_[i]) {
        context.faults.add(name.position(), "the key " + in_quotes(name.text()) + " is here twice; the first is on " +
                                                context.faults.reference(values_[i].position(), name.file));
      } else {
        values_[i] = child;
      }
      return;
    }
    context.faults.add(name.position(), "unknown key " + in_quotes(name.text()) + " in " + std::string(what) +
                                            context.suggestions.among(name.text(), keys) +
                                            "; accepted: " + listed(keys));
  });
}

Value MapReader::find(std::string_view key) const noexcept {
  for (std::size_t i = 0; i < keys_.size(); ++i) {
    if (keys_[i] == key) return values_[i];
  }
  return {};
}

Value MapReader::need(std::string_view key) {
  const Value value = find(key);
  if (!value && is_map_) context_.faults.add(map_.position(), std::string(what_) + " needs the key " + in_quotes(key));
  return value;
}

}  // namespace tsujiban::config
