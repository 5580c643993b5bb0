#pragma once

#include <cstdint>
#include <vector>

#include "berth/scheduler/plan.hpp"

namespace berth {

/// The containers in scheduling order: known to the pool first, then Locked before others, priority descending, first
/// seen (facts §5.2); then created and uuid, which keep ties stable over a restart. Linear if they come in this order.
std::vector<std::uint32_t> scheduling_order(const std::vector<PlanContainer>& containers);
/// The same of two.
bool scheduled_before(const PlanContainer& a, const PlanContainer& b);

}  // namespace berth
