#include "cost_fleet.hpp"

#include <algorithm>
#include <bit>
#include <tuple>
#include <utility>

#include "cost_waiting.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMostVcpuBits = 63;

std::int64_t vcpu_bit(std::int64_t vcpus) {
  return std::clamp<std::int64_t>(vcpus, 0, kMostVcpuBits);
}
/// As in the capacity that it was made of, or INT32_MAX / 2.
std::int64_t vcpus_of(const CoarseCapacity& room) {
  return (std::int64_t{room.lanes[0]} + 1) / 2;
}
std::uint64_t vcpu_mask(const CoarseCapacity& room) {
  return std::uint64_t{1} << vcpu_bit(vcpus_of(room));
}

}  // namespace

CostFleet::CostFleet(const PlanInput& input)
    : Fleet(input, GpuMemory::per_device),
      units_(input.types),
      least_need_{{INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}},
      by_type_(input.types.size()),
      summaries_(input.types.size()),
      shelves_(size()),
      seen_(input.types.size()) {
  needs_.reserve(input.needs.size());
  for (const NeedClass& need : input.needs) {
    needs_.push_back(units_.of(need.need));
    least_need_.lower_to(needs_.back());
  }
  const auto each = [](double price, std::int64_t amount) {
    return amount > 0 ? price / static_cast<double>(amount) : 0;
  };
  for (std::uint32_t t = 0; t < input.types.size(); ++t) {
    const PlanType& type = input.types[t];
    summaries_[t].vcpu_price = each(type.price, type.size.vcpus);
    by_type_[t].ram_price = each(type.price, type.size.ram);
    by_type_[t].gpu_price = each(type.price, type.size.gpus);
  }
  for (std::uint32_t i = 0; i < size(); ++i)
    if (belongs(i)) add(i);
  for (OfType& of_type : by_type_) {
    std::sort(of_type.used.begin(), of_type.used.end(), before);
    std::sort(of_type.empty.begin(), of_type.empty.end(),
              [&](std::uint32_t a, std::uint32_t b) { return used_later(b, a); });
  }
}

std::optional<std::uint32_t> CostFleet::find(std::uint32_t need, const MayRide& may_ride) {
  Choice best;
  const auto& within_ceiling = types_for(input(), need, false);
  ++search_;
  for (const std::uint32_t type : within_ceiling) {
    seen_[type] = search_;
    look_at(type, need, nullptr, best);
  }
  if (may_ride)
    for (const std::uint32_t type : types_for(input(), need, true))
      if (seen_[type] != search_) look_at(type, need, &may_ride, best);
  if (best.instance == kNoType)
    for (const std::uint32_t type : within_ceiling) look_at_empty(type, need, best);
  return best.instance == kNoType ? std::nullopt : std::optional(best.instance);
}

void CostFleet::look_at(std::uint32_t type, std::uint32_t need, const MayRide* may_ride, Choice& best) const {
  const Summary& summary = summaries_[type];
  const CoarseCapacity& coarse = needs_[need];
  if (!summary.most.covers(coarse)) return;
  const OfType& of_type = by_type_[type];
  const Resources& wanted = input().needs[need].need;
  const auto worse = [&](std::int64_t over, double price) {
    return best.instance != kNoType && static_cast<double>(over) * price > best.left_over;
  };
  const std::uint64_t enough = summary.vcpus >> vcpu_bit(wanted.vcpus);
  if (enough == 0 || worse(std::countr_zero(enough), summary.vcpu_price)) return;
  const auto end = of_type.used.end();
  auto room = std::lower_bound(of_type.used.begin(), end, CoarseCapacity{{coarse.lanes[0], -1, -1, -1}}, smaller);
  while (room != end && !worse(vcpus_of(room->left) - wanted.vcpus, summary.vcpu_price)) {
    const std::int32_t vcpus = room->left.lanes[0];
    room = std::lower_bound(room, end, CoarseCapacity{{vcpus, coarse.lanes[1], -1, -1}}, smaller);
    for (; room != end && room->left.lanes[0] == vcpus; ++room) {
      if (worse(units_.least_ram(room->left) - wanted.ram, of_type.ram_price)) break;
      if (!room->left.covers(coarse) || !(*this)[room->instance].capacity.accommodates(wanted)) continue;
      const Choice candidate{room->instance, left_over(room->instance, wanted)};
      if (better(candidate, best) && (!may_ride || (*may_ride)(room->instance))) best = candidate;
    }
    room = std::lower_bound(room, end, CoarseCapacity{{vcpus + 1, -1, -1, -1}}, smaller);
  }
}

void CostFleet::look_at_empty(std::uint32_t type, std::uint32_t need, Choice& best) const {
  const std::vector<std::uint32_t>& empty = by_type_[type].empty;
  if (empty.empty()) return;
  const Resources& wanted = input().needs[need].need;
  if (!(*this)[empty.back()].capacity.accommodates(wanted)) return;
  const Choice candidate{empty.back(), left_over(empty.back(), wanted)};
  if (better(candidate, best)) best = candidate;
}

