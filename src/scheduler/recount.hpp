#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "berth/scheduler/scheduler.hpp"

#include "plan_input.hpp"
#include "reconcile_pass.hpp"

namespace berth {

/// All that one pass decided from, to decide it once more from the beginning: plan(snapshot, ∅). Policy `cost` decides
/// from what it has learned, too, which is not kept, but why containers wait is.
struct PassRecord {
  std::shared_ptr<const QueueSnapshot> queue;
  std::shared_ptr<const PoolSnapshot> pool;
  PlanInputBuilder::Limits limits;
  std::set<std::string> unlocking;  ///< containers whose unlock is under way
  std::set<std::string> refused;    ///< containers whose start the pool refused
  std::shared_ptr<const SchedulerOptions> options;
  Policy policy = Policy::greedy;
  std::vector<std::pair<const QueueEntry*, ContainerStatus>> told{};  ///< as WaitReasons; entries of `queue`
  Reason rest = Reason::cluster_capacity;
  std::int64_t positions = 0;
};

/// The sorted queue of that pass.
ScheduledQueue scheduled_queue(const PassRecord& pass);

/// What a pass has decided, in names, so that it can be compared with what another has.
struct NamedDecisions {
  std::vector<std::string> lines;  ///< `start UUID@NUMBER`, `create TYPE`, …
  friend bool operator==(const NamedDecisions&, const NamedDecisions&) = default;
};
NamedDecisions named(const Decisions& made, const Reconciliation& reconciliation, const MatchedQueue& queue,
                     const PlanInputBuilder& names);
/// Besides, why each container waits; `order` as scheduling_order() has it.
void add_statuses(NamedDecisions& out, const std::vector<std::uint32_t>& order,
                  const std::vector<ContainerStatus>& statuses, const MatchedQueue& queue,
                  const PlanInputBuilder& names);
/// Adds to an input what only the policy `cost` looks at.
using CompleteInput = std::function<void(PlanInput& input, const MatchedQueue& queue)>;
/// What that pass decides without anything kept from earlier ones; with `complete`, also why each container waits.
NamedDecisions named_anew(const PassRecord& pass, const CompleteInput& complete = {});
/// Nothing if they are the same, else the first lines in which they differ.
std::optional<std::string> difference(const NamedDecisions& kept, const NamedDecisions& anew);

}  // namespace berth
