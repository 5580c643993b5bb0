#include "indexed_fleet.hpp"

#include <algorithm>

namespace berth {
namespace {

constexpr std::size_t kMostGrown = 256;

}  // namespace

IndexedFleet::IndexedFleet(const PlanInput& input, GpuMemory gpu_memory)
    : Fleet(input, gpu_memory),
      units_(input.types),
      least_need_{{INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}},
      shelves_(input.types.size()),
      summaries_(input.types.size()),
      shelved_(size(), Shelf::kNoKey),
      is_touched_(size()) {
  learn_needs();
}

void IndexedFleet::learn_needs() {
  if (needs_.size() == input().needs.size()) return;
  const CoarseCapacity least_before = least_need_;
  needs_.reserve(input().needs.size());
  while (needs_.size() < input().needs.size()) {
    const NeedClass& need = input().needs[needs_.size()];
    needs_.push_back({units_.of(need.need), need.type_list, 0});
    least_need_.lower_to(needs_.back().coarse);
  }
  if (least_need_.covers(least_before)) return;
  for (std::uint32_t instance = 0; instance < size(); ++instance)
    if (shelved_[instance] == Shelf::kNoKey) shelve(instance);
}

bool IndexedFleet::update(std::uint32_t instance) {
  if (instance < size()) unshelve(instance);
  if (!reload(instance)) return false;
  shelved_.resize(size(), Shelf::kNoKey);
  is_touched_.resize(size());
  shelve(instance);
  grew(instance);
  return true;
}

void IndexedFleet::begin_pass() {
  growth_before_pass_ = growth_;
}

void IndexedFleet::end_pass() {
  const auto known = static_cast<std::uint32_t>(input().instances.size());
  for (std::uint32_t created = known; created < size(); ++created) unshelve(created);
  // What failed in this pass failed with what was there before it, but for the room that the placements took.
  grown_since_ = growth_before_pass_;
  grown_.clear();
  grown_maximum_ = {};
  for (const Touched& touched : touched_) {
    is_touched_[touched.instance] = false;
    if (touched.instance >= known) continue;
    unshelve(touched.instance);
    restore(touched.instance, touched.before);
    shelve(touched.instance);
    grew(touched.instance);
  }
  touched_.clear();
  drop_pending();
  shelved_.resize(known);
  is_touched_.resize(known);
}

std::optional<std::uint32_t> IndexedFleet::find(std::uint32_t need) {
  NeedState& state = needs_[need];
  if (state.failed_at == growth_) return std::nullopt;
  const auto found = state.failed_at >= grown_since_ ? search_grown(need) : search_all(need);
  if (!found) state.failed_at = growth_;
  return found;
}

std::size_t IndexedFleet::count_failing(const WaitingRow* rows, std::size_t most) {
  std::size_t count = 0;
  for (; count < most && rows[count].flags() == 0; ++count) {
    NeedState& state = needs_[rows[count].need()];
    if (state.failed_at == growth_) continue;
    if (state.failed_at < grown_since_ || grown_maximum_.covers(state.coarse)) break;
    state.failed_at = growth_;
  }
  return count;
}

std::optional<std::uint32_t> IndexedFleet::search_all(std::uint32_t need) const {
  const Resources& exact = input().needs[need].need;
  const NeedState& state = needs_[need];
  const auto fits = [&](std::uint32_t instance) { return (*this)[instance].capacity.accommodates(exact); };
  Shelf::Hit best{Shelf::kNoKey, 0};
  for (std::uint32_t type : input().type_lists[state.type_list]) {
    if (summaries_[type].first_key >= best.key || !summaries_[type].maximum.covers(state.coarse)) continue;
    if (const auto hit = shelves_[type].find(state.coarse, best.key, fits)) best = *hit;
  }
  if (best.key == Shelf::kNoKey) return std::nullopt;
  return best.instance;
}

std::optional<std::uint32_t> IndexedFleet::search_grown(std::uint32_t need) {
  const NeedState& state = needs_[need];
  if (!grown_maximum_.covers(state.coarse)) return std::nullopt;
  Shelf::Hit best{Shelf::kNoKey, 0};
  grown_maximum_ = {};
  for (std::uint32_t instance : grown_) {
    if (shelved_[instance] == Shelf::kNoKey) continue;
    const FleetInstance& candidate = (*this)[instance];
    const CoarseCapacity coarse = units_.of(candidate.capacity);
    grown_maximum_.raise_to(coarse);
    if (shelved_[instance] < best.key && coarse.covers(state.coarse) && may_use(state.type_list, candidate.type) &&
        candidate.capacity.accommodates(input().needs[need].need))
      best = {shelved_[instance], instance};
  }
  if (best.key == Shelf::kNoKey) return std::nullopt;
  return best.instance;
}

bool IndexedFleet::may_use(std::uint32_t type_list, std::uint32_t type) {
  if (type_list >= may_use_.size()) may_use_.resize(input().type_lists.size());
  std::vector<bool>& types = may_use_[type_list];
  if (types.empty()) {
    types.resize(input().types.size());
    for (std::uint32_t eligible : input().type_lists[type_list]) types[eligible] = true;
  }
  return types[type];
}

void IndexedFleet::place(std::uint32_t instance, std::uint32_t need) {
  touch(instance);
  unshelve(instance);
  subtract(instance, need);
  shelve(instance);
}

void IndexedFleet::create(std::uint32_t type, std::uint32_t need) {
  const std::uint32_t instance = add_pending(type);
  shelved_.push_back(Shelf::kNoKey);
  is_touched_.push_back(false);
  place(instance, need);
  grew(instance);
}

void IndexedFleet::touch(std::uint32_t instance) {
  if (is_touched_[instance]) return;
  is_touched_[instance] = true;
  touched_.push_back({instance, (*this)[instance]});
}

void IndexedFleet::grew(std::uint32_t instance) {
  ++growth_;
  if (grown_.size() == kMostGrown) {
    grown_.clear();
    grown_maximum_ = {};
    grown_since_ = growth_;
    return;
  }
  if (std::find(grown_.begin(), grown_.end(), instance) == grown_.end()) grown_.push_back(instance);
  if (shelved_[instance] != Shelf::kNoKey) grown_maximum_.raise_to(units_.of((*this)[instance].capacity));
}

void IndexedFleet::shelve(std::uint32_t instance) {
  const FleetInstance& i = (*this)[instance];
  if (!i.usable || full(instance)) return;
  const CoarseCapacity coarse = units_.of(i.capacity);
  if (!coarse.covers(least_need_)) return;
  shelved_[instance] = preference_key(instance);
  shelves_[i.type].insert(shelved_[instance], coarse, instance);
  summaries_[i.type].maximum.raise_to(coarse);
  summaries_[i.type].first_key = shelves_[i.type].first_key();
}

void IndexedFleet::unshelve(std::uint32_t instance) {
  if (shelved_[instance] == Shelf::kNoKey) return;
  const std::uint32_t type = (*this)[instance].type;
  shelves_[type].erase(shelved_[instance]);
  shelved_[instance] = Shelf::kNoKey;
  summarize(type);
}

void IndexedFleet::summarize(std::uint32_t type) {
  summaries_[type] = {shelves_[type].maximum(), shelves_[type].first_key()};
}

}  // namespace berth