double CostFleet::left_over(std::uint32_t instance, const Resources& need) const {
  const FleetInstance& on = (*this)[instance];
  const Resources& left = on.capacity.left;
  return std::max({static_cast<double>(left.vcpus - need.vcpus) * summaries_[on.type].vcpu_price,
                   static_cast<double>(left.ram - need.ram) * by_type_[on.type].ram_price,
                   static_cast<double>(left.gpus - need.gpus) * by_type_[on.type].gpu_price});
}

bool CostFleet::better(const Choice& a, const Choice& b) const {
  if (b.instance == kNoType) return true;
  if (a.left_over != b.left_over) return a.left_over < b.left_over;
  return used_later(a.instance, b.instance);
}

bool CostFleet::used_later(std::uint32_t a, std::uint32_t b) const {
  const auto key = [&](std::uint32_t i) { return std::tuple(input().instances[i].idle, (*this)[i].order); };
  return key(a) < key(b);
}

bool CostFleet::before(const Room& a, const Room& b) {
  return std::tuple(a.left.lanes[0], a.left.lanes[1], a.instance) <
         std::tuple(b.left.lanes[0], b.left.lanes[1], b.instance);
}
bool CostFleet::smaller(const Room& a, const CoarseCapacity& b) {
  return std::pair(a.left.lanes[0], a.left.lanes[1]) < std::pair(b.lanes[0], b.lanes[1]);
}

/// Whether it may get anything.
bool CostFleet::belongs(std::uint32_t instance) const {
  const FleetInstance& on = (*this)[instance];
  return on.usable && on.ready && instance != aside_ && !full(instance) && units_.of(on.capacity).covers(least_need_);
}

/// As the last of its type.
void CostFleet::add(std::uint32_t instance) {
  const FleetInstance& on = (*this)[instance];
  OfType& of_type = by_type_[on.type];
  if (on.containers == 0) {
    shelves_[instance] = Shelf::empty;
    of_type.empty.push_back(instance);
    return;
  }
  shelves_[instance] = Shelf::used;
  of_type.used.push_back({units_.of(on.capacity), instance});
  summaries_[on.type].most.raise_to(of_type.used.back().left);
  summaries_[on.type].vcpus |= vcpu_mask(of_type.used.back().left);
}

void CostFleet::shelve(std::uint32_t instance) {
  if (!belongs(instance)) return;
  add(instance);
  OfType& of_type = by_type_[(*this)[instance].type];
  const auto move_last = [](auto& list, auto before) {
    std::rotate(std::upper_bound(list.begin(), list.end() - 1, list.back(), before), list.end() - 1, list.end());
  };
  if (shelves_[instance] == Shelf::used)
    move_last(of_type.used, before);
  else
    move_last(of_type.empty, [&](std::uint32_t a, std::uint32_t b) { return used_later(b, a); });
}

void CostFleet::unshelve(std::uint32_t instance) {
  const Shelf from = std::exchange(shelves_[instance], Shelf::none);
  if (from == Shelf::none) return;
  const FleetInstance& on = (*this)[instance];
  OfType& of_type = by_type_[on.type];
  if (from == Shelf::empty) {
    of_type.empty.erase(std::find(of_type.empty.rbegin(), of_type.empty.rend(), instance).base() - 1);
    return;
  }
  const CoarseCapacity room = units_.of(on.capacity);
  const auto place =
      of_type.used.erase(std::lower_bound(of_type.used.begin(), of_type.used.end(), Room{room, instance}, before));
  const std::uint64_t mask = vcpu_mask(room);
  const bool one_before = place != of_type.used.begin() && vcpu_mask(place[-1].left) == mask;
  const bool one_after = place != of_type.used.end() && vcpu_mask(place->left) == mask;
  Summary& summary = summaries_[on.type];
  if (!one_before && !one_after) summary.vcpus &= ~mask;
  const auto had_most = [&](int lane) { return room.lanes[lane] == summary.most.lanes[lane]; };
  if (!had_most(0) && !had_most(1) && !had_most(2) && !had_most(3)) return;
  summary.most = {};
  for (const Room& other : of_type.used) summary.most.raise_to(other.left);
}

void CostFleet::place(std::uint32_t instance, std::uint32_t need) {
  unshelve(instance);
  subtract(instance, need);
  shelve(instance);
}

void CostFleet::create(std::uint32_t type, std::uint32_t need) {
  const std::uint32_t created = add_pending(type);
  shelves_.push_back(Shelf::none);
  place(created, need);
}

void CostFleet::set_aside(std::uint32_t instance) {
  unshelve(instance);
  aside_ = instance;
}

bool CostFleet::within_ceiling(std::uint32_t instance, std::uint32_t need) const {
  const auto& types = types_for(input(), need, false);
  return std::find(types.begin(), types.end(), (*this)[instance].type) != types.end();
}

bool CostFleet::has_room(std::uint32_t instance, std::uint32_t need) const {
  const FleetInstance& on = (*this)[instance];
  if (!on.ready || !on.usable || full(instance) || !on.capacity.accommodates(input().needs[need].need)) return false;
  const auto& types = types_for(input(), need, true);
  return std::find(types.begin(), types.end(), on.type) != types.end();
}

}  // namespace berth
