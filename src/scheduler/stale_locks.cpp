#include "stale_locks.hpp"

#include <utility>

namespace berth {

std::vector<std::string> stale_locks(const QueueSnapshot& queue, const PoolSnapshot& pool) {
  std::vector<std::string> stale;
  for (const auto& entry : queue.entries)
    if (entry->container.state == ContainerState::locked && !pool.running.contains(entry->container.uuid))
      stale.push_back(entry->container.uuid);
  return stale;
}

StaleLockDecision stale_lock_step(const QueueSnapshot& queue, const PoolSnapshot& pool, bool first, bool timed_out) {
  std::vector<std::string> stale = stale_locks(queue, pool);
  if (pool.count(WorkerState::unknown) > 0 && !timed_out) return {stale.empty(), {}};
  if (first) return {true, {}};
  return {true, std::move(stale)};
}

}  // namespace berth
