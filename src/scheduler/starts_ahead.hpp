#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <vector>

#include "berth/base/signal.hpp"
#include "berth/base/task_group.hpp"
#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"

namespace berth {

/// Starts, without waiting for another pass, what a pass has kept a slot for, as soon as it is locked. Belongs to the
/// scheduler's strand, and must live as long as the tasks in `tasks`.
class StartsAhead {
 public:
  /// `active`: whether anything may be started now. `on_receipt` is told of what the pool was asked for.
  StartsAhead(ContainerQueue& queue, WorkerPool& pool, TaskGroup& tasks, std::function<bool()> active,
              std::function<void(const PoolReceipt&)> on_receipt)
      : queue_(queue), pool_(pool), tasks_(tasks), active_(std::move(active)), on_receipt_(std::move(on_receipt)) {}

  /// The slots that a pass keeps for what it locks, and for what is being locked; those of the pass before are void.
  void keep(std::vector<StartRequest> slots);
  /// The lock of this container was granted.
  void locked(const std::string& uuid);
  /// What is being started is in the pool's next snapshot only; a pass that did not know of it would give its room
  /// away. Waits for that; until `pass_ended` or `keep` nothing more is started.
  awaitable<void> let_starts_end();
  void pass_ended() { pass_waits_ = false; }

 private:
  awaitable<void> start_all();
  std::vector<StartRequest> take_granted();

  ContainerQueue& queue_;
  WorkerPool& pool_;
  TaskGroup& tasks_;
  const std::function<bool()> active_;
  const std::function<void(const PoolReceipt&)> on_receipt_;
  std::unordered_map<std::string, StartRequest> slots_;  ///< by container
  std::vector<StartRequest> granted_;                    ///< to be started now
  bool starting_ = false;
  bool pass_waits_ = false;  ///< a pass is about to be made
  Subscription start_ended_ = Signal().subscribe();
};

}  // namespace berth
