#include "stale_locks.hpp"

#include <gtest/gtest.h>

#include "snapshots.hpp"

namespace berth {
namespace {

using Names = std::vector<std::string>;

/// Containers a (Locked, no process), b (Locked, on i-1), c (Queued), d (Running).
Snapshots world(WorkerState state) {
  Snapshots s;
  s.add("a", ContainerState::locked, 1);
  s.add("b", ContainerState::locked, 1);
  s.add("c", ContainerState::queued, 1);
  s.add("d", ContainerState::running, 1);
  s.instance("i-1", "small", state, {"b"});
  return s;
}

TEST(StaleLocks, AreLockedWithoutAProcess) {
  const Snapshots s = world(WorkerState::running);
  EXPECT_EQ(stale_locks(s.queue, s.pool), Names{"a"});
}

TEST(StaleLockStep, Table) {  // facts §5.7
  struct Row {
    const char* what;
    WorkerState state;
    bool first, timed_out, finished;
    Names unlock;
  };
  for (const Row& row :
       {Row{"no unknown worker at the start: nothing is unlocked", WorkerState::idle, true, false, true, {}},
        Row{"wait while a worker is unknown", WorkerState::unknown, true, false, false, {}},
        Row{"wait on", WorkerState::unknown, false, false, false, {}},
        Row{"the last has recovered", WorkerState::running, false, false, true, {"a"}},
        Row{"time is up", WorkerState::unknown, false, true, true, {"a"}}}) {
    const Snapshots s = world(row.state);
    const StaleLockDecision decision = stale_lock_step(s.queue, s.pool, row.first, row.timed_out);
    EXPECT_EQ(decision.finished, row.finished) << row.what;
    EXPECT_EQ(decision.unlock, row.unlock) << row.what;
  }
}

TEST(StaleLockStep, DoneAtOnceIfNoLockIsStale) {
  Snapshots s = world(WorkerState::unknown);
  s.pool.running.put("a", {101, {}});
  EXPECT_TRUE(stale_lock_step(s.queue, s.pool, true, false).finished);
}

TEST(StaleLockStep, AContainerThatTurnsUpOnTheLastWorkerToRecoverStaysLocked) {  // facts §15 #22
  Snapshots s = world(WorkerState::unknown);
  EXPECT_FALSE(stale_lock_step(s.queue, s.pool, true, false).finished);
  PoolInstance recovered = *s.pool.instances.find(101);
  recovered.state = WorkerState::running;
  s.set(recovered);
  s.pool.running.put("a", {101, {}});
  const StaleLockDecision decision = stale_lock_step(s.queue, s.pool, false, false);
  EXPECT_TRUE(decision.finished);
  EXPECT_TRUE(decision.unlock.empty());
}

}  // namespace
}  // namespace berth
