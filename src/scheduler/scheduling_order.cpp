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

/// The criteria after first_seen.
bool older(const PlanContainer& a, const PlanContainer& b) {
  return a.created != b.created ? a.created < b.created : a.uuid < b.uuid;
}

struct Item {
  std::uint64_t key;
  WallTime first_seen;
  std::uint32_t container;
};

}  // namespace

bool scheduled_before(const PlanContainer& a, const PlanContainer& b) {
  const std::uint64_t x = urgency_key(a), y = urgency_key(b);
  if (x != y) return x < y;
  return a.first_seen != b.first_seen ? a.first_seen < b.first_seen : older(a, b);
}

std::vector<std::uint32_t> scheduling_order(const std::vector<PlanContainer>& containers) {
  std::vector<Item> items;
  items.reserve(containers.size());
  for (std::uint32_t c = 0; c < containers.size(); ++c)
    if (!containers[c].gone) items.push_back({urgency_key(containers[c]), containers[c].first_seen, c});

  const auto before = [&](const Item& a, const Item& b) {
    if (a.key != b.key) return a.key < b.key;
    if (a.first_seen != b.first_seen) return a.first_seen < b.first_seen;
    return older(containers[a.container], containers[b.container]);
  };
  if (!std::is_sorted(items.begin(), items.end(), before)) std::sort(items.begin(), items.end(), before);

  std::vector<std::uint32_t> order;
  order.reserve(items.size());
  for (const Item& item : items) order.push_back(item.container);
  return order;
}

}  // namespace berth
