#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/pool/worker_pool.hpp"
#include "berth/queue/container_queue.hpp"

#include "cloud_model.hpp"
#include "core.hpp"
#include "record_store.hpp"
#include "watcher.hpp"

namespace berth {

/// What the dispatcher promises, checked on what each event touches, and in full every simulated minute. A dispatcher
/// is judged by what it has been told, not by what only the world knows: what it knows is kept here, by process.
/// docs/simulator.md lists the invariants.
class Invariants final : public SimWatcher {
 public:
  Invariants(SimCore& core, const RecordStore& store, const SimCloud& cloud)
      : core_(core), store_(store), cloud_(cloud) {}

  // The world's clockwork.
  void after_turn(const std::vector<const Link*>& links);
  /// The active dispatcher is still there, and its operators' holds with it.
  void serve_holds(const Link& link);
  void storm_changed() { calm_since_ = core_.now(); }
  void check_all(const std::vector<const Link*>& links, const Link* active);
  /// At the end of a history, when all is over.
  void check_ends();
  std::uint64_t excused() const { return excused_; }

  // SimWatcher: invariants.cpp keeps the books, invariant_*.cpp judge.
  void record_changed(const SimRecord& record, ContainerState before, ChangedBy by) override;
  void acts(const Link& link, std::string_view verb, const std::string& subject) override;
  void call_ended(const Link& link, std::string_view verb, const std::string& uuid) override;
  void cloud_called(const Link& link) override;
  void touches(const Link& link, const SimVm& vm) override;
  void create_begun(const Link& link, const CreateRequest& request) override;
  void create_answered(const Link& link, const InstanceType& type, const SimVm* vm, const Error* error) override;
  void create_ended(const Link& link, const std::string& secret) override;
  void list_begun(const Link& link) override { known(link).list_begun = core_.now(); }
  void list_answered(const Link& link, const std::vector<std::shared_ptr<SimVm>>& page) override;
  void destroy_sent(const Link& link, const SimVm& vm) override;
  void start_sent(const Link& link, const SimVm& vm, const std::string& uuid) override;
  void kill_sent(const Link& link, const SimVm& vm, const std::string& uuid) override;
  void kill_ended(const Link& link, const SimVm& vm, const std::string& uuid) override;
  void kill_confirmed(const Link& link, const SimVm& vm, const std::string& uuid) override;
  void probed(const Link& link, const SimVm& vm, SteadyTime as_of) override;
  void broken_heard(const Link& link, const SimVm& vm) override;
  void run_locks_heard(const Link& link, const SimVm& vm, const std::set<std::string>& uuids) override;
  void probe_begun(const Link& link, const SimVm& vm) override;
  void end_told(const Link& link, const SimVm& vm) override;
  void start_ended(const Link& link, const SimVm& vm) override;
  void start_refused(const std::string& uuid) override { ++forced_unlocks_[uuid]; }
  void runner_began(const SimVm& vm, const SimRunner& runner, const Link& link) override;
  void runner_ended(const SimVm& vm, const std::string& uuid) override;
  void tags_fail(const SimVm& vm) override { tags_failed_[vm.id] = core_.now(); }
  void behavior_set(const Link& link, const std::string& id, IdleBehavior behavior) override;
  void operator_kills_instance(const std::string& id) override { killed_instances_.insert(id); }
  void instance_kill_accepted(const Link& link, const std::string& id) override;
  void operator_kills_container(const std::string& uuid) override { killed_containers_.insert(uuid); }

 private:
  static constexpr Duration at_once = std::chrono::milliseconds(50);  ///< from a lock until the start
  /// From a probe that did not show what an exit watch had told until the next one.
  static constexpr Duration longest_check_pause = std::chrono::seconds(15);

