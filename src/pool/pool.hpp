#pragma once

#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include <boost/container/flat_map.hpp>

#include "berth/base/task_group.hpp"
#include "berth/pool/worker_pool.hpp"

#include "exit_watch.hpp"
#include "host_identity.hpp"
#include "pool_metrics.hpp"
#include "probe_pace.hpp"
#include "quota.hpp"
#include "runner_source.hpp"
#include "snapshot_board.hpp"
#include "tags.hpp"
#include "worker.hpp"

namespace berth {

/// The shell around the worker state machine and the quota memory: all I/O of the pool. Everything but snapshot(),
/// subscribe() and unhealthy() runs on the strand; tasks look their worker up again after every wait.
class WorkerPool::Impl {
 public:
  Impl(Runtime& runtime, Logger log, Metrics& metrics, InstanceSet& instances, ExecutorFactory executors,
       RunnerConfig runner_config, PoolOptions options);

  const asio::any_io_executor& strand() const { return tasks_.executor(); }
  void begin();
  awaitable<void> stop();
  std::shared_ptr<const PoolSnapshot> snapshot() const { return board_.read(); }
  Subscription subscribe() { return changed_.subscribe(); }
  std::optional<std::string> unhealthy() const;

  awaitable<PoolReceipt> apply(PoolCommands commands);
  awaitable<void> probe_all();
  awaitable<Result<void>> set_idle_behavior(std::string id, IdleBehavior behavior);
  awaitable<Result<void>> kill_instance(std::string id, std::string reason);
  awaitable<Result<void>> kill_container(std::string uuid, std::string reason);

 private:
  /// The exit watch of a worker: what is said to happen there, between probes (exit_watch.hpp).
  struct Watch {
    struct End {
      SteadyTime told{};
      bool refuted = false;  ///< a later probe still showed the process: rounds will tell
    };
    bool kept = false;                   ///< its task is there
    bool watching = false;               ///< it tells what ends
    std::shared_ptr<StreamInput> input;  ///< of the command that runs now; null: none, or it is not listened to
    std::shared_ptr<Signal> stop = std::make_shared<Signal>();
    WatchBudget budget;
    std::map<std::string, End> ended;              ///< told, not yet shown by a probe; by container
    std::map<std::string, SteadyTime> unreported;  ///< shown by a probe, not yet told, since
    bool checking = false;                         ///< a probe because of what was told is about to begin
    bool check_again = false;                      ///< once the present probe ends
    int refutations = 0;                           ///< probes in a row that did not show what was told
    SteadyTime next_check{};
  };
  /// A worker and the way to it.
  struct Member {
    std::uint64_t number = 0;
    SteadyTime created{};
    InstanceType type;  ///< of an unknown type only the name and the provider's name
    std::shared_ptr<Instance> instance;
    std::shared_ptr<HostIdentity> identity;
    std::shared_ptr<Executor> executor;
    std::string address;
    InstanceTags tags;         ///< as last listed or written
    bool tags_listed = false;  ///< they are those of `instance`
    bool writing_tags = false;
    std::map<std::string, std::int64_t> pids;   ///< of runners, by container
    std::map<std::string, SteadyTime> started;  ///< by container; only those whose start we accepted
    bool probe_again = false;                   ///< once the present probe ends
    SteadyTime last_probe_began{};              ///< when the latest probe that has ended began
    std::string trouble;                        ///< what its latest probe failed of; empty: it succeeded
    Worker worker;
    Watch watch;
    SteadyTime busy_seen{};  ///< Worker::busy that `last_busy` stands for
    WallTime last_busy{};
    std::optional<SteadyTime> deadline;  ///< its entry in deadlines_
  };
  struct PendingCreate {
    std::uint64_t number = 0;
    InstanceType type;
    SteadyTime created{};
  };

  // pool.cpp: workers, what they ask for, and their timers.
  Member* find(std::uint64_t number);
  Member* find_by_id(const std::string& id);
  void step(Member& member, const WorkerEvent& event);
  void step_number(std::uint64_t number, const WorkerEvent& event);
  void perform(Member& member, const WorkerAction& action);
  void set_deadline(Member& member);
  void add_process(const std::string& uuid, std::uint64_t number);
  void remove_process(const std::string& uuid, std::uint64_t number);
  void publish(Member& member);
  void publish_process(const std::string& uuid);
  void publish_room();
  void notify(bool changed);
  WorkerTimeouts timeouts_of(const Member& member) const;
  void set_idle_timeouts(const std::map<std::string, Duration>& by_type);
  Logger log_for(const Member& member) const;
  awaitable<void> timer_loop();
  void fire_deadlines();
  SteadyTime next_timer() const;
  void wake_timer_by(SteadyTime when);
  void refresh_gauges();

  // pool_cloud.cpp: creates, lists, destroys, tags.
  PoolCounts counts() const;
  bool begin_create(const std::string& type_name);
  awaitable<void> create(std::string secret, InstanceType type);
  void create_failed(const InstanceType& type, const Error& error);
  Member& appear(std::shared_ptr<Instance> instance, const std::string& secret);
  awaitable<void> sync_loop();
  awaitable<void> sync();
  awaitable<void> show_listed(std::vector<std::shared_ptr<Instance>> instances);
  void refresh(Member& member, std::shared_ptr<Instance> instance);
  void vanish_if_older(SteadyTime list_begun);
  awaitable<void> destroy(std::uint64_t number);
  std::optional<InstanceTags> tags_to_write(const Member& member) const;
  void write_tags_if_changed(Member& member);
  awaitable<void> write_tags(std::uint64_t number, InstanceTags tags);

