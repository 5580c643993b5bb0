#pragma once

#include "berth/scheduler/plan.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "matched_queue.hpp"
#include "plan_input.hpp"

namespace berth {

/// The sorted queue as others see it. `plan` was made from `queue`.
ScheduledQueue scheduled_queue(const Plan& plan, const MatchedQueue& queue, const PlanInputBuilder& names);

/// A start that the pool refused: its container waits for the instance (facts §5.4).
void refuse_start(Plan& plan, const PlanStart& start, const PlanInput& input);

}  // namespace berth