  /// What one process has been told of an instance.
  struct KnownInstance {
    IdleBehavior behavior = IdleBehavior::run;     ///< as its operator set it, or its tag said
    std::optional<SteadyTime> probed;              ///< as of when its runners were last listed
    SteadyTime missing_since = SteadyTime::min();  ///< last time that a list left it out
    bool destroying = false;                       ///< a destroy has been sent
    bool listed = false;                           ///< shown by the last list, or made since
    std::optional<SteadyTime> listed_since;        ///< by all lists, or made then
    std::optional<SteadyTime> made;                ///< by a create of its own, as the answer told
    std::optional<SteadyTime> kill_accepted;       ///< an operator's
    bool destroy_sent = false;                     ///< for that or any other reason
    std::optional<SteadyTime> used_until;          ///< the end of the last runner there that its pool knew of
    std::optional<SteadyTime> told_to_run;         ///< by an operator, the last time
    /// It says that it is broken, holds a run lock for too long, or a kill came to nothing; not told to run since.
    std::optional<SteadyTime> unfit_since;
    std::map<std::string, SteadyTime> run_locks;  ///< without a runner, in all lists since then, by uuid
    std::set<std::string> given;  ///< uuids that it reckons with there: it has started them, or known of them long
  };
  /// What the exit watch of an instance has told one process.
  struct WatchNews {
    SteadyTime end_told{};        ///< the last time
    SteadyTime to_check_until{};  ///< so long that may be a reason for a probe
  };
  /// An operator's, of an instance, acknowledged by one dispatcher.
  struct Hold {
    std::pair<std::uint64_t, std::uint64_t> by;  ///< process and term
    SteadyTime since{};
    SteadyTime served{};  ///< as long as that one was the active one
  };
  /// One was locked, and another that goes before it, and needs no more, stayed Queued.
  struct PassedOver {
    std::uint64_t process = 0;
    const QueueEntry* locked = nullptr;
    const QueueEntry* other = nullptr;
    std::shared_ptr<const QueueSnapshot> queue;  ///< which has them
    SteadyTime at{};
    std::shared_ptr<const PoolSnapshot> before, then;  ///< as of that turn, and the one before it
    std::string started_on{};                          ///< instance
  };
  /// One that was started, on an instance of that type.
  struct Started {
    QueueEntry entry;
    std::string instance, type;
    std::shared_ptr<const SimMachine> machine;
    std::shared_ptr<const PoolSnapshot> pool;  ///< as it was then
  };
  /// What a pass saw that sent a lock: it may have a place for it that is taken as soon as it is Locked.
  struct Seen {
    std::shared_ptr<const QueueSnapshot> queue;
    std::shared_ptr<const PoolSnapshot> pool;
  };
  /// A process that the dispatcher has been told is killed.
  struct Killed {
    std::string instance;
    SteadyTime at{};
    bool noted = false;  ///< its pool has shown it as ended
  };
  /// A process that is being killed, as long as the pool shows it.
  struct Kill {
    std::string instance;
    std::optional<SteadyTime> started;  ///< the process, as the pool shows it
    SteadyTime first{}, last{};         ///< when the first and the latest SIGTERM were sent
    std::optional<SteadyTime> ended{};  ///< the command that sent the latest one
  };
  /// The API has said 503.
  struct Unavailable {
    SteadyTime told{};
    std::int64_t running = 0;  ///< processes then, or before a pass has looked
    std::int64_t found = 0;    ///< … since that it has not started, or that have ended
  };
  /// … and of everything.
  struct Known {
    std::map<std::string, KnownInstance> instances;
    std::set<std::string> creates;            ///< secrets of those under way that no list has shown yet
    std::set<std::string> creates_in_flight;  ///< secrets of all
    SteadyTime creates_throttled_until{};
    std::map<std::string, SteadyTime> no_room_until;  ///< by scope and value
    std::optional<SteadyTime> first_list;
    SteadyTime list_begun{};  ///< the latest one
    bool over_quota = false;  ///< told so since the last list
    bool met_quota = false;   ///< told so ever
    SteadyTime over_quota_until{};
    std::map<std::string, SteadyTime> unlocking_until;           ///< by uuid: the end of the last unlock call
    std::map<std::string, SteadyTime> lock_sent;                 ///< by uuid
    std::map<std::string, SteadyTime> locking_until;             ///< by uuid: the end of the last lock call
    std::map<std::string, std::vector<PassedOver>> passed_over;  ///< by uuid of who was locked
    std::vector<PassedOver> left_behind;                         ///< of those who were started, while this one stayed
    std::set<std::string> justly_killed;
    std::map<std::string, Killed> killed;        ///< by uuid: of the last two minutes
    std::map<std::string, Kill> kills;           ///< by uuid
    std::map<std::string, Seen> locked_by;       ///< by uuid: until it is started; policy `cost`
    std::int64_t most_running = 0;               ///< processes at a time
    std::optional<Unavailable> unavailable;      ///< the last time
    std::deque<SteadyTime> probes;               ///< those of the last second
    std::optional<SteadyTime> first_change;      ///< of a lock
    std::shared_ptr<const QueueSnapshot> queue;  ///< of the turn before this one, as is `pool`
    std::shared_ptr<const PoolSnapshot> pool;
    // Of the last minute, and as they were at its beginning.
    std::int64_t calls = 0;
    std::vector<Started> starts;
    std::shared_ptr<const QueueSnapshot> queue_then;
    std::set<std::string> held_then;  ///< instances on hold that were not shut down
  };
  /// How long something has been wrong that must come right by itself.
  struct Lasting {
    SteadyTime since{};
    bool seen = false;
  };

