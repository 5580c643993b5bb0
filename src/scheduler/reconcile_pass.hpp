#pragma once

#include <string>
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
/// `queue_updated`: QueueSnapshot::updated.
Reconciliation reconcile_all(const MatchedQueue& queue, const PoolSnapshot& pool,
                             std::optional<SteadyTime> queue_updated);

}  // namespace berth
