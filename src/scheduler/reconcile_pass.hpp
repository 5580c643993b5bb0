#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "berth/pool/worker_pool.hpp"

#include "matched_queue.hpp"

namespace berth {

/// What reconcile() wants for all containers, by who carries it out.
struct Reconciliation {
  std::vector<KillRequest> kills;         ///< pool: live processes
  std::vector<std::string> placeholders;  ///< pool: exit placeholders to clear
  std::vector<std::string> cancels;       ///< API
  std::vector<std::string> requeues;      ///< API
  std::vector<std::string> forgets;       ///< queue
};

/// Reconciles all containers, at the cost of what changed and of what is not at peace.
class ReconcilePass {
 public:
  /// These containers came, changed or went.
  void update(const MatchedQueue& queue, const std::vector<std::uint32_t>& changed);
  /// `queue_updated`: QueueSnapshot::updated.
  Reconciliation decide(const MatchedQueue& queue, std::optional<SteadyTime> queue_updated) const;

 private:
  std::set<std::uint32_t> unsettled_;  // those that an action is wanted for, now or if other workers or times were seen
};

/// Whether reconcile() would have a Running container cancelled that had not ended by now: nothing runs it any more.
bool is_lost(const PoolSnapshot& pool, std::string_view uuid);

/// Takes out what would end processes of these containers: whether they are wanted is not known.
void spare(Reconciliation& out, const std::set<std::string, std::less<>>& containers);

}  // namespace berth
