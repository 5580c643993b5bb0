#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "matched_queue.hpp"
#include "plan_input.hpp"
#include "reconcile_pass.hpp"
#include "scheduler_metrics.hpp"
#include "snapshots.hpp"

namespace berth {

/// small: 1 of everything; large: 4
inline std::map<std::string, InstanceType> types() {
  std::map<std::string, InstanceType> all;
  for (std::int64_t n : {1, 4}) {
    InstanceType type;
    type.name = n == 1 ? "small" : "large";
    type.vcpus = type.ram = type.included_scratch = n;
    type.price = static_cast<double>(n);
    all[type.name] = type;
  }
  return all;
}
inline bool no_unlock(const std::string&) {
  return false;
}

/// What the shell keeps from pass to pass.
struct Kept {
  explicit Kept(std::int64_t max_per_instance = 0) : builder(types(), max_per_instance) {}
  /// `unlocks`: containers whose unlock has begun or ended.
  const PlanInput& update(const Snapshots& s, PlanInputBuilder::Limits limits = {},
                          const std::set<std::string>& unlocks = {}) {
    changes = queue.update(s.queue, s.pool);
    for (const std::string& uuid : unlocks)
      if (const auto container = queue.find(uuid)) changes.containers.push_back(*container);
    reconcile.update(queue, changes.containers);
    waiting.update(queue, changes.containers);
    builder.update(queue, changes, s.pool, unlocking, limits);
    return builder.input();
  }
  Reconciliation reconcile_all(const Snapshots& s) {
    update(s);
    return reconcile.decide(queue, s.queue.updated);
  }
  Duration longest_wait(const Snapshots& s, WallTime now) {
    update(s);
    return waiting.longest(now);
  }
  std::function<bool(const std::string&)> unlocking = no_unlock;
  MatchedQueue queue;
  MatchedQueue::Changes changes;
  PlanInputBuilder builder;
  ReconcilePass reconcile;
  WaitingSince waiting;
};

}  // namespace berth
