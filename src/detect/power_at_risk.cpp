#include "detect/power_at_risk.h"

#include <algorithm>
#include <numeric>

namespace tsujiban::detect {

bool is_load_class(std::uint32_t object_class) noexcept {
  switch (object_class) {
    case 0x0287:  // Distribution board metering.
    case 0x0288:  // Smart electric energy meters.
    case 0x028a:
    case 0x028d:
    case 0x028e:
    case 0x0280:  // Watt-hour, water, gas and LP gas meters.
    case 0x0281:
    case 0x0282:
    case 0x0283:
      return false;
    default:
      break;
  }
  const std::uint32_t group = object_class >> 8;
  return group != 0x00 && group != 0x05 && group != 0x0e;  // Sensors, controllers, profiles.
}

GroupTargets::GroupTargets(const config::Config& config) {
  std::vector<std::uint32_t> order;
  for (std::uint32_t i = 0; i < config.assets.size(); ++i) {
    if (config.assets[i].object != 0 && config.assets[i].segment != 0) order.push_back(i);
  }
  const auto key = [&](std::uint32_t i) {
    return std::uint64_t{config.assets[i].segment} << 32 | object_class(config.assets[i].object);
  };
  std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
  for (const std::uint32_t i : order) {
    keys_.push_back(key(i));
    assets_.push_back(i + 1);
  }
}

std::span<const std::uint32_t> GroupTargets::of(std::uint32_t segment, std::uint32_t object_class) const noexcept {
  if (segment == 0) return {};
  const auto range = std::equal_range(keys_.begin(), keys_.end(), std::uint64_t{segment} << 32 | object_class);
  return {assets_.data() + (range.first - keys_.begin()), static_cast<std::size_t>(range.second - range.first)};
}

PowerDevices::PowerDevices(const Site& site)
    : config_(site.config),
      id_seed_(site.seed),
      groups_(*site.config),
      learned_(learned_max, site.seed),
      classes_(learned_max, site.seed) {
  for (const config::Asset& asset : config_->assets) listed_ += asset.role == Role::device;
  name_assets();
}

void PowerDevices::name_assets() {
  assets_.clear();
  assets_.reserve(config_->assets.size());
  for (const config::Asset& asset : config_->assets) {
    const Bytes name{reinterpret_cast<const std::uint8_t*>(asset.name.data()), asset.name.size()};
    assets_.push_back({hash_bytes(id_seed_, name), asset.capacity_kw, asset.object, asset.role == Role::device});
  }
}

TouchedDevice PowerDevices::device(SegmentKey segment, const IpAddress& address, std::uint32_t asset,
                                   std::uint32_t object) const noexcept {
  if (asset != 0) {
    const Listed& listed = assets_[asset - 1];
    const bool same = listed.object == 0 ||
                      (object_class(listed.object) == object_class(object) &&
                       (is_all_instances(object) || is_all_instances(listed.object) || listed.object == object));
    if (same) return {listed.id, listed.object != 0 ? listed.object : object, listed.kw, 1};
  }
  const std::uint32_t own = is_all_instances(object) ? object | 1 : object;
  return {ObjectKey{{segment, address}, own}.hash(id_seed_), own, 0, 1};
}

void PowerDevices::learn(SegmentKey segment, const IpAddress& address, std::uint32_t asset,
                         std::uint32_t object) noexcept {
  if (!is_load_class(object_class(object)) || address.is_multicast() || address.is_broadcast()) return;
  if (asset != 0 && assets_[asset - 1].device) return;
  learn(ObjectKey{{segment, address}, is_all_instances(object) ? object | 1 : object});
}

void PowerDevices::learn(const ObjectKey& key) noexcept {
  if (learned_.find(key) != 0) {
    learned_.use(key);
    return;
  }
  if (learned_.size() == learned_.capacity()) {
    const ObjectKey& old = learned_.key(learned_.first());
    const std::uint32_t index = classes_.find(WordsKey{old.host.segment.raw(), object_class(old.object)});
    if (index != 0 && --classes_.value(index) == 0) classes_.remove(index);
  }
  learned_.use(key);
  ++classes_.value(classes_.use(WordsKey{key.host.segment.raw(), object_class(key.object)}).index);
}

bool PowerDevices::take_from_budget(PacketTime now) noexcept {
  const std::int64_t second = now.ns / 1'000'000'000;
  if (second != budget_second_) {
    budget_second_ = second;
    budget_ = group_touches_per_second_max;
  }
  if (budget_ == 0) return false;
  --budget_;
  return true;
}

void PowerDevices::save(StateWriter& writer) const {
  writer.put(id_seed_.a);
  writer.put(id_seed_.b);
  writer.put(learned_.size());
  for (std::uint32_t i = learned_.first(); i != 0; i = learned_.next(i)) {
    put_host(writer, learned_.key(i).host);
    writer.put(learned_.key(i).object);
  }
}

bool PowerDevices::load(StateReader& reader, bool apply) {
  constexpr std::size_t entry_bytes = 28;
  HashSeed seed;
  seed.a = reader.get<std::uint64_t>();
  seed.b = reader.get<std::uint64_t>();
  const auto count = reader.get<std::uint32_t>();
  if (reader.failed() || count > learned_max || count > reader.left() / entry_bytes) return false;
  if (apply) {
    id_seed_ = seed;
    name_assets();
    learned_.clear();
    classes_.clear();
  }
  for (std::uint32_t i = 0; i < count; ++i) {
    ObjectKey key;
    key.host = get_host(reader);
    key.object = reader.get<std::uint32_t>();
    if (apply) learn(key);
  }
  return !reader.failed();
}

void PowerDevices::take_over(PowerDevices& from) {
  id_seed_ = from.id_seed_;
  name_assets();
  learned_.take_over(from.learned_);
  classes_.take_over(from.classes_);
  budget_second_ = from.budget_second_;
  budget_ = from.budget_;
  group_evictions_ = from.group_evictions_;
}

bool DeviceStates::keeps(std::uint32_t point) noexcept {
  switch (point) {
    case 0x80:  // Operation status.
    case 0xa0:  // PV: output limits.
    case 0xa1:
    case 0xb0:  // Mode of air conditioner and water heater.
    case 0xb3:  // Set temperature.
    case 0xcc:  // Permissions of batteries.
    case 0xcd:
    case 0xce:
    case 0xda:  // Mode of batteries and chargers.
    case 0xdf:
    case 0xeb:  // Charging and discharging power.
    case 0xec:
      return true;
    default:
      return false;
  }
}

WordsKey DeviceStates::key_of(const TouchedDevice& device, std::uint32_t point) noexcept {
  return {device.id, std::uint64_t{device.object} << 32 | point};
}

bool DeviceStates::set(const TouchedDevice& device, std::uint32_t point, std::uint32_t code) noexcept {
  if (!keeps(point)) return true;
  const auto got = states_.use(key_of(device, point));
  std::uint32_t& state = states_.value(got.index);
  const bool changed = got.added || state != code;
  state = code;
  return changed;
}

void DeviceStates::forget(const TouchedDevice& device, std::uint32_t point) noexcept {
  if (const std::uint32_t index = states_.find(key_of(device, point)); index != 0) states_.remove(index);
}

bool DeviceStates::last(const TouchedDevice& device, std::uint32_t point, std::uint32_t& code) const noexcept {
  const std::uint32_t index = states_.find(key_of(device, point));
  if (index != 0) code = states_.value(index);
  return index != 0;
}

LoadDirection DeviceStates::resolve(const TouchedDevice& device, const ControlWrite& write) const noexcept {
  if (write.direction != LoadDirection::depends) return write.direction;
  const std::uint32_t kind = object_class(device.object);
  std::uint32_t was = 0;
  if (write.point == 0xda && last(device, 0xda, was)) {
    // Standby and idle end what the battery did: 0x41 and 0x42 charge, 0x43 discharges.
    if (was == 0x41 || was == 0x42) return LoadDirection::down;
    if (was == 0x43) return LoadDirection::up;
  } else if (kind == 0x026b && write.point == 0xb0 && last(device, 0xb0, was)) {
    if (was == 0x42) return LoadDirection::down;
    if (was == 0x43) return LoadDirection::up;
  } else if (kind == 0x0130 && write.point == 0xb3 && last(device, 0xb3, was)) {
    std::uint32_t mode = 0;
    constexpr std::uint32_t cooling = 0x42, heating = 0x43;
    if (last(device, 0xb0, mode) && (mode == cooling || mode == heating) && was != write.code) {
      return (write.code > was) == (mode == heating) ? LoadDirection::up : LoadDirection::down;
    }
  }
  return LoadDirection::depends;
}

void DeviceStates::save(StateWriter& writer) const {
  writer.put(states_.size());
  for (std::uint32_t i = states_.first(); i != 0; i = states_.next(i)) {
    writer.put(states_.key(i).a);
    writer.put(states_.key(i).b);
    writer.put(states_.value(i));
  }
}

bool DeviceStates::load(StateReader& reader, bool apply) {
  constexpr std::size_t entry_bytes = 20;
  const auto count = reader.get<std::uint32_t>();
  if (reader.failed() || count > reader.left() / entry_bytes) return false;
  if (apply) states_.clear();
  for (std::uint32_t i = 0; i < count; ++i) {
    WordsKey key;
    key.a = reader.get<std::uint64_t>();
    key.b = reader.get<std::uint64_t>();
    const auto code = reader.get<std::uint32_t>();
    if (apply) states_.value(states_.use(key).index) = code;
  }
  return !reader.failed();
}

PowerAtRisk::PowerAtRisk(const Site& site, Duration window, bool latest_only)
    : window_(window),
      latest_only_(latest_only),
      touches_((static_cast<std::uint32_t>(std::min<std::size_t>(site.config->assets.size(), 1u << 21)) +
                unlisted_touches_max) *
                   (latest_only ? 1u : 3u),
               site.seed),
      segments_(latest_only ? 1 : segments_max, site.seed),
      writers_(latest_only ? 1 : writers_max, site.seed),
      dispatches_(site.config->dispatch.size()) {}

void PowerAtRisk::add(MovedPower& sum, double kw, std::uint32_t count) noexcept {
  sum.kw += kw;
  sum.devices += count;
  if (kw == 0) sum.without_capacity += count;
}

void PowerAtRisk::subtract(MovedPower& sum, double kw, std::uint32_t count) noexcept {
  sum.devices -= count;
  if (kw == 0) sum.without_capacity -= count;
  // What rounding left of a sum without devices is nothing.
  sum.kw = sum.devices == sum.without_capacity ? 0 : sum.kw - kw;
}

WordsKey PowerAtRisk::segment_key(SegmentKey link, std::uint32_t segment) noexcept {
  return segment != 0 ? WordsKey{segment, 1} : WordsKey{link.raw(), 0};
}

template <class Key>
std::uint32_t PowerAtRisk::sums_of(BoundedMap<Key, Sums>& map, const Key& key,
                                   std::array<std::uint32_t, direction_count>& active) noexcept {
  if (map.size() == map.capacity() && map.find(key) == 0) {
    const Sums& old = map.value(map.first());
    for (std::size_t d = 0; d < direction_count; ++d) active[d] -= old.by_direction[d].devices != 0;
  }
  const auto got = map.use(key);
  if (got.added) map.value(got.index).generation = ++generation_;
  return got.index;
}

void PowerAtRisk::touch(const Touch& touch, PacketTime now) noexcept {
  expire(now);
  const std::uint32_t direction = static_cast<std::uint32_t>(index_of(touch.direction));
  const std::uint64_t device = touch.device.id;
  if (latest_only_) {
    for (std::uint32_t d = 0; d < direction_count; ++d) {
      if (d != direction) drop({device, static_cast<std::uint32_t>(Part::all), d});
    }
    hold({device, static_cast<std::uint32_t>(Part::all), direction}, touch.device, 0, 0, now);
    return;
  }
  const std::uint32_t segment = sums_of(segments_, segment_key(touch.link, touch.segment), segment_count_);
  hold({device, static_cast<std::uint32_t>(Part::all), direction}, touch.device, segment,
       segments_.value(segment).generation, now);
  const Part part = touch.dispatch != 0 ? Part::covered : Part::uncovered;
  hold({device, static_cast<std::uint32_t>(part), direction}, touch.device, touch.dispatch, 0, now);
  const std::uint32_t writer = sums_of(writers_, touch.writer, writer_count_);
  hold({device, writer_bit | writer, direction}, touch.device, writer, writers_.value(writer).generation, now);
}

void PowerAtRisk::undo(const Touch& touch) noexcept {
  const std::uint32_t direction = static_cast<std::uint32_t>(index_of(touch.direction));
  for (const Part part : {Part::all, Part::uncovered, Part::covered}) {
    drop({touch.device.id, static_cast<std::uint32_t>(part), direction});
  }
  if (const std::uint32_t writer = writers_.find(touch.writer); writer != 0) {
    drop({touch.device.id, writer_bit | writer, direction});
  }
}

void PowerAtRisk::expire(PacketTime now) noexcept {
  for (std::uint32_t i = touches_.first(); i != 0 && now - touches_.value(i).time > window_; i = touches_.first()) {
    release(i);
  }
}

void PowerAtRisk::hold(const TouchKey& key, const TouchedDevice& device, std::uint32_t sum_index,
                       std::uint32_t generation, PacketTime now) noexcept {
  // What is held may have come to stand for another number of devices, or under another schedule.
  drop(key);
  if (touches_.size() == touches_.capacity()) {
    release(touches_.first());
    ++evictions_;
  }
  touches_.value(touches_.use(key).index) = {now, device.kw, device.count, sum_index, generation};
  if ((key.group & writer_bit) != 0) {
    MovedPower& sum = writers_.value(sum_index).by_direction[key.direction];
    if (sum.devices == 0) ++writer_count_[key.direction];
    add(sum, device.kw, device.count);
    return;
  }
  add(site_[key.group][key.direction], device.kw, device.count);
  if (key.group == static_cast<std::uint32_t>(Part::all) && sum_index != 0) {
    MovedPower& sum = segments_.value(sum_index).by_direction[key.direction];
    if (sum.devices == 0) ++segment_count_[key.direction];
    add(sum, device.kw, device.count);
  }
  if (key.group == static_cast<std::uint32_t>(Part::covered) && sum_index - 1 < dispatches_.size()) {
    add(dispatches_[sum_index - 1][key.direction], device.kw, device.count);
  }
}

void PowerAtRisk::release(std::uint32_t index) noexcept {
  const TouchKey key = touches_.key(index);
  const Held held = touches_.value(index);
  touches_.remove(index);
  if ((key.group & writer_bit) != 0) {
    if (writers_.value(held.sum_index).generation != held.sum_generation) return;
    MovedPower& sum = writers_.value(held.sum_index).by_direction[key.direction];
    subtract(sum, held.kw, held.count);
    if (sum.devices == 0) --writer_count_[key.direction];
    return;
  }
  subtract(site_[key.group][key.direction], held.kw, held.count);
  if (key.group == static_cast<std::uint32_t>(Part::all) && held.sum_index != 0 &&
      segments_.value(held.sum_index).generation == held.sum_generation) {
    MovedPower& sum = segments_.value(held.sum_index).by_direction[key.direction];
    subtract(sum, held.kw, held.count);
    if (sum.devices == 0) --segment_count_[key.direction];
  }
  if (key.group == static_cast<std::uint32_t>(Part::covered) && held.sum_index - 1 < dispatches_.size()) {
    subtract(dispatches_[held.sum_index - 1][key.direction], held.kw, held.count);
  }
}

void PowerAtRisk::drop(const TouchKey& key) noexcept {
  if (const std::uint32_t index = touches_.find(key); index != 0) release(index);
}

void PowerAtRisk::take_over(PowerAtRisk& from, const Renumbered& numbers) {
  // A smaller inventory has less room; what leaves has to leave the sums as well.
  while (from.touches_.size() > touches_.capacity()) from.release(from.touches_.first());
  touches_.take_over(from.touches_);
  site_ = from.site_;
  writers_.take_over(from.writers_);
  writer_count_ = from.writer_count_;
  generation_ = from.generation_;
  evictions_ = from.evictions_;
  // Segments stand under their numbers, so they are put in anew. A segment that is gone keeps its sum until its last
  // touch leaves; under a number that nobody asks for.
  constexpr std::uint64_t gone = 2;
  std::vector<std::uint32_t> moved(std::size_t{from.segments_.capacity()} + 1, 0);
  segment_count_ = from.segment_count_;
  for (std::uint32_t i = from.segments_.first(); i != 0; i = from.segments_.next(i)) {
    WordsKey key = from.segments_.key(i);
    if (key.b == 1) {
      const std::uint32_t now = numbers.segment(static_cast<std::uint32_t>(key.a));
      key = now != 0 ? WordsKey{now, 1} : WordsKey{key.a, gone};
    }
    // One that is gone since an earlier reload stays as it is; two of them under one number are one sum.
    const auto got = segments_.use(key);
    Sums& sums = segments_.value(got.index);
    const Sums& old = from.segments_.value(i);
    if (got.added) {
      sums = old;
    } else {
      for (std::size_t d = 0; d < direction_count; ++d) {
        MovedPower& sum = sums.by_direction[d];
        if (sum.devices != 0 && old.by_direction[d].devices != 0) --segment_count_[d];
        sum.kw += old.by_direction[d].kw;
        sum.devices += old.by_direction[d].devices;
        sum.without_capacity += old.by_direction[d].without_capacity;
      }
    }
    moved[i] = got.index;
  }
  for (std::size_t i = 0; i < from.dispatches_.size(); ++i) {
    const std::uint32_t now = numbers.dispatch(static_cast<std::uint32_t>(i) + 1);
    if (now == 0) continue;
    for (std::size_t d = 0; d < direction_count; ++d) {
      MovedPower& sum = dispatches_[now - 1][d];
      sum.kw += from.dispatches_[i][d].kw;
      sum.devices += from.dispatches_[i][d].devices;
      sum.without_capacity += from.dispatches_[i][d].without_capacity;
    }
  }
  for (std::uint32_t i = touches_.first(); i != 0; i = touches_.next(i)) {
    Held& held = touches_.value(i);
    const std::uint32_t group = touches_.key(i).group;
    if (group == static_cast<std::uint32_t>(Part::covered)) {
      held.sum_index = numbers.dispatch(held.sum_index);
    } else if (group == static_cast<std::uint32_t>(Part::all) && held.sum_index != 0) {
      held.sum_index = moved[held.sum_index];
      if (held.sum_index != 0) held.sum_generation = segments_.value(held.sum_index).generation;
    }
  }
}

const MovedPower& PowerAtRisk::site(LoadDirection direction, Part part) const noexcept {
  return site_[static_cast<std::size_t>(part)][index_of(direction)];
}

MovedPower PowerAtRisk::segment(SegmentKey link, std::uint32_t segment, LoadDirection direction) const noexcept {
  const std::uint32_t index = segments_.find(segment_key(link, segment));
  return index == 0 ? MovedPower{} : segments_.value(index).by_direction[index_of(direction)];
}

MovedPower PowerAtRisk::writer(const HostKey& writer, LoadDirection direction) const noexcept {
  const std::uint32_t index = writers_.find(writer);
  return index == 0 ? MovedPower{} : writers_.value(index).by_direction[index_of(direction)];
}

MovedPower PowerAtRisk::dispatch(std::uint32_t index, LoadDirection direction) const noexcept {
  return index - 1 < dispatches_.size() ? dispatches_[index - 1][index_of(direction)] : MovedPower{};
}

bool PowerAtRisk::has_covered(const TouchedDevice& device, LoadDirection direction) const noexcept {
  return touches_.find({device.id, static_cast<std::uint32_t>(Part::covered),
                        static_cast<std::uint32_t>(index_of(direction))}) != 0;
}

}  // namespace tsujiban::detect
