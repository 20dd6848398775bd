// Homes that are all alike: one entry for a range of VLANs or VNIs.
#include <algorithm>
#include <charconv>

#include "config/sections.h"

namespace tsujiban::config {
namespace {

constexpr std::array<std::string_view, 3> placeholders = {"vlan", "vni", "n"};
constexpr std::size_t template_assets_max = 1000;

enum Field : std::size_t { name_field, prefix_field, erab_field, vlan_field, vni_field };

bool has_placeholder(std::string_view text, std::string_view name) {
  for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const std::string_view rest = text.substr(open + 1);
    if (rest.starts_with(name) && rest.substr(name.size()).starts_with('}')) return true;
  }
  return false;
}

}  // namespace

void InventoryReader::read_template(const Value& value, const MapReader& map, bool is_row) {
  Context& context = building_.context;
  const Value at = map.find("template");
  std::string_view name;
  if (!read_text(context, at, "template", name)) return;
  if (const std::string message = read_name(name); !message.empty()) return wrong(context, at, "template", message);
  std::array<Value, template_keys.size()> values;
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = map.find(template_keys[i]);
  bool right = true;
  for (const Value& field : values) {
    if (field && !check_placeholders(field)) right = false;
  }
  if (const Value pan = map.find("pan"); pan) {
    wrong(context, pan, "pan", "a template is made over a range of vlan or vni");
    right = false;
  }
  const Value assets = is_row ? Value{} : map.find("assets");
  auto of = std::find_if(templates_.begin(), templates_.end(), [&](const Template& t) { return t.name == name; });
  if (of == templates_.end()) {
    if (is_row) {
      std::vector<std::string_view> names;
      for (const Template& known : templates_) names.push_back(known.name);
      return wrong(context, at, "template",
                   "there is no template " + in_quotes(name) + context.suggestions.among(name, names) +
                       "; entries of segments with the key template make them");
    }
    if (!has_room(value, "template", templates_.size(), templates_max)) return;
    Template made;
    made.name = name;
    made.position = value.position();
    made.values = values;
    each_map(context, assets, "assets", [&](const Value& asset) {
      if (!check_placeholders(asset)) return;
      if (made.assets.size() == template_assets_max)
        return wrong(context, asset, "assets", "more than " + std::to_string(template_assets_max) + " in one template");
      made.assets.push_back(asset);
    });
    made.asset_told.resize(made.assets.size());
    of = templates_.insert(templates_.end(), std::move(made));
  } else {
    // What the entry does not say is as in the first; its link is its own.
    for (const std::size_t field : {name_field, prefix_field, erab_field}) {
      if (!values[field]) values[field] = of->values[field];
    }
    if (assets) {
      wrong(context, assets, "assets",
            "the assets of the template " + in_quotes(name) + " stand on " +
                context.faults.reference(of->position, value.file) + ", where it is made");
    }
    if (!values[vlan_field] && !values[vni_field])
      return wrong(context, value, "template", "vlan or vni says which homes are meant");
  }
  // Without a link it only says what the homes of others are like.
  if (right && (values[vlan_field] || values[vni_field])) make_homes(*of, values, value);
}

bool InventoryReader::read_range(const Value& value, std::string_view key, std::uint64_t low, std::uint64_t high,
                                 Range& range) {
  Context& context = building_.context;
  if (!value) return true;
  bool right = value.kind() == NodeKind::scalar || value.kind() == NodeKind::list;
  read_one_or_list(context, value, key, [&](const Value& item, std::string_view text) {
    const std::size_t dash = text.find('-');
    std::uint64_t first = 0, last = 0;
    std::string message = read_count(text.substr(0, dash), low, high, first);
    last = first;
    if (message.empty() && dash != std::string_view::npos) message = read_count(text.substr(dash + 1), low, high, last);
    if (message.empty() && first > last) message = in_quotes(text) + " runs backwards; the smaller number comes first";
    if (message.empty() && dash != std::string_view::npos && value.kind() == NodeKind::list && item.node->next != 0)
      message = "only the innermost tag is a range, and only one of vlan and vni";
    if (!message.empty()) {
      right = false;
      return wrong(context, item, key, message);
    }
    range.at = item;
    range.first = static_cast<std::uint32_t>(first);
    range.last = static_cast<std::uint32_t>(last);
    range.is_range = dash != std::string_view::npos;
    range.is_vni = key == "vni";
  });
  return right;
}

