#pragma once

#include <string>
#include <vector>

#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"

namespace berth {

/// Locked containers without a process in the pool, sorted.
std::vector<std::string> stale_locks(const QueueSnapshot& queue, const PoolSnapshot& pool);

struct StaleLockDecision {
  bool finished = false;
  std::vector<std::string> unlock;  ///< when finished
};

/// One look at the stale-lock phase at start-up (facts §5.7): wait while a worker is unknown and a lock is stale. Both
/// snapshots must have been taken now: what is unlocked at the end is what is stale at the end, so that a container
/// that turned up on the last worker to recover stays locked (the reference unlocks it, facts §15 #22). `first`:
/// nothing was waited for yet; if no worker is unknown then, nothing is unlocked.
StaleLockDecision stale_lock_step(const QueueSnapshot& queue, const PoolSnapshot& pool, bool first, bool timed_out);

}  // namespace berth
