#include "cost_needs.hpp"

#include <algorithm>

namespace berth {

CostNeeds::CostNeeds(const PlanInput& input)
    : input_(input), units_(input.types), least_{{INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}} {
  learn();
}

void CostNeeds::learn() {
  constexpr double least = 1e-12;  // of a free type: it has some value, too
  for (auto need = static_cast<std::uint32_t>(coarse_.size()); need < input_.needs.size(); ++need) {
    const NeedClass& of = input_.needs[need];
    coarse_.push_back(units_.of(of.need));
    least_.lower_to(coarse_.back());
    const auto& list = input_.type_lists[of.type_list];
    any_without_type_ |= list.empty();
    own_prices_.push_back(list.empty() ? least : std::max(input_.types[list.front()].price, least));
    pays_.push_back(list.empty() ? 0 : static_cast<float>(input_.types[list.back()].price));
    type_list_.push_back(of.type_list);
    any_price_list_.push_back(of.any_price_list == kNoType ? of.type_list : of.any_price_list);
  }
  listed_.resize(input_.type_lists.size());
}

bool CostNeeds::is_more(std::uint32_t a, std::uint32_t b) const {
  const Resources &x = input_.needs[a].need, &y = input_.needs[b].need;
  if (x != y) return x > y;
  for (const auto* list : {&type_list_, &any_price_list_}) {
    const std::uint32_t p = (*list)[a], q = (*list)[b];
    if (p != q && input_.type_lists[p] != input_.type_lists[q]) return input_.type_lists[p] > input_.type_lists[q];
  }
  return a < b;
}

const std::vector<bool>& CostNeeds::listed(std::uint32_t type_list) const {
  std::vector<bool>& types = listed_[type_list];
  if (types.empty()) {
    types.resize(input_.types.size());
    for (const std::uint32_t one : input_.type_lists[type_list]) types[one] = true;
  }
  return types;
}

/// From this class on. What is compared lies side by side, as far as that tells the order.
std::vector<std::uint32_t> CostNeeds::sorted_from(std::uint32_t first) const {
  struct Key {
    double price;
    std::int32_t vcpus, ram;
    std::uint32_t need;
  };
  std::vector<Key> keys;
  for (std::uint32_t need = first; need < coarse_.size(); ++need)
    keys.push_back({own_prices_[need], coarse_[need].lanes[0], coarse_[need].lanes[1], need});
  std::sort(keys.begin(), keys.end(), [&](const Key& a, const Key& b) {
    if (a.price != b.price) return a.price > b.price;
    if (a.vcpus != b.vcpus) return a.vcpus > b.vcpus;
    if (a.ram != b.ram) return a.ram > b.ram;
    return dearer(a.need, b.need);
  });
  std::vector<std::uint32_t> needs;
  needs.reserve(keys.size());
  for (const Key& key : keys) needs.push_back(key.need);
  return needs;
}

const std::vector<std::uint32_t>& CostNeeds::dearest_first() const {
  const std::vector<std::uint32_t> more = sorted_from(static_cast<std::uint32_t>(dearest_first_.size()));
  const auto old = dearest_first_.insert(dearest_first_.end(), more.begin(), more.end());
  std::inplace_merge(dearest_first_.begin(), old, dearest_first_.end(),
                     [&](std::uint32_t a, std::uint32_t b) { return dearer(a, b); });
  return dearest_first_;
}

const std::vector<std::uint32_t>& CostNeeds::within_ceiling(std::uint32_t type) const {
  const auto known = static_cast<std::uint32_t>(coarse_.size());
  if (sorted_in_ == known) return within_ceiling_[type];
  within_ceiling_.resize(input_.types.size());
  std::vector<std::uint32_t> more(input_.types.size());  // by type
  for (std::uint32_t need = sorted_in_; need < known; ++need)
    for (const std::uint32_t one : input_.type_lists[type_list_[need]]) ++more[one];
  for (std::uint32_t t = 0; t < more.size(); ++t)
    if (more[t] > 0) within_ceiling_[t].reserve(within_ceiling_[t].size() + more[t]);
  const auto dearer_first = [&](std::uint32_t a, std::uint32_t b) { return dearer(a, b); };
  const std::vector<std::uint32_t> needs = sorted_in_ == 0 ? dearest_first() : sorted_from(sorted_in_);
  for (const std::uint32_t need : needs)
    for (const std::uint32_t one : input_.type_lists[type_list_[need]]) within_ceiling_[one].push_back(need);
  for (std::uint32_t t = 0; t < more.size(); ++t) {
    std::vector<std::uint32_t>& of = within_ceiling_[t];
    if (more[t] > 0) std::inplace_merge(of.begin(), of.end() - more[t], of.end(), dearer_first);
  }
  sorted_in_ = known;
  return within_ceiling_[type];
}

const std::vector<std::uint32_t>& types_for(const PlanInput& input, std::uint32_t need, bool any_price) {
  const NeedClass& wanted = input.needs[need];
  const bool wider = any_price && wanted.any_price_list != kNoType;
  return input.type_lists[wider ? wanted.any_price_list : wanted.type_list];
}

}  // namespace berth
