#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "berth/arvados/container_api.hpp"
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
};

/// Queue, pool and scheduler of one cluster, wired together (design §2, floor 8).
class Dispatcher {
 public:
  Dispatcher(DispatcherEdges edges, const Cluster& cluster);
  ~Dispatcher();
  Dispatcher(const Dispatcher&) = delete;
  Dispatcher& operator=(const Dispatcher&) = delete;

  /// Takes the lease, then starts pool, queue and scheduler. Returns once they run.
  awaitable<Result<void>> start();
  /// Ends every task; nothing is unlocked, destroyed or killed (facts §1.6). Done within 10 s.
  awaitable<void> stop();

  bool active() const;  ///< the lease is held and the parts run
  ContainerQueue& queue();
  WorkerPool& pool();
  Scheduler& scheduler();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth
