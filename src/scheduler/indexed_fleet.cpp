#include "indexed_fleet.hpp"

namespace berth {

IndexedFleet::IndexedFleet(const PlanInput& input, GpuMemory gpu_memory)
    : Fleet(input, gpu_memory),
      units_(input.types),
      least_need_{{INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}},
      shelves_(input.types.size()),
      summaries_(input.types.size()),
      shelved_(size(), Shelf::kNoKey),
      failed_in_(input.needs.size()) {
  needs_.reserve(input.needs.size());
  for (const NeedClass& need : input.needs) {
    needs_.push_back(units_.of(need.need));
    least_need_.lower_to(needs_.back());
  }
  for (std::uint32_t instance = 0; instance < size(); ++instance) shelve(instance);
}

std::optional<std::uint32_t> IndexedFleet::find(std::uint32_t need) {
  if (failed_in_[need] == epoch_) return std::nullopt;
  const auto found = search(need);
  if (!found) failed_in_[need] = epoch_;
  return found;
}

std::optional<std::uint32_t> IndexedFleet::search(std::uint32_t need) const {
  const NeedClass& wanted = input().needs[need];
  const CoarseCapacity coarse = needs_[need];
  const auto fits = [&](std::uint32_t instance) { return (*this)[instance].capacity.accommodates(wanted.need); };
  Shelf::Hit best{Shelf::kNoKey, 0};
  for (std::uint32_t type : input().type_lists[wanted.type_list]) {
    if (summaries_[type].first_key >= best.key || !summaries_[type].maximum.covers(coarse)) continue;
    if (const auto hit = shelves_[type].find(coarse, best.key, fits)) best = *hit;
  }
  if (best.key == Shelf::kNoKey) return std::nullopt;
  return best.instance;
}

void IndexedFleet::place(std::uint32_t instance, std::uint32_t need) {
  unshelve(instance);
  subtract(instance, need);
  shelve(instance);
}

void IndexedFleet::create(std::uint32_t type, std::uint32_t need) {
  const std::uint32_t instance = add_pending(type);
  shelved_.push_back(Shelf::kNoKey);
  place(instance, need);
  ++epoch_;
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
