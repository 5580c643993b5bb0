#include "cost_fleet.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <tuple>
#include <utility>

namespace berth {
namespace {

constexpr std::size_t kMostGrown = 256;
constexpr std::size_t kMostFits = 64;
constexpr std::size_t kMostChanges = 64;  // so many are looked at sooner than is searched anew
constexpr double kUnlimited = std::numeric_limits<double>::infinity();

/// Lists for so many classes, besides the last kind of each: several kinds where there are few, one where there are
/// many.
std::size_t least_refused(std::size_t needs) {
  return std::bit_ceil(needs / 4 + 1024);
}

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
      shelves_(size()),
      notes_(size()),
      is_touched_(size()) {
  const auto each = [](double price, std::int64_t amount) {
    return amount > 0 ? price / static_cast<double>(amount) : 0;
  };
  for (const PlanType& type : input().types) {
    prices_.push_back({each(type.price, type.size.vcpus), each(type.price, type.size.ram)});
    gpu_prices_.push_back(each(type.price, type.size.gpus));
    shape_of_.push_back(find_shape(type));
    Prices& least = shapes_[shape_of_.back()].least;
    least = {std::min(least.vcpu, prices_.back().vcpu), std::min(least.ram, prices_.back().ram)};
  }
  std::vector<std::uint32_t> instances(size());
  std::iota(instances.begin(), instances.end(), 0);
  const auto used =
      std::partition(instances.begin(), instances.end(), [&](auto i) { return (*this)[i].containers == 0; });
  std::sort(instances.begin(), used, [&](std::uint32_t a, std::uint32_t b) { return used_later(b, a); });
  for (auto& failed_at : failed_at_) failed_at.resize(input().needs.size());
  last_refused_.resize(input().needs.size());
  for (const std::uint32_t i : instances) {
    shelve(i);
    note(i);
  }
}

/// To within a quarter.
std::uint32_t CostFleet::find_shape(const PlanType& type) {
  const double ram_per_vcpu = static_cast<double>(std::max<std::int64_t>(type.size.ram, 1)) /
                              static_cast<double>(std::max<std::int64_t>(type.size.vcpus, 1));
  const auto octave_thirds = static_cast<int>(std::lround(3 * std::log2(ram_per_vcpu)));
  const auto same = [&](const Shape& shape) { return shape.ram_per_vcpu == octave_thirds; };
  const auto known = std::find_if(shapes_.begin(), shapes_.end(), same);
  if (known != shapes_.end()) return static_cast<std::uint32_t>(known - shapes_.begin());
  shapes_.push_back({octave_thirds, {kUnlimited, kUnlimited}, {}});
  return static_cast<std::uint32_t>(shapes_.size() - 1);
}

void CostFleet::learn_needs() {
  for (auto& failed_at : failed_at_) failed_at.resize(input().needs.size());
  last_refused_.resize(input().needs.size());
  if (refused_.size() < least_refused(input().needs.size())) forget_refused();
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

void CostFleet::forget_refused() {
  refused_.assign(least_refused(input().needs.size()), {});
  last_refused_.assign(input().needs.size(), {});
}

void CostFleet::begin_pass() {
  growth_before_pass_ = growth_;
}

void CostFleet::end_pass() {
  // What failed in this pass failed with what was there before it, but for the room that the placements took.
  grown_since_ = growth_before_pass_;
  grown_ = {};
  changed_ = {};
  aside_ = kNoType;
  best_fits_.clear();
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

/// Who found nothing before can find something only on what has come or got room since; who was refused a ride, also on
/// what was changed in this pass.
std::optional<std::uint32_t> CostFleet::find(std::uint32_t need, const MayRide& may_ride, std::uint32_t kind) {
  const bool ride = static_cast<bool>(may_ride);
  if (has_failed(need, ride)) return std::nullopt;
  const bool failed = failed_at_[ride][need] >= grown_since_;
  const bool refused = !failed && ride && was_refused(need, kind);
  Found found;
  if (refused) {
    found.room = Room::refused;
    search_these(changed_.instances, need, may_ride, found);
  }
  if (failed || refused)
    search_these(grown_.instances, need, may_ride, found);
  else
    found = search_all(need, may_ride, kind);
  if (found.best.instance != kNoType) return found.best.instance;
  if (found.room == Room::none) failed_at_[ride][need] = growth_;
  if (found.room == Room::refused) refuse(need, kind);
  return std::nullopt;
}

/// The best fits are kept, for a class that comes again.
CostFleet::Found CostFleet::search_all(std::uint32_t need, const MayRide& may_ride, std::uint32_t kind) {
  const std::uint64_t asked = std::uint64_t{need} << 32 | (may_ride ? kind : kNoType);
  const auto known = best_fits_.find(asked);
  BestFits fits;
  if (known != best_fits_.end() && catch_up(need, may_ride, known->second)) {
    if (!known->second.choices.empty()) return {known->second.choices.back()};
    fits.most = std::min(2 * known->second.most, kMostFits);
  }
  fits.changes = changed_.instances.size();
  Found found;
  found.room = search_used(need, may_ride, fits);
  if (fits.choices.empty()) {
    search_empty(need, found.best);
  } else {
    found.best = fits.choices.back();
    best_fits_.insert_or_assign(asked, std::move(fits));
  }
  return found;
}

/// Adds the best of these to what was found; who may ride is asked only of what would be that.
void CostFleet::search_these(const std::vector<std::uint32_t>& instances, std::uint32_t need, const MayRide& may_ride,
                             Found& found) const {
  const Resources& wanted = input().needs[need].need;
  const auto is_best = [&](const Choice& choice) {
    if (found.best.instance == kNoType) return true;
    const Shelf on = shelves_[choice.instance], before = shelves_[found.best.instance];
    return on == before ? better(choice, found.best) : on == Shelf::used;
  };
  for (const std::uint32_t i : instances) {
    const FleetInstance& on = (*this)[i];
    if (shelves_[i] == Shelf::none || !on.capacity.accommodates(wanted)) continue;
    const bool within = within_ceiling(i, need);
    if (!within && !(may_ride && shelves_[i] == Shelf::used && classes_.may_use(need, on.type, true))) continue;
    const Choice choice{i, left_over(on.type, on.capacity.left, wanted)};
    if (!is_best(choice)) continue;
    const RideAnswer may = within ? RideAnswer::yes : may_ride(i);
    found.room = std::max(found.room, may == RideAnswer::no ? Room::refused : Room::refused_now);
    if (may == RideAnswer::yes) found.best = choice;
  }
}

/// Where it is, or else is to be in place of the oldest there. Classes of about the same number lie near each other.
CostFleet::Refused* CostFleet::refused_for(std::uint32_t need, std::uint32_t kind) {
  if (refused_.empty()) return nullptr;
  constexpr std::uint32_t spread = 0x9E3779B1;  // as Knuth multiplies
  SomeRefused& near = refused_[(need + (kind * spread >> 24)) & (refused_.size() - 1)];
  const auto known =
      std::find_if(near.begin(), near.end(), [&](const Refused& r) { return r.need == need && r.kind == kind; });
  if (known != near.end()) return &*known;
  return &*std::min_element(near.begin(), near.end(), [](const Refused& a, const Refused& b) { return a.at < b.at; });
}

/// The kind that was so before it is so still.
void CostFleet::refuse(std::uint32_t need, std::uint32_t kind) {
  LastRefused& last = last_refused_[need];
  if (last.kind != kind && last.at >= grown_since_)
    if (Refused* place = refused_for(need, last.kind)) *place = {need, last.kind, last.at};
  last = {growth_, kind};
}

/// Nothing might be had but, perhaps, of what has come, got room or changed since.
bool CostFleet::was_refused(std::uint32_t need, std::uint32_t kind) {
  if (changed_.instances.size() > kMostChanges) return false;
  if (last_refused_[need].kind == kind) return last_refused_[need].at >= grown_since_;
  const Refused* before = refused_for(need, kind);
  return before && before->need == need && before->kind == kind && before->at >= grown_since_;
}

/// With what has changed since it was last asked for. False: that is too much.
bool CostFleet::catch_up(std::uint32_t need, const MayRide& may_ride, BestFits& fits) const {
  if (changed_.instances.size() - fits.changes > kMostChanges) return false;
  for (; fits.changes < changed_.instances.size(); ++fits.changes) {
    const std::uint32_t i = changed_.instances[fits.changes];
    std::erase_if(fits.choices, [&](const Choice& choice) { return choice.instance == i; });
    const FleetInstance& on = (*this)[i];
    const Resources& wanted = input().needs[need].need;
    if (shelves_[i] != Shelf::used || !on.capacity.accommodates(wanted)) continue;
    const Choice choice{i, left_over(on.type, on.capacity.left, wanted)};
    if (fits.worst.instance != kNoType && better(fits.worst, choice)) continue;
    if (within_ceiling(i, need) ||
        (may_ride && classes_.may_use(need, on.type, true) && may_ride(i) == RideAnswer::yes))
      add(choice, fits.choices);
  }
  return true;
}

void CostFleet::add(const Choice& choice, std::vector<Choice>& to) const {
  const auto worse = [&](const Choice& a, const Choice& b) { return better(b, a); };
  to.insert(std::upper_bound(to.begin(), to.end(), choice, worse), choice);
}

/// As long as what is left over can be worth less.
CostFleet::Room CostFleet::search_used(std::uint32_t need, const MayRide& may_ride, BestFits& fits) const {
  const Resources& wanted = input().needs[need].need;
  const std::vector<bool>& within_ceiling = classes_.may_use(need, false);
  const std::vector<bool>& any_price = classes_.may_use(need, true);
  std::vector<Choice>& choices = fits.choices;
  const auto worth_more = [&](const CoarseCapacity& left, const Prices& prices) {
    return static_cast<double>(vcpus_of(left) - wanted.vcpus) * prices.vcpu > fits.worst.left_over ||
           static_cast<double>(classes_.units().least_ram(left) - wanted.ram) * prices.ram > fits.worst.left_over;
  };
  Room seen = Room::none;
  const auto consider = [&](const CostRooms::Room& room) {
    const bool within = within_ceiling[room.type];
    if ((!within && !(may_ride && any_price[room.type])) || worth_more(room.left, prices_[room.type])) return;
    const RideAnswer may = within ? RideAnswer::yes : may_ride(room.instance);
    if (may == RideAnswer::no && seen != Room::none) return;
    const Capacity& capacity = (*this)[room.instance].capacity;
    if (!capacity.accommodates(wanted)) return;
    seen = std::max(seen, may == RideAnswer::no ? Room::refused : Room::refused_now);
    if (may != RideAnswer::yes) return;
    const Choice choice{room.instance, left_over(room.type, capacity.left, wanted)};
    if (!better(choice, fits.worst)) return;
    if (choices.size() == fits.most) choices.erase(choices.begin());
    add(choice, choices);
    if (choices.size() == fits.most) fits.worst = choices.front();
  };
  for (const Shape& shape : shapes_) {
    CoarseCapacity enough = worth_at_most(wanted, fits.worst.left_over, shape.least);
    const auto visit = [&](const CostRooms::Room& room) {
      const std::uint32_t worst = fits.worst.instance;
      consider(room);
      if (fits.worst.instance != worst) enough = worth_at_most(wanted, fits.worst.left_over, shape.least);
    };
    const auto too_much = [&](const CoarseCapacity& left) {
      return left.lanes[0] > enough.lanes[0] || left.lanes[1] > enough.lanes[1];
    };
    shape.used.for_each_covering(classes_.coarse(need), too_much, visit);
  }
  return seen;
}

/// With more VCPUs or RAM what is left over is worth more than that for certain.
CoarseCapacity CostFleet::worth_at_most(const Resources& wanted, double left_over, const Prices& prices) const {
  constexpr double most = 1e15;
  const auto more = [&](double price) {
    return static_cast<std::int64_t>(price > 0 ? std::min(left_over / price, most) : most);
  };
  Resources enough;
  enough.vcpus = wanted.vcpus + more(prices.vcpu) + 1;
  enough.ram = wanted.ram + more(prices.ram) + 1;
  return classes_.units().of(enough);
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
    shapes_[shape_of_[on.type]].used.insert({classes_.units().of(on.capacity), instance, on.type});
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
  if (from == Shelf::used)
    shapes_[shape_of_[on.type]].used.erase({classes_.units().of(on.capacity), instance, on.type});
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
  changed_.instances.push_back(instance);
  if (is_touched_[instance]) return;
  is_touched_[instance] = 1;
  touched_.push_back({instance, (*this)[instance]});
}

void CostFleet::grew(std::uint32_t instance) {
  ++growth_;
  if (grown_.instances.size() == kMostGrown) {
    grown_ = {};
    grown_since_ = growth_;
    return;
  }
  std::vector<std::uint32_t>& grown = grown_.instances;
  if (std::find(grown.begin(), grown.end(), instance) == grown.end()) grown.push_back(instance);
  measure(grown_, instance);
}

void CostFleet::measure(News& news, std::uint32_t instance) {
  if (shelves_[instance] != Shelf::none) news.most.raise_to(classes_.units().of((*this)[instance].capacity));
}

void CostFleet::measure_anew(News& news) {
  news.most = {};
  for (const std::uint32_t i : news.instances) measure(news, i);
}

/// It has less room now: that is told anew where it costs little, since each class that seems to fit is looked at.
void CostFleet::shrank(std::uint32_t instance) {
  constexpr std::size_t few = 16;
  if (grown_.instances.size() <= few) measure_anew(grown_);
  if (changed_.instances.size() <= few)
    measure_anew(changed_);
  else
    measure(changed_, instance);
}

void CostFleet::place(std::uint32_t instance, std::uint32_t need) {
  touch(instance);
  unshelve(instance);
  subtract(instance, need);
  shelve(instance);
  note(instance);
  shrank(instance);
  if ((*this)[instance].containers == 1) grew(instance);  // from now on it may be ridden on
}

void CostFleet::set_aside(std::uint32_t instance) {
  touch(instance);
  unshelve(instance);
  shrank(instance);
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
