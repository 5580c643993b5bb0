#include "fold_fleet.hpp"

#include <algorithm>
#include <numeric>

namespace berth {

FoldFleet::FoldFleet(const PlanInput& input, GpuMemory gpu_memory) : Fleet(input, gpu_memory), listed_(size()) {
  std::iota(listed_.begin(), listed_.end(), 0);
  std::sort(listed_.begin(), listed_.end(),
            [&](std::uint32_t a, std::uint32_t b) { return list_key(a) < list_key(b); });
  for (const auto& list : input.type_lists) {
    eligible_.emplace_back(input.types.size());
    for (std::uint32_t type : list) eligible_.back()[type] = true;
  }
}

bool FoldFleet::candidate(std::uint32_t instance, std::uint32_t need) const {
  const FleetInstance& i = (*this)[instance];
  const NeedClass& wanted = input().needs[need];
  return i.usable && !full(instance) && eligible_[wanted.type_list][i.type] && i.capacity.accommodates(wanted.need);
}

std::optional<std::uint32_t> FoldFleet::find(std::uint32_t need) {
  std::optional<std::uint32_t> best;
  for (std::uint32_t instance : listed_) {
    if (!candidate(instance, need)) continue;
    const Fleet& fleet = *this;
    if (!best || fleet[instance].containers > fleet[*best].containers || (!fleet[*best].ready && fleet[instance].ready))
      best = instance;
  }
  return best;
}

void FoldFleet::create(std::uint32_t type, std::uint32_t need) {
  const std::uint32_t instance = add_pending(type);
  const auto at = std::upper_bound(listed_.begin(), listed_.end(), instance,
                                   [&](std::uint32_t a, std::uint32_t b) { return list_key(a) < list_key(b); });
  listed_.insert(at, instance);
  place(instance, need);
}

}  // namespace berth
