#include "cost_fleet.hpp"

#include <algorithm>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace berth {
namespace {

constexpr std::size_t kMostGrown = 256;

/// As in the capacity that it was made of, or INT32_MAX / 2.
std::int64_t vcpus_of(const CoarseCapacity& room) {
  return (std::int64_t{room.lanes[0]} + 1) / 2;
}

}  // namespace

CostFleet::CostFleet(const CostNeeds& classes)
    : Fleet(classes.input(), GpuMemory::per_device),
      classes_(classes),
      least_need_(classes.least()),
      empty_(input().types.size()),
      least_{std::numeric_limits<double>::infinity(), std::numeric_limits<double>::infinity()},
      shelves_(size()),
      notes_(size()),
      is_touched_(size()) {
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
  failed_at_.resize(2 * input().needs.size());
  for (const std::uint32_t i : instances) {
    shelve(i);
    note(i);
  }
}

void CostFleet::learn_needs() {
  failed_at_.resize(2 * input().needs.size());
  if (least_need_.covers(classes_.least()) && classes_.least().covers(least_need_)) return;
  least_need_ = classes_.least();
  for (std::uint32_t i = 0; i < size(); ++i)
    if (shelves_[i] == Shelf::none) shelve(i);
}

void CostFleet::withdraw(std::uint32_t instance) {
  if (instance < size()) unshelve(instance);
}

bool CostFleet::update(std::uint32_t instance) {
  if (!reload(instance)) return false;
  shelves_.resize(size());
  notes_.resize(size());
  is_touched_.resize(size());
  shelve(instance);
  note(instance);
  grew(instance);
  return true;
}

void CostFleet::begin_pass() {
  growth_before_pass_ = growth_;
}

void CostFleet::end_pass() {
  // What failed in this pass failed with what was there before it, but for the room that the placements took.
  grown_since_ = growth_before_pass_;
  grown_.clear();
  grown_most_ = {};
  aside_ = kNoType;
  for (const Touched& touched : touched_) {
    is_touched_[touched.instance] = 0;
    unshelve(touched.instance);
    restore(touched.instance, touched.before);
    shelve(touched.instance);
    note(touched.instance);
    grew(touched.instance);
  }
  touched_.clear();
}

std::optional<std::uint32_t> CostFleet::find(std::uint32_t need, const MayRide& may_ride) {
  const bool ride = static_cast<bool>(may_ride);
  std::uint64_t& failed_at = failed_at_[2 * need + ride];
  if (failed_at == growth_) return std::nullopt;
  if (failed_at >= grown_since_ && !any_grown_fits(need, ride)) {
    failed_at = growth_;
    return std::nullopt;
  }
  Choice best;
  const bool any_fits = search_used(need, may_ride, best);
  if (best.instance == kNoType) search_empty(need, best);
  if (best.instance != kNoType) return best.instance;
  if (!any_fits) failed_at = growth_;
  return std::nullopt;
}

bool CostFleet::any_grown_fits(std::uint32_t need, bool may_ride) const {
  if (!grown_most_.covers(classes_.coarse(need))) return false;
  return std::any_of(grown_.begin(), grown_.end(), [&](std::uint32_t i) {
    return shelves_[i] != Shelf::none && classes_.may_use(need, (*this)[i].type, may_ride) &&
           (*this)[i].capacity.accommodates(input().needs[need].need);
  });
}