void InventoryReader::make_homes(Template& of, const std::array<Value, template_keys.size()>& values,
                                 const Value& place) {
  Context& context = building_.context;
  // The innermost tag, or the only number, of each; at most one of the two is a range.
  Range vlan, vni;
  if (!read_range(values[vni_field], "vni", 0, 0xffffff, vni)) return;
  if (!read_range(values[vlan_field], "vlan", 1, 4094, vlan)) return;
  if (vlan.is_range && vni.is_range)
    return wrong(context, vlan.at, "vlan", "only the innermost tag is a range, and only one of vlan and vni");
  const Range& range = vni.is_range ? vni : vlan.at ? vlan : vni;
  const std::uint64_t count = std::uint64_t{range.last} - range.first + 1;
  if (!values[name_field] || !values[prefix_field]) {
    return wrong(
        context, place, "template",
        "the template " + in_quotes(of.name) + " needs the key " + in_quotes(values[name_field] ? "prefix" : "name"));
  }
  const std::string_view own = vni.is_range ? "vni" : "vlan";
  const auto is_unique = [&](const Value& name) {
    if (count == 1 || !name || name.kind() != NodeKind::scalar || has_placeholder(name.text(), own) ||
        has_placeholder(name.text(), "n")) {
      return true;
    }
    wrong(context, name, "name",
          in_quotes(name.text()) + " would be the name of " + std::to_string(count) + " homes; {" + std::string(own) +
              "} or {n} in it makes it unique");
    return false;
  };
  bool unique = is_unique(values[name_field]);
  for (std::size_t i = 0; i < of.assets.size(); ++i) {
    if (of.assets[i].kind() != NodeKind::map || of.asset_told[i]) continue;
    Value key;
    of.assets[i].for_each([&](const Value& child) {
      if (!key) {
        key = child;
        return;
      }
      if (key.kind() == NodeKind::scalar && key.text() == "name" && !is_unique(child)) unique = false;
      key = Value{};
    });
  }
  if (!unique) return;
  if (building_.config.segments.size() + count > segments_max) {
    return wrong(context, range.at, own,
                 "this makes " + std::to_string(count) + " homes; at most " + std::to_string(segments_max) +
                     " segments are accepted in all");
  }
  const auto of_index = static_cast<std::uint32_t>(&of - templates_.data());
  const std::uint64_t faults_before = context.faults.count();
  for (std::uint64_t i = 0; i < count; ++i) {
    Home home;
    home.template_index = of_index;
    home.n = ++of.homes;
    home.has_vlan = static_cast<bool>(vlan.at);
    home.has_vni = static_cast<bool>(vni.at);
    home.vlan = vlan.first + static_cast<std::uint32_t>(vlan.is_range ? i : 0);
    home.vni = vni.first + static_cast<std::uint32_t>(vni.is_range ? i : 0);
    instance_.restart({});
    instance_place_ = place.position();
    std::uint32_t last = 0;
    instance_.add_child(0, last, *place.node);
    for (std::size_t field = 0; field < values.size(); ++field) {
      const Value& source = values[field];
      if (!source) continue;
      Node key = *source.node;
      key.kind = NodeKind::scalar;
      key.text_at = instance_.add_text(template_keys[field]);
      key.text_size = static_cast<std::uint32_t>(template_keys[field].size());
      instance_.add_child(0, last, key);
      copy_value(source, home, range, 0, last);
    }
    const Value instance{&instance_, &instance_.root(), place.file};
    MapReader map(context, instance, "a segment", template_keys);
    home.segment = static_cast<std::uint32_t>(building_.config.segments.size()) + 1;
    read_segment(instance, map);
    homes_.push_back(home);
    context.faults.set_muted(context.faults.count() != faults_before);
  }
  context.faults.set_muted(false);
}

