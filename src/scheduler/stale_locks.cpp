#include "stale_locks.hpp"

#include <utility>

#include "matched_queue.hpp"

namespace berth {

std::vector<std::string> stale_locks(const QueueSnapshot& queue, const PoolSnapshot& pool) {
  std::vector<std::string> stale;
  for (const MatchedQueue::Row& row : match_queue(queue, pool).rows)
    if (row.container().state == ContainerState::locked && !row.process) stale.push_back(row.container().uuid);
  return stale;
}

StaleLockDecision stale_lock_step(const QueueSnapshot& queue, const PoolSnapshot& pool, bool first, bool timed_out) {
  std::vector<std::string> stale = stale_locks(queue, pool);
  if (pool.count(WorkerState::unknown) > 0 && !timed_out) return {stale.empty(), {}};
  if (first) return {true, {}};
  return {true, std::move(stale)};
}

}  // namespace berth