  /// A dispatcher that gets the lease back begins anew.
  Known& known(const Link& link) { return known_[{link.number, link.term}]; }
  bool calm_for(Duration time) const { return !core_.storm() && core_.now() - calm_since_ >= time; }
  const Cluster& cluster() const { return core_.options.cluster; }
  const CloudVmsConfig& vms() const { return cluster().containers.cloud_vms; }
  /// Instances that are listed, and creates under way.
  static std::int64_t counted(const Known& its);
  /// What is Locked may have to be unlocked, whatever it is: instances are short, or a dispatcher begins anew; or what
  /// might use that type, of which none was to be had.
  void force_unlocks(const InstanceType* type = nullptr);
  void force_locks(const Known& its);
  void note_use(const SimVm& vm, const std::string& uuid);
  IdleBehavior behavior_to_find(const SimVm& vm) const;
  /// What was Locked as it began is unlocked then, and takes its place back from what was locked instead.
  bool has_just_begun(const Known& its) const {
    return its.first_change && core_.now() - *its.first_change < std::chrono::seconds(5);
  }
  bool knows_runner(const Link& link, const SimVm& vm, const SimRunner& runner);
  WatchNews& news(const Link& link, const SimVm& vm) { return watch_news_[{link.number, vm.id}]; }
  bool waits_for_probe(const Link& link, const SimVm& vm, const std::string& uuid);

  // invariant_starts.cpp
  void check_passed_over(const Link& link, const SimVm& vm, const std::string& uuid);
  void judge_passed_over(const Link& link);
  void judge_left_behind(const Link& link);
  void check_lock_order(const Link& link, const std::string& uuid);
  void check_one_runner(const SimVm& vm, const SimRunner& runner, const Link& link);
  /// `in_group`: it is started above its ceiling, and by a group's right, not a ride's.
  void check_order(const Link& link, const SimVm& vm, const QueueEntry& started, bool in_group);
  void check_starts(const Link& link);
  bool has_room(const PoolInstance& instance, const QueueEntry& entry, const QueueSnapshot& queue,
                const InstanceType& type) const;
  bool goes_before(const QueueEntry& a, const QueueEntry& b) const;
  static std::string passed_over_text(const PassedOver& one);

  // invariant_places.cpp
  bool starts_at_once(const Known& its, const std::string& uuid) const;
  /// Returns whether it is started there above its ceiling, and by a group's right.
  bool check_eligible(const Link& link, const SimVm& vm, const std::string& uuid);
  bool check_above_ceiling(const Link& link, const SimVm& vm, const std::string& uuid);
  void check_supervisors(const Link& link, const std::string& uuid);
  void note_unavailable(const Link& link);
  void check_load(const Link& link, const std::string& uuid);
  void give(const Link& link, const SimVm& vm, const std::string& uuid);
  void check_room(const Link& link, const SimVm& vm);

