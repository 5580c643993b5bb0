#pragma once

#include <memory>

#include "berth/base/metrics.hpp"
#include "berth/base/task_group.hpp"
#include "berth/dispatcher/dispatcher.hpp"

#include "cloud_model.hpp"
#include "core.hpp"
#include "event_server.hpp"
#include "link.hpp"
#include "sim_lease.hpp"
#include "watcher.hpp"

namespace berth {

/// What a dispatcher process stands on.
struct ProcessSurroundings {
  SimCore& core;
  RecordStore& store;
  SimCloud& cloud;
  LeaseServer& lease_server;
  EventServer& event_server;
  SimWatcher& watcher;
  std::shared_ptr<const Cluster> cluster;
};

/// One daemon: the dispatcher as it ships, over the simulated edges.
class DispatcherProcess {
 public:
  DispatcherProcess(ProcessSurroundings around, std::uint64_t number);
  ~DispatcherProcess();
  DispatcherProcess(const DispatcherProcess&) = delete;
  DispatcherProcess& operator=(const DispatcherProcess&) = delete;

  const Link& link() const { return *link_; }
  Dispatcher& dispatcher() const { return *dispatcher_; }
  /// Runs a coroutine in this process, such as an operator's verb.
  void run(awaitable<void> task) { tasks_.spawn(std::move(task)); }

  /// As SIGKILL does it.
  void kill();
  /// As SIGTERM does it.
  void stop();
  bool stopping() const { return stopping_; }
  bool ended() const { return ended_; }
  SteadyTime stopped_at() const { return stopped_at_; }

 private:
  static awaitable<void> begin(DispatcherProcess* self);
  static awaitable<void> end(DispatcherProcess* self);

  const ProcessSurroundings around_;
  const std::shared_ptr<Link> link_;
  const std::unique_ptr<SimLease> lease_;
  const std::unique_ptr<ContainerApi> api_;
  Metrics metrics_{Metrics::Quantiles::dropped};
  const std::unique_ptr<InstanceSet> instances_;
  std::unique_ptr<Dispatcher> dispatcher_;
  TaskGroup tasks_;
  bool stopping_ = false;
  bool ended_ = false;
  SteadyTime stopped_at_{};
};

}  // namespace berth
