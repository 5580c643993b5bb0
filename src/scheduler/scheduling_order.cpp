#include "scheduling_order.hpp"

#include <algorithm>

namespace berth {
namespace {

constexpr std::uint64_t kHighestPriority = std::uint64_t{1} << 61;  // records hold up to about 2^60 (facts §16)

/// The first three criteria in one number.
std::uint64_t urgency_key(const PlanContainer& container) {
  const auto priority = static_cast<std::uint64_t>(std::max<std::int64_t>(container.priority, 0));
  return std::uint64_t{!container.in_pool} << 63 | std::uint64_t{container.state != ContainerState::locked} << 62 |
         (kHighestPriority - std::min(priority, kHighestPriority));
}

struct Item {
  std::uint64_t key;
  WallTime first_seen;
  std::uint32_t container;
};

}  // namespace

std::vector<std::uint32_t> scheduling_order(const std::vector<PlanContainer>& containers) {
  std::vector<Item> items;
  items.reserve(containers.size());
  for (const PlanContainer& container : containers)
    items.push_back({urgency_key(container), container.first_seen, static_cast<std::uint32_t>(items.size())});

  const auto before = [&](const Item& a, const Item& b) {
    if (a.key != b.key) return a.key < b.key;
    if (a.first_seen != b.first_seen) return a.first_seen < b.first_seen;
    const PlanContainer &x = containers[a.container], &y = containers[b.container];
    return x.created != y.created ? x.created < y.created : x.uuid < y.uuid;
  };
  if (!std::is_sorted(items.begin(), items.end(), before)) std::sort(items.begin(), items.end(), before);

  std::vector<std::uint32_t> order;
  order.reserve(items.size());
  for (const Item& item : items) order.push_back(item.container);
  return order;
}

}  // namespace berth