/// By VCPUs, then RAM left, both from what is needed on, as long as what is left over can be worth less. Whether any
/// had room, even if it may not be ridden on.
bool CostFleet::search_used(std::uint32_t need, const MayRide& may_ride, Choice& best) const {
  const Resources& wanted = input().needs[need].need;
  const CoarseCapacity& coarse = classes_.coarse(need);
  const auto worse = [&](std::int64_t over, double price) {
    return best.instance != kNoType && static_cast<double>(over) * price > best.left_over;
  };
  bool any_fits = false;
  CostRooms::Cursor cursor = used_.skip(used_.from(coarse.lanes[0], coarse.lanes[1]), coarse);
  while (const CostRooms::Room* room = used_.at(cursor)) {
    const auto& [vcpus, ram, scratch, gpus] = room->left.lanes;
    const std::int64_t vcpus_over = vcpus_of(room->left) - wanted.vcpus;
    const std::int64_t ram_over = classes_.units().least_ram(room->left) - wanted.ram;
    if (worse(vcpus_over, least_.vcpu)) break;
    if (ram < coarse.lanes[1] || worse(ram_over, least_.ram)) {
      cursor = used_.skip(used_.from(ram < coarse.lanes[1] ? vcpus : vcpus + 1, coarse.lanes[1]), coarse);
      continue;
    }
    cursor = used_.skip(used_.next(cursor), coarse);
    if (!room->left.covers(coarse)) continue;
    const Prices& prices = prices_[room->type];
    if (worse(vcpus_over, prices.vcpu) || worse(ram_over, prices.ram)) continue;
    if (!(*this)[room->instance].capacity.accommodates(wanted)) continue;
    const Choice candidate{room->instance, left_over(room->type, (*this)[room->instance].capacity.left, wanted)};
    if (!better(candidate, best)) continue;
    const bool within_ceiling = classes_.may_use(need, room->type, false);
    if (!within_ceiling && !(may_ride && classes_.may_use(need, room->type, true))) continue;
    any_fits = true;
    if (within_ceiling || may_ride(room->instance)) best = candidate;
  }
  return any_fits;
}

void CostFleet::search_empty(std::uint32_t need, Choice& best) const {
  const Resources& wanted = input().needs[need].need;
  for (const std::uint32_t type : types_for(input(), need, false)) {
    const Resources& size = input().types[type].size;
    if (empty_[type].empty() || !Capacity{size, false}.accommodates(wanted)) continue;
    const double over = left_over(type, size, wanted);
    if (best.instance != kNoType && over > best.left_over) continue;
    const Choice candidate{empty_[type].back(), over};
    if (better(candidate, best)) best = candidate;
  }
}

double CostFleet::left_over(std::uint32_t type, const Resources& left, const Resources& need) const {
  return std::max({static_cast<double>(left.vcpus - need.vcpus) * prices_[type].vcpu,
                   static_cast<double>(left.ram - need.ram) * prices_[type].ram,
                   static_cast<double>(left.gpus - need.gpus) * gpu_prices_[type]});
}

bool CostFleet::better(const Choice& a, const Choice& b) const {
  if (b.instance == kNoType) return true;
  if (a.left_over != b.left_over) return a.left_over < b.left_over;
  return used_later(a.instance, b.instance);
}

bool CostFleet::used_later(std::uint32_t a, std::uint32_t b) const {
  const auto key = [&](std::uint32_t i) {
    return std::tuple(-input().instances[i].last_busy.time_since_epoch(), (*this)[i].order);
  };
  return key(a) < key(b);
}

/// Whether it may get anything.
bool CostFleet::belongs(std::uint32_t instance) const {
  const FleetInstance& on = (*this)[instance];
  return on.usable && on.ready && instance != aside_ && !full(instance) &&
         classes_.units().of(on.capacity).covers(least_need_);
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

void CostFleet::note(std::uint32_t instance) {
  const FleetInstance& on = (*this)[instance];
  notes_[instance] = 0;
  if (on.usable && !on.ready) notes_[instance] |= kBooting;
  if (on.containers == 0 && !on.gone) notes_[instance] |= kVacant;
}

void CostFleet::touch(std::uint32_t instance) {
  if (is_touched_[instance]) return;
  is_touched_[instance] = 1;
  touched_.push_back({instance, (*this)[instance]});
}

void CostFleet::grew(std::uint32_t instance) {
  ++growth_;
  if (grown_.size() == kMostGrown) {
    grown_.clear();
    grown_most_ = {};
    grown_since_ = growth_;
    return;
  }
  if (std::find(grown_.begin(), grown_.end(), instance) == grown_.end()) grown_.push_back(instance);
  if (shelves_[instance] != Shelf::none) grown_most_.raise_to(classes_.units().of((*this)[instance].capacity));
}

void CostFleet::place(std::uint32_t instance, std::uint32_t need) {
  touch(instance);
  unshelve(instance);
  subtract(instance, need);
  shelve(instance);
  note(instance);
  if ((*this)[instance].containers == 1) grew(instance);  // from now on it may be ridden on
}

void CostFleet::set_aside(std::uint32_t instance) {
  touch(instance);
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
