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
    if (by_type_[type].stale) refresh(by_type_[type]);
    if (!by_type_[type].most.covers(needs_[need])) continue;
    look_at(type, need, within_[wanted.type_list][type] ? nullptr : &may_ride, best);
  }
  return best.instance == kNoType ? std::nullopt : std::optional(best.instance);
}

void CostFleet::look_at(std::uint32_t type, std::uint32_t need, const MayRide* may_ride, Choice& best) const {
  const OfType& of_type = by_type_[type];
  const Resources& wanted = input().needs[need].need;
  for (std::size_t i = 0; i < of_type.instances.size(); ++i) {
    if (!of_type.rooms[i].covers(needs_[need])) continue;
    const std::uint32_t instance = of_type.instances[i];
    if (!(*this)[instance].capacity.accommodates(wanted)) continue;
    const Choice candidate = choice(instance, of_type, wanted);
    if (better(candidate, best) && (!may_ride || (*may_ride)(instance))) best = candidate;
  }
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
  of_type.stale = false;
  of_type.most = {};
  of_type.rooms.clear();
  std::erase_if(of_type.instances, [&](std::uint32_t i) {
    const CoarseCapacity room = units_.of((*this)[i].capacity);
    if (i == aside_ || full(i) || !room.covers(least_need_)) return true;
    of_type.most.raise_to(room);
    of_type.rooms.push_back(room);
    return false;
  });
  for (std::uint32_t at = 0; at < of_type.instances.size(); ++at) place_in_type_[of_type.instances[at]] = at;
}

void CostFleet::place(std::uint32_t instance, std::uint32_t need) {
  subtract(instance, need);
  if ((*this)[instance].ready) by_type_[(*this)[instance].type].stale = true;
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
