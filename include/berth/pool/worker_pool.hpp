#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/base/shared_map.hpp"
#include "berth/base/signal.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/model/instance.hpp"
#include "berth/model/instance_type.hpp"
#include "berth/remote/ssh.hpp"

namespace berth {

/// One instance as the scheduler and the management API see it (facts §9.2).
struct PoolInstance {
  std::string id;            ///< empty while its create is pending
  std::uint64_t number = 0;  ///< unique in this process, also for pending creates
  std::string type;          ///< name of the configured type
  std::string provider_type;
  std::string address;
  double price = 0;  ///< $/hour
  WorkerState state = WorkerState::booting;
  IdleBehavior idle_behavior = IdleBehavior::run;
  std::vector<std::string> containers;  ///< starting and running, sorted
  std::string last_container;
  WallTime last_busy{};
  SteadyTime created{};  ///< when its create was asked for; of one that another dispatcher made, when it appeared
  friend bool operator==(const PoolInstance&, const PoolInstance&) = default;
};

/// A container process that the pool knows of (facts §5.2, §6.8).
struct PoolProcess {
  std::uint64_t instance = 0;  ///< number; 0 for a placeholder
  /// Set for an exit placeholder: when the pool noticed the exit.
  std::optional<SteadyTime> exited;
  std::int64_t pid = 0;  ///< of the runner, on its worker; 0 while it is not known
  std::optional<SteadyTime> started =
      std::nullopt;  ///< when this pool accepted its start; nothing for one that was found running
  friend bool operator==(const PoolProcess&, const PoolProcess&) = default;
};

struct PoolInstanceKey {
  std::uint64_t operator()(const PoolInstance& instance) const { return instance.number; }
};
/// The instances by number; a walk shows them as `const PoolInstance&`.
class PoolInstances : public SharedMap<PoolInstance, PoolInstanceKey> {
 public:
  using Values = SharedValueIterator<SharedMap<PoolInstance, PoolInstanceKey>>;
  Values begin() const { return Values(SharedMap::begin()); }
  Values end() const { return Values(SharedMap::end()); }
};

/// A uuid, and the process that the pool knows of.
using PoolProcessEntry = std::pair<const std::string, PoolProcess>;
struct PoolProcessKey {
  std::string_view operator()(const PoolProcessEntry& entry) const { return entry.first; }
};
/// The processes by uuid; a walk shows pairs, as that of a std::map.
class PoolProcesses : public SharedMap<PoolProcessEntry, PoolProcessKey> {
 public:
  using Values = SharedValueIterator<SharedMap<PoolProcessEntry, PoolProcessKey>>;
  Values begin() const { return Values(SharedMap::begin()); }
  Values end() const { return Values(SharedMap::end()); }
  /// There must be one.
  const PoolProcess& at(std::string_view uuid) const { return find(uuid)->second; }
  void put(const std::string& uuid, const PoolProcess& process) {
    set(std::make_shared<const PoolProcessEntry>(uuid, process));
  }
};

/// Copies share what they have in common: a snapshot of 10,000 instances costs microseconds.
struct PoolSnapshot {
  std::uint64_t version = 0;
  bool loaded = false;      ///< the first instance list has arrived
  PoolInstances instances;  ///< by number; pending creates included
  PoolProcesses running;    ///< starting, running, and exit placeholders, by uuid
  bool at_quota = false;
  std::optional<std::int64_t> instances_left;  ///< until MaxInstances or the quota threshold; nothing = no limit
  std::int64_t create_slots = 0;  ///< creates that may begin now (facts §6.6: throttle, create operations in flight)
  std::optional<SteadyTime> create_blocked_until;
  std::set<std::string> blocked_types;          ///< names of types at capacity
  std::int64_t count(WorkerState state) const;  ///< pending creates not counted
  std::int64_t total() const;                   ///< all workers in any state, pending creates not counted
  /// Nothing if there is none of that id; looks at each. It lives as long as the snapshot.
  const PoolInstance* find(std::string_view id) const;
};

struct PoolOptions {
  std::string instance_set_id;
  std::string cluster_id;  ///< prefix of our container uuids
  std::map<std::string, InstanceType> instance_types;
  std::string tag_key_prefix = "Arvados";
  std::string image_id;
  std::string instance_init_command;
  std::string boot_probe_command = "true";
  std::string public_key;  ///< empty: none deployed
  std::int64_t max_instances = 0;
  std::int64_t max_concurrent_creates = 1;
  Duration sync_interval = std::chrono::minutes(1);
  Duration probe_interval = std::chrono::seconds(10);
  Duration gauge_pause = std::chrono::seconds(1);  ///< gauges over all workers are set at most so often
  bool exit_watch = true;                          ///< each worker tells by itself what ends, over one stream
  /// Of workers that do so; less than probe_interval: as often.
  Duration watched_probe_interval = std::chrono::seconds(30);
  std::int64_t max_probes_per_second = 10;
  Duration timeout_idle = std::chrono::minutes(1);
  Duration timeout_booting = std::chrono::minutes(10);
  Duration timeout_probe = std::chrono::minutes(10);
  Duration timeout_shutdown = std::chrono::seconds(10);
  Duration timeout_signal = std::chrono::seconds(5);
  Duration timeout_stale_run_lock = std::chrono::seconds(5);
  Duration timeout_term = std::chrono::minutes(2);
  Duration create_hold_off = std::chrono::seconds(5);   ///< after too many concurrent creates (facts §6.6)
  Duration command_deadline = std::chrono::minutes(1);  ///< of one probe, start or kill command
  Duration deploy_deadline = std::chrono::minutes(5);   ///< of copying the runner to one worker
  Duration cloud_deadline = std::chrono::minutes(10);   ///< of one driver call
  /// The runner on the worker: command, and the binary to deploy there (empty: nothing to deploy; facts §6.9).
  std::string runner_command = "crunch-run";
  std::string runner_binary_path;
  std::string deploy_directory;
  std::vector<std::string> runner_arguments;  ///< `--runtime-engine=…` first (facts §6.8)
  /// Called on the pool's strand when a container's process has ended.
  std::function<void(const std::string& uuid)> on_process_end;
};

/// Makes what a runner gets on stdin (facts §6.10) for one container on one instance.
using RunnerConfig =
    std::function<std::string(const std::string& uuid, const InstanceType& type, const std::string& address)>;
/// How to reach an instance. `check`: whether the host at its address is the instance (facts §6.2), for executors that
/// cannot know by themselves.
using ExecutorFactory = std::function<std::unique_ptr<Executor>(const Instance& instance, HostCheck check)>;

struct StartRequest {
  std::uint64_t instance = 0;  ///< number
  std::string uuid;
  WallTime created_at{};  ///< of the container, for the metric queue-to-start
};
struct KillRequest {
  std::string uuid;
  std::string reason;
  /// Its record says Complete: a process that is watched gets a moment to end by itself.
  bool complete = false;
};

/// Commands of one scheduling pass, applied in this order in one turn.
struct PoolCommands {
  std::vector<std::string> creates;  ///< type names
  std::vector<StartRequest> starts;
  std::vector<KillRequest> kills;
  std::vector<std::string> forgets;      ///< exit placeholders to clear
  std::vector<std::uint64_t> shutdowns;  ///< numbers; refused unless booting/idle and not hold
  /// Idle time-outs from now on, by type name; at most TimeoutIdle counts. Other types keep theirs.
  std::map<std::string, Duration> idle_timeouts;
};
/// What was accepted, index by index; and the first snapshot that shows it.
struct PoolReceipt {
  std::vector<bool> creates;
  std::vector<bool> starts;
  std::uint64_t version_before = 0;  ///< of the snapshot that the commands met
  std::shared_ptr<const PoolSnapshot> snapshot;
};

/// The worker pool (facts §6): life cycle, probes, runners, quota, over an InstanceSet and Executors. Commands are
/// accepted or refused at once; cloud and remote calls run behind them. Thread-safe.
class WorkerPool {
 public:
  WorkerPool(Runtime& runtime, Logger log, Metrics& metrics, InstanceSet& instances, ExecutorFactory executors,
             RunnerConfig runner_config, PoolOptions options);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  void start();
  /// Ends probes and connections; destroys nothing, kills nothing.
  awaitable<void> stop();
  /// Returns once its strand has run, which it does not if something holds it: for a watchdog.
  awaitable<void> beat();

  std::shared_ptr<const PoolSnapshot> snapshot() const;
  Subscription subscribe();
  awaitable<PoolReceipt> apply(PoolCommands commands);
  /// Probes all workers in service, and returns when the snapshot shows what they said; who has not answered after 15 s
  /// is not waited for.
  awaitable<void> probe_all();

  // Management verbs (facts §9.2); `id` is the cloud's. not_found if unknown.
  /// conflict if it is to be on hold and its shutdown was decided: an acknowledged hold lasts.
  awaitable<Result<void>> set_idle_behavior(std::string id, IdleBehavior behavior);
  awaitable<Result<void>> kill_instance(std::string id, std::string reason);
  awaitable<Result<void>> kill_container(std::string uuid, std::string reason);

  /// Nothing if the runner binary can be read, else why not (facts §9.3).
  std::optional<std::string> unhealthy() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