  // pool_remote.cpp: probes, deployment, starts, signals.
  awaitable<void> load_runner();
  awaitable<void> probe_loop();
  std::optional<std::uint64_t> take_probe();
  void begin_round();
  bool begin_probe(std::uint64_t number);
  void request_probe(std::uint64_t number);
  awaitable<void> serve_probe_all();
  awaitable<void> probe_since(SteadyTime asked);
  awaitable<void> probe(std::uint64_t number);
  awaitable<event::ProbeEnded> probe_steps(std::uint64_t number, WorkerStage stage);
  void note_trouble(std::uint64_t number, LogLevel level, std::string_view what, std::string error);
  awaitable<bool> boot_probe(std::uint64_t number);
  awaitable<bool> deploy(std::uint64_t number);
  awaitable<std::optional<RunProbe>> run_probe(std::uint64_t number);
  awaitable<void> start_process(std::uint64_t number, std::string uuid, WallTime created_at);
  awaitable<void> send_signal(std::uint64_t number, std::string uuid);
  void look_for_pids(Member& member);
  awaitable<void> read_lock_files(std::uint64_t number, std::vector<std::string> uuids);
  void learn_pids(std::uint64_t number, std::string_view lock_lines);
  Command command_of(std::string text) const;
  awaitable<Result<CommandOutput>> execute(std::uint64_t number, Command command);

  // pool_watch.cpp: what the workers tell between probes.
  void keep_watch(Member& member);
  awaitable<void> watch(std::uint64_t number);
  void watch_broke(Member& member, const std::string& why);
  void set_watching(Member& member, bool watching);
  void hear(std::uint64_t number, std::string_view text);
  void watch_pid(Member& member, std::int64_t pid);
  void note_end(Member& member, const std::string& uuid);
  void check_ends(Member& member);
  void check_soon(Member& member);
  awaitable<void> check(std::uint64_t number, SteadyTime when);
  void compare_watch(Member& member, SteadyTime begun, bool succeeded);
  void count_end(Member& member, const std::string& uuid, bool probed);
  bool may_skip_probe(const Member& member) const;

  // pool_commands.cpp: what the scheduler and the operator ask for.
  bool begin_start(const StartRequest& request);
  bool request_kill(const KillRequest& request);

  Runtime& runtime_;
  Logger log_;
  PoolMetrics metrics_;
  const HostCheckCounts host_checks_;
  InstanceSet& instances_;
  const ExecutorFactory executors_;
  const RunnerConfig runner_config_;
  const PoolOptions options_;
  const TagKeys tag_keys_;
  const WorkerTimeouts timeouts_;
  std::map<std::string, std::string> quota_groups_;  ///< by type name
  std::map<std::string, Duration> idle_timeouts_;    ///< by type name; shorter than the configured one

  bool stopped_ = false;
  bool loaded_ = false;
  QuotaMemory quota_;
  std::uint64_t last_number_ = 0;
  boost::container::flat_map<std::uint64_t, std::unique_ptr<Member>> members_;  ///< by number; walked often
  std::unordered_map<std::string, Member*> members_by_id_;                      ///< by the cloud's id
  std::vector<Member*> listed_;                                                 ///< in the order of the last list
  std::set<std::string> types_without_room_;                                    ///< whose last create found no room
  std::map<std::string, PendingCreate> pending_;                                ///< by secret
  std::int64_t creates_in_flight_ = 0;
  std::map<std::string, std::vector<std::uint64_t>> processes_;  ///< workers that have it, by uuid; normally one
  std::map<std::string, SteadyTime> exits_;                      ///< placeholders, by uuid
  std::optional<RunnerSource> runner_;                           ///< nothing until it was read

  std::set<std::pair<SteadyTime, std::uint64_t>> deadlines_;
  SteadyTime timer_at_{};  ///< what timer_loop sleeps until
  SteadyTime gauges_due_{};
  SteadyTime gauges_set_{};
  std::deque<std::uint64_t> round_;   ///< rest of the probe round
  std::deque<std::uint64_t> urgent_;  ///< to be probed before it
  ProbePace pace_;
  bool overload_told_ = false;    ///< that a round does not fit its interval
  std::uint64_t all_asked_ = 0;   ///< calls of probe_all()
  std::uint64_t all_probed_ = 0;  ///< of those, the ones that are served
  bool probing_all_ = false;
  std::int64_t watches_ = 0;  ///< that tell what ends

  SnapshotBoard board_;
  Signal changed_;
  Signal wakeups_;
  Signal probe_ended_;  ///< while probing_all_
  Signal all_were_probed_;
  Subscription timer_wakeup_;
  Subscription probe_wakeup_;
  mutable std::mutex health_mutex_;
  std::optional<std::string> unhealthy_;
  TaskGroup tasks_;
};

}  // namespace berth