  // invariant_acts.cpp
  std::int64_t count_within(Duration time, std::deque<SteadyTime>& recent) const;
  void check_create(Known& known, const InstanceType& type);
  void note_most(const Link& link);
  void check_create_price(const Link& link, const std::string& name);
  void check_cancel(const Link& link, const std::string& uuid);
  void check_early(const Link& link, const SimVm& vm);

  // invariant_unfit.cpp
  void note_kill(const Link& link, const SimVm& vm, const std::string& uuid);
  void judge_kills(const Link& link);
  bool is_unfit(const Known& its, const std::string& id) const;
  void check_repeated(const Link& link, const std::string& uuid, const Kill& kill);
  void check_unfit_start(const Link& link, const SimVm& vm, const std::string& uuid);
  void check_unfit(const Link& link);
  void check_told_to_go(const Link& link);

  // invariant_waits.cpp
  bool has_no_limit(const Link& link);
  bool is_to_be_had(const InstanceType& type, const Container& container, const Cluster& as_configured) const;
  static bool is_under_way(const Link& link, const Container& container);
  void check_waits(const Link& active);

  // invariant_states.cpp
  void check_record(const SimRecord& record);
  void check_runners();
  /// Nothing goes wrong in this history but what the cloud's limits and impossible requests bring about.
  bool fault_free() const { return core_.options.storms.empty(); }
  void check_instance(const SimVm& vm, bool dispatched);
  void check_limits(const Link& link);
  void check_pool(const Link& link);
  void check_mirror(const Link& active);
  void check_imagined(const Link& active);
  void check_priorities(const Link& active);
  void judge_killed(const Link& link);
  void judge_forgotten(const Link& link);
  void check_calls(const Link& link);
  /// Whether it has held for that long, looked at every minute.
  void wrong_for(const std::string& what, Duration bound, std::string_view invariant, const std::string& detail);

  SimCore& core_;
  const RecordStore& store_;
  const SimCloud& cloud_;
  SteadyTime calm_since_{};
  SteadyTime dispatched_since_ = SteadyTime::max();  ///< since when some dispatcher has been active all the time
  std::pair<std::uint64_t, std::uint64_t> active_;   // process and term
  std::map<std::pair<std::uint64_t, std::uint64_t>, Known> known_;  // by process and term
  std::map<std::string, SteadyTime> completed_;                     ///< by uuid
  std::map<std::string, SteadyTime> cancel_sent_;                   ///< by uuid, by any dispatcher
  std::set<std::string> killed_instances_;
  std::set<std::string> killed_containers_;
  std::set<std::uint64_t> limited_;  ///< processes that have met MaxInstances or a quota, in whatever term
  std::map<std::string, std::int64_t> forced_unlocks_;                     ///< by uuid: reasons for an attempt to fail
  std::map<std::string, SteadyTime> runner_ended_;                         ///< by uuid
  std::map<std::uint64_t, std::deque<SteadyTime>> cloud_calls_;            ///< by process: those of the last second
  std::map<std::pair<std::uint64_t, std::string>, WatchNews> watch_news_;  ///< by process and instance
  std::map<std::string, Hold> holds_;                                      ///< by id of the instance
  std::map<std::string, SteadyTime> tags_failed_;                          ///< by id of the instance: the last time
  std::map<std::string, Lasting> lasting_;
  std::vector<PassedOver> passed_over_;  ///< in this turn
  std::uint64_t excused_ = 0;            ///< starts beside a runner that the dispatcher could not know of
  std::set<std::string> excused_twice_;  ///< uuids of those, while two live
};

/// As its tag says; `run` if none does.
IdleBehavior idle_tag(const SimVm& vm);

/// The bound within which record and process agree again once faults have stopped: unresponsive instances are found
/// out, destroyed and gone, and a dispatcher has started anew.
Duration convergence_bound(const Cluster& cluster);

}  // namespace berth
