#include "cost_fleet.hpp"

#include <algorithm>
#include <tuple>

#include "cost_waiting.hpp"

namespace berth {

CostFleet::CostFleet(const PlanInput& input)
    : Fleet(input, GpuMemory::per_device),
      units_(input.types),
      least_need_{{INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}},
      by_type_(input.types.size()),
      place_in_type_(size()) {
  needs_.reserve(input.needs.size());
  for (const NeedClass& need : input.needs) {
    needs_.push_back(units_.of(need.need));
    least_need_.lower_to(needs_.back());
  }
  within_.reserve(input.type_lists.size());
  for (const auto& list : input.type_lists) {
    within_.emplace_back(input.types.size());
    for (const std::uint32_t type : list) within_.back()[type] = 1;
  }
  const auto each = [](double price, std::int64_t amount) {
    return amount > 0 ? price / static_cast<double>(amount) : 0;
  };
  for (std::uint32_t t = 0; t < input.types.size(); ++t) {
    const PlanType& type = input.types[t];
    by_type_[t].vcpu_price = each(type.price, type.size.vcpus);
    by_type_[t].ram_price = each(type.price, type.size.ram);
    by_type_[t].gpu_price = each(type.price, type.size.gpus);
    by_type_[t].stale = true;
  }
  for (std::uint32_t i = 0; i < size(); ++i)
    if ((*this)[i].usable && (*this)[i].ready) by_type_[(*this)[i].type].instances.push_back(i);
}

std::optional<std::uint32_t> CostFleet::find(std::uint32_t need, const MayRide& may_ride) {
  Choice best;
  const NeedClass& wanted = input().needs[need];
  for (const std::uint32_t type : types_for(input(), need, static_cast<bool>(may_ride))) {
    OfType& of_type = by_type_[type];
    if (of_type.stale) refresh(of_type);
    if (!of_type.most.covers(needs_[need])) continue;
    const std::uint32_t before = best.instance;
    look_at(of_type, need, within_[wanted.type_list][type] ? nullptr : &may_ride, best);
    if (best.instance == before && of_type.loose) of_type.stale = true;  // it may be known at a glance next time
  }
  return best.instance == kNoType ? std::nullopt : std::optional(best.instance);
}

void CostFleet::look_at(OfType& of_type, std::uint32_t need, const MayRide* may_ride, Choice& best) const {
  const Resources& wanted = input().needs[need].need;
  for (std::size_t i = 0; i < of_type.used.size(); ++i) {
    if (!of_type.rooms[i].covers(needs_[need])) continue;
    const std::uint32_t instance = of_type.used[i];
    if (!(*this)[instance].capacity.accommodates(wanted)) continue;
    const Choice candidate = choice(instance, of_type, wanted);
    if (better(candidate, best) && (!may_ride || (*may_ride)(instance))) best = candidate;
  }
  if (may_ride || (best.instance != kNoType && !best.empty)) return;
  std::size_t& first = of_type.first_empty;
  while (first < of_type.empty.size() && (*this)[of_type.empty[first]].containers > 0) ++first;
  if (first == of_type.empty.size() || !(*this)[of_type.empty[first]].capacity.accommodates(wanted)) return;
  const Choice candidate = choice(of_type.empty[first], of_type, wanted);
  if (better(candidate, best)) best = candidate;
}

CostFleet::Choice CostFleet::choice(std::uint32_t instance, const OfType& of_type, const Resources& need) const {
  const FleetInstance& on = (*this)[instance];
  const Resources& left = on.capacity.left;
  Choice made;
  made.instance = instance;
  made.empty = on.containers == 0;
  made.left_over = std::max({static_cast<double>(left.vcpus - need.vcpus) * of_type.vcpu_price,
                             static_cast<double>(left.ram - need.ram) * of_type.ram_price,
                             static_cast<double>(left.gpus - need.gpus) * of_type.gpu_price});
  made.idle = input().instances[instance].idle;
  return made;
}

bool CostFleet::better(const Choice& a, const Choice& b) const {
  if (b.instance == kNoType) return true;
  if (a.empty != b.empty) return b.empty;
  if (a.left_over != b.left_over) return a.left_over < b.left_over;
  if (a.idle != b.idle) return a.idle < b.idle;
  return (*this)[a.instance].order < (*this)[b.instance].order;
}

void CostFleet::refresh(OfType& of_type) {
  of_type.stale = of_type.loose = false;
  of_type.most = {};
  of_type.rooms.clear();
  of_type.used.clear();
  of_type.empty.clear();
  of_type.first_empty = 0;
  std::erase_if(of_type.instances, [&](std::uint32_t i) {
    const CoarseCapacity room = units_.of((*this)[i].capacity);
    if (i == aside_ || full(i) || !room.covers(least_need_)) return true;
    of_type.most.raise_to(room);
    if ((*this)[i].containers == 0) {
      of_type.empty.push_back(i);
      return false;
    }
    place_in_type_[i] = static_cast<std::uint32_t>(of_type.used.size());
    of_type.used.push_back(i);
    of_type.rooms.push_back(room);
    return false;
  });
  const auto key = [&](std::uint32_t i) { return std::tuple(input().instances[i].idle, (*this)[i].order); };
  std::sort(of_type.empty.begin(), of_type.empty.end(),
            [&](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
}

void CostFleet::place(std::uint32_t instance, std::uint32_t need) {
  const bool was_empty = (*this)[instance].containers == 0;
  subtract(instance, need);
  if (!(*this)[instance].ready) return;
  OfType& of_type = by_type_[(*this)[instance].type];
  if (of_type.stale || instance == aside_) return;
  of_type.loose = true;
  const CoarseCapacity room = units_.of((*this)[instance].capacity);
  if (was_empty) {
    place_in_type_[instance] = static_cast<std::uint32_t>(of_type.used.size());
    of_type.used.push_back(instance);
    of_type.rooms.push_back(room);
  }
  const std::uint32_t at = place_in_type_[instance];
  if (at >= of_type.used.size() || of_type.used[at] != instance) return;  // find() passes over it already
  of_type.rooms[at] = room;
  if (!full(instance) && room.covers(least_need_)) return;
  of_type.used[at] = of_type.used.back();
  of_type.rooms[at] = of_type.rooms.back();
  place_in_type_[of_type.used[at]] = at;
  of_type.used.pop_back();
  of_type.rooms.pop_back();
}

void CostFleet::create(std::uint32_t type, std::uint32_t need) {
  place(add_pending(type), need);
}

void CostFleet::set_aside(std::uint32_t instance) {
  aside_ = instance;
  if ((*this)[instance].type != kNoType) by_type_[(*this)[instance].type].stale = true;
}

bool CostFleet::within_ceiling(std::uint32_t instance, std::uint32_t need) const {
  const std::uint32_t type = (*this)[instance].type;
  return type != kNoType && within_[input().needs[need].type_list][type];
}

bool CostFleet::has_room(std::uint32_t instance, std::uint32_t need) const {
  const FleetInstance& on = (*this)[instance];
  if (!on.ready || !on.usable || full(instance) || !on.capacity.accommodates(input().needs[need].need)) return false;
  const auto& types = types_for(input(), need, true);
  return std::find(types.begin(), types.end(), on.type) != types.end();
}

}  // namespace berth
