#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/runtime.hpp"
#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"
#include "berth/scheduler/plan.hpp"

namespace berth {

/// One line of the sorted queue of the last pass.
struct ScheduledContainer {
  std::shared_ptr<const QueueEntry> entry;
  Reason reason = Reason::none;
  std::int64_t position = 0;  ///< from 1 where the reason has one; else 0
  std::string instance_type;  ///< new_instance: the type that is being created
};
/// The English sentence of `scheduling_status`; empty for Reason::none.
std::string status_text(const ScheduledContainer& entry);

struct ScheduledQueue {
  std::vector<ScheduledContainer> containers;  ///< in scheduling order
};

struct SchedulerOptions {
  Duration stale_lock_timeout = std::chrono::minutes(1);
  std::int64_t initial_quota_estimate = 0;
  std::int64_t max_instances = 0;
  double supervisor_fraction = 0.5;
  std::int64_t max_containers_per_instance = 0;
  /// Facts §5.3, steps 3 to 5: as many containers as instances once the quota was met. Off where many containers share
  /// few instances, as on one machine: there it would leave most of each instance empty.
  bool quota_limits_containers = true;
  Duration least_interval = std::chrono::milliseconds(5);  ///< between the starts of two passes
  std::string policy = "greedy";
  CostRules cost_rules;       ///< for the policy `cost`, as this:
  ChooseTypesOptions choose;  ///< what containers need, as the queue works it out
  std::map<std::string, InstanceType> instance_types;
  /// For simulations and tests: so many of the passes, from 0 (none) to 1 (all), are decided once more without anything
  /// kept from earlier ones; `on_difference` is told if the outcome is another.
  double verify_share = 0;
  std::function<void(const std::string& difference)> on_difference;
};

/// Maps containers to instances, over and over (facts §5): the shell around plan(), reconcile() and stale_locks().
class Scheduler {
 public:
  /// `api` tells what ran before; all else goes through `queue`. `active`: whether it may act now (the lease is held);
  /// asked before each pass.
  Scheduler(Runtime& runtime, Logger log, Metrics& metrics, ContainerQueue& queue, WorkerPool& pool, ContainerApi& api,
            std::function<bool()> active, SchedulerOptions options);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void start();
  awaitable<void> stop();
  /// Returns once its strand has run, which it does not if something holds it: for a watchdog.
  awaitable<void> beat();
  /// The sorted queue of the last pass; null before the first. Thread-safe.
  std::shared_ptr<const ScheduledQueue> queue() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