void InventoryReader::read_template_assets() {
  Context& context = building_.context;
  for (const Home& home : homes_) {
    Template& of = templates_[home.template_index];
    for (std::size_t i = 0; i < of.assets.size(); ++i) {
      instance_.restart({});
      instance_place_ = of.assets[i].position();
      std::uint32_t last = 0;
      copy_value(of.assets[i], home, {}, 0, last);
      const std::uint64_t faults_before = context.faults.count();
      context.faults.set_muted(of.asset_told[i]);
      read_asset({&instance_, &instance_.root(), of.assets[i].file}, home.segment);
      context.faults.set_muted(false);
      if (context.faults.count() != faults_before) of.asset_told[i] = true;
    }
  }
}

bool InventoryReader::check_placeholders(const Value& value) {
  if (value.kind() == NodeKind::map || value.kind() == NodeKind::list) {
    bool right = true;
    value.for_each([&](const Value& child) { right &= check_placeholders(child); });
    return right;
  }
  if (value.kind() != NodeKind::scalar) return true;
  const std::string_view text = value.text();
  for (std::size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    const std::size_t close = text.find('}', open);
    const std::string_view name =
        close == std::string_view::npos ? text.substr(open + 1) : text.substr(open + 1, close - open - 1);
    if (close != std::string_view::npos &&
        std::find(placeholders.begin(), placeholders.end(), name) != placeholders.end())
      continue;
    building_.context.faults.add(
        value.position(), in_quotes(text.substr(open, close == std::string_view::npos ? close : close - open + 1)) +
                              " is no placeholder" + building_.context.suggestions.among(name, placeholders) +
                              "; accepted: {vlan}, {vni}, {n}");
    return false;
  }
  return true;
}

// The depth is that of the file's tree, at most nesting_max.
void InventoryReader::copy_value(const Value& value, const Home& home, const Range& range, std::uint32_t parent,
                                 std::uint32_t& last) {
  Node node = *value.node;
  if (value.file != instance_place_.file) {
    // A tree is of one file: what a row takes from the template's entry is told at the row.
    node.line = instance_place_.line;
    node.column = instance_place_.column;
  }
  if (value.kind() == NodeKind::scalar) {
    const bool is_range = range.is_range && value.node == range.at.node;
    const std::string text =
        is_range ? std::to_string(range.is_vni ? home.vni : home.vlan) : substituted(value, value.text(), home);
    node.text_at = instance_.add_text(text);
    node.text_size = static_cast<std::uint32_t>(text.size());
  }
  const std::uint32_t index = instance_.add_child(parent, last, node);
  std::uint32_t last_child = 0;
  if (value.kind() == NodeKind::map || value.kind() == NodeKind::list)
    value.for_each([&](const Value& child) { copy_value(child, home, range, index, last_child); });
}

std::string InventoryReader::substituted(const Value& value, std::string_view text, const Home& home) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t open = std::min(text.find('{', at), text.size());
    out += text.substr(at, open - at);
    if (open == text.size()) break;
    const std::size_t close = text.find('}', open);
    if (close == std::string_view::npos) {  // No placeholder; what the checks let through stands as it is.
      out += text.substr(open);
      break;
    }
    const std::string_view name = text.substr(open + 1, close - open - 1);
    const bool is_vlan = name == "vlan", is_vni = name == "vni";
    if ((is_vlan && !home.has_vlan) || (is_vni && !home.has_vni)) {
      building_.context.faults.add(
          value.position(), in_quotes(text.substr(open, close - open + 1)) + ": this home has no " + std::string(name));
    }
    out += std::to_string(is_vlan ? home.vlan : is_vni ? home.vni : home.n);
    at = close + 1;
  }
  return out;
}

}  // namespace tsujiban::config
