#include "cost_fleet.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace berth {
namespace {

/// As in the capacity that it was made of, or INT32_MAX / 2.
std::int64_t vcpus_of(const CoarseCapacity& room) {
  return (std::int64_t{room.lanes[0]} + 1) / 2;
}

}  // namespace

CostFleet::CostFleet(const CostNeeds& classes)
    : Fleet(classes.input(), GpuMemory::per_device),
      classes_(classes),
      empty_(input().types.size()),
      least_{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()},
      shelves_(size()) {
  const auto each = [](double price, std::int64_t amount) {
    return amount > 0 ? price / static_cast<double>(amount) : 0;
  };
  for (const PlanType& type : input().types) {
    prices_.push_back({each(type.price, type.size.vcpus), each(type.price, type.size.ram)});
    gpu_prices_.push_back(each(type.price, type.size.gpus));
    least_ = {std::min(least_.vcpu, prices_.back().vcpu), std::min(least_.ram, prices_.back().ram)};
  }
  std::vector<std::uint32_t> instances(size());
  std::iota(instances.begin(), instances.end(), 0);
  std::sort(instances.begin(), instances.end(), [&](std::uint32_t a, std::uint32_t b) { return used_later(b, a); });
  for (const std::uint32_t i : instances) shelve(i);
}

std::optional<std::uint32_t> CostFleet::find(std::uint32_t need, const MayRide& may_ride) {
  Choice best;
  search_used(need, may_ride, best);
  if (best.instance == kNoType) search_empty(need, best);
  return best.instance == kNoType ? std::nullopt : std::optional(best.instance);
}

/// By VCPUs, then RAM left, both from what is needed on, as long as what is left over can be worth less.
void CostFleet::search_used(std::uint32_t need, const MayRide& may_ride, Choice& best) const {
  const Resources& wanted = input().needs[need].need;
  const CoarseCapacity& coarse = classes_.coarse(need);
  const auto worse = [&](std::int64_t over, double price) {
    return best.instance != kNoType && static_cast<double>(over) * price > best.left_over;
  };
  CostRooms::Cursor cursor = used_.from(coarse.lanes[0], coarse.lanes[1]);
  while (const CostRooms::Room* room = used_.at(cursor)) {
    const auto& [vcpus, ram, scratch, gpus] = room->left.lanes;
    const std::int64_t vcpus_over = vcpus_of(room->left) - wanted.vcpus;
    const std::int64_t ram_over = classes_.units().least_ram(room->left) - wanted.ram;
    if (worse(vcpus_over, least_.vcpu)) return;
    if (ram < coarse.lanes[1] || worse(ram_over, least_.ram)) {
      cursor = used_.from(ram < coarse.lanes[1] ? vcpus : vcpus + 1, coarse.lanes[1]);
      continue;
    }
    cursor = used_.next(cursor);
    if (!room->left.covers(coarse)) continue;
    const Prices& prices = prices_[room->type];
    if (worse(vcpus_over, prices.vcpu) || worse(ram_over, prices.ram)) continue;
    if (!(*this)[room->instance].capacity.accommodates(wanted)) continue;
    const Choice candidate{room->instance, left_over(room->instance, wanted)};
    if (!better(candidate, best)) continue;
    if (classes_.may_use(need, room->type, false) ||
        (may_ride && classes_.may_use(need, room->type, true) && may_ride(room->instance)))
      best = candidate;
  }
}

void CostFleet::search_empty(std::uint32_t need, Choice& best) const {
  const Resources& wanted = input().needs[need].need;
  for (const std::uint32_t type : types_for(input(), need, false)) {
    const std::vector<std::uint32_t>& empty = empty_[type];
    if (empty.empty() || !(*this)[empty.back()].capacity.accommodates(wanted)) continue;
    const Choice candidate{empty.back(), left_over(empty.back(), wanted)};
    if (better(candidate, best)) best = candidate;
  }
}

double CostFleet::left_over(std::uint32_t instance, const Resources& need) const {
  const FleetInstance& on = (*this)[instance];
  const Resources& left = on.capacity.left;
  return std::max({static_cast<double>(left.vcpus - need.vcpus) * prices_[on.type].vcpu,
                   static_cast<double>(left.ram - need.ram) * prices_[on.type].ram,
                   static_cast<double>(left.gpus - need.gpus) * gpu_prices_[on.type]});
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

/// Whether it may get anything.
bool CostFleet::belongs(std::uint32_t instance) const {
  const FleetInstance& on = (*this)[instance];
  return on.usable && on.ready && instance != aside_ && !full(instance) &&
         classes_.units().of(on.capacity).covers(classes_.least());
}

void CostFleet::shelve(std::uint32_t instance) {
  if (!belongs(instance)) return;
  const FleetInstance& on = (*this)[instance];
  if (on.containers > 0) {
    shelves_[instance] = Shelf::used;
    used_.insert({classes_.units().of(on.capacity), instance, on.type});
    return;
  }
  shelves_[instance] = Shelf::empty;
  std::vector<std::uint32_t>& empty = empty_[on.type];
  empty.insert(std::upper_bound(empty.begin(), empty.end(), instance,
                                [&](std::uint32_t a, std::uint32_t b) { return used_later(b, a); }),
               instance);
}

void CostFleet::unshelve(std::uint32_t instance) {
  const FleetInstance& on = (*this)[instance];
  const Shelf from = std::exchange(shelves_[instance], Shelf::none);
  if (from == Shelf::used) used_.erase({classes_.units().of(on.capacity), instance, on.type});
  if (from != Shelf::empty) return;
  std::vector<std::uint32_t>& empty = empty_[on.type];
  empty.erase(std::find(empty.rbegin(), empty.rend(), instance).base() - 1);
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
  const std::uint32_t type = (*this)[instance].type;
  return type != kNoType && classes_.may_use(need, type, false);
}

bool CostFleet::has_room(std::uint32_t instance, std::uint32_t need) const {
  const FleetInstance& on = (*this)[instance];
  if (!on.ready || !on.usable || full(instance) || !on.capacity.accommodates(input().needs[need].need)) return false;
  return classes_.may_use(need, on.type, true);
}

}  // namespace berth
