#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/scheduler/plan.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "cost_memo.hpp"
#include "cost_memory.hpp"
#include "matched_queue.hpp"
#include "past_runs.hpp"
#include "plan_input.hpp"
#include "plan_memo.hpp"
#include "recount.hpp"

namespace berth {

/// Decides pass after pass by one policy, and keeps what makes the next one cost what has changed.
class PassPlanner {
 public:
  PassPlanner(const SchedulerOptions& options, Policy policy);

  /// `changes`: what is new in `queue` since the last call, and containers whose unlock has begun or ended; `record`:
  /// of this pass.
  Decisions decide(const MatchedQueue& queue, const MatchedQueue::Changes& changes, const PassRecord& record,
                   SteadyTime now, WallTime wall_now);
  /// Adds to the record why containers wait, so that the sorted queue can be worked out from it.
  void explain(const Decisions& made, const MatchedQueue& queue, PassRecord& record) const;
  /// How the last pass, decided from nothing, differs from `made`; nothing if it does not. Before remember().
  std::optional<std::string> difference_from_nothing(const Decisions& made, const Reconciliation& reconciliation,
                                                     const MatchedQueue& queue, const PassRecord& record) const;
  /// Keeps what the last pass says about later ones. Returns idle time-outs that are new, by type name.
  std::map<std::string, Duration> remember(const Decisions& made, const MatchedQueue& queue);

  /// Run times from before the first pass.
  void learn(const std::vector<PastRun>& runs);

  const PlanInputBuilder& names() const { return builder_; }

 private:
  const Policy policy_;
  PlanInputBuilder builder_;
  std::optional<PlanMemo> memo_;           // for the policy `greedy`
  std::optional<CostMemory> cost_memory_;  // for the policy `cost`, as these
  std::optional<CostMemo> cost_memo_;
  WaitReasons reasons_;  // of the last pass
};

}  // namespace berth
