#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "berth/arvados/container_api.hpp"
#include "berth/arvados/event_bus.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/runtime.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/config/cluster.hpp"
#include "berth/lease/lease.hpp"
#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"
#include "berth/scheduler/scheduler.hpp"

namespace berth {

/// What the dispatcher stands on: the same wiring serves the daemon, the simulator and the tests.
struct DispatcherEdges {
  Runtime& runtime;
  Logger log;
  Metrics& metrics;
  ContainerApi& api;
  InstanceSet& instances;  ///< already wrapped
  ExecutorFactory executors;
  Lease& lease;
  /// What runners get in their environment beside facts §6.10's.
  std::map<std::string, std::string> runner_environment;
  /// Overrides made from outside the configuration, applied last (standalone: intervals, runner command).
  std::function<void(QueueOptions&, PoolOptions&, SchedulerOptions&)> adjust;
  /// Where changes are told, so that nobody has to wait for the next poll; without a URL there is no such place, or the
  /// queue is told in another way.
  EventBusOptions event_bus = {};
  WebSocketOpener open_event_bus = {};  ///< what to dial it with; empty: open_websocket
};

/// Queue, pool and scheduler of one cluster, wired together (design §2, floor 8). They work for one term of the lease.
/// When it is lost they are stopped, and replaced by new ones that begin, once it is held again, as after a start of
/// the daemon: what they knew may be out of date. So it is, too, if it is held again before its loss was heard of. In
/// between nothing is started, created, destroyed or locked.
class Dispatcher {
 public:
  Dispatcher(DispatcherEdges edges, const Cluster& cluster);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Waits for the lease, then starts pool, queue and scheduler. Returns once they run. Cancellable.
  awaitable<Result<void>> start();
  /// Ends every task; nothing is unlocked, destroyed or killed (facts §1.6). Done within 10 s. Gives up the lease.
  awaitable<void> stop();

  /// Returns once every part has shown that it is not stuck: for a watchdog.
  awaitable<void> beat();

  bool active() const;           ///< the lease is held and the parts run. Thread-safe.
  std::string standing() const;  ///< one line for people about the lease. Thread-safe.
  // The parts of now, never null: keep the pointer for the length of one use. Thread-safe.
  std::shared_ptr<ContainerQueue> queue() const;
  std::shared_ptr<WorkerPool> pool() const;
  std::shared_ptr<Scheduler> scheduler() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
