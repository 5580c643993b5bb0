#pragma once

#include "berth/pool/worker_pool.hpp"
#include "berth/scheduler/plan.hpp"

#include "matched_queue.hpp"
#include "plan_input.hpp"
#include "reconcile_pass.hpp"

namespace berth {

/// What the pool is asked for after one pass: creates and starts are plan.creates and plan.starts, index by index. Both
/// decisions must have been made from these snapshots.
PoolCommands pool_commands(const Plan& plan, const Reconciliation& reconciliation, const MatchedQueue& queue,
                           const PoolSnapshot& pool, const PlanInputBuilder& names);

bool empty(const PoolCommands& commands);

}  // namespace berth
