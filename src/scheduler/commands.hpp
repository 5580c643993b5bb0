#pragma once

#include "berth/pool/worker_pool.hpp"
#include "berth/scheduler/plan.hpp"

#include "matched_queue.hpp"
#include "plan_input.hpp"
#include "reconcile_pass.hpp"

namespace berth {

/// What the pool is asked for after one pass: creates and starts are those of `made`, index by index. Both decisions
/// must have been made from `queue`.
PoolCommands pool_commands(const Decisions& made, const Reconciliation& reconciliation, const MatchedQueue& queue,
                           const PlanInputBuilder& names);

bool empty(const PoolCommands& commands);

}  // namespace berth
