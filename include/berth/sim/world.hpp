#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "berth/base/log.hpp"
#include "berth/base/time.hpp"
#include "berth/config/cluster.hpp"
#include "berth/dispatcher/dispatcher.hpp"
#include "berth/sim/faults.hpp"
#include "berth/sim/workload.hpp"

namespace berth {

/// Log-normal around its median, between the two bounds. Spread 0: always the median.
struct DelayModel {
  Duration median{};
  double spread = 0;  ///< standard deviation of the logarithm
  Duration least{};
  Duration most = std::chrono::hours(24);
};

/// The simulated cloud. Prices are those of the instance types.
struct SimCloudModel {
  DelayModel create{std::chrono::seconds(2), 0.3};
  DelayModel list{std::chrono::milliseconds(300), 0.3};
  DelayModel destroy{std::chrono::seconds(1), 0.3};  ///< until the call answers
  DelayModel gone{std::chrono::seconds(20), 0.3};    ///< from there until lists do not show it any more
  DelayModel boot{std::chrono::seconds(50), 0.3};    ///< from the create to the first connection
  std::map<std::string, DelayModel> boot_of_type;    ///< the same of single types, by name
  std::optional<std::int64_t> quota;                 ///< instances in any state
  std::map<std::string, std::int64_t> capacity;      ///< instances at a time, by type name; others: no limit
  std::int64_t creates_per_minute = 0;               ///< beyond that: rate limit; 0 = no limit
  bool filters = true;                               ///< lists, by tag; else the dispatcher has to do it itself
};

/// The simulated event bus.
struct SimEventBusModel {
  DelayModel latency{std::chrono::milliseconds(20), 0.5};  ///< from a change until the news of it arrive
  double loss = 0;                                         ///< share of the news that is lost, storm or not
};

/// The simulated container API.
struct SimApiModel {
  DelayModel latency{std::chrono::milliseconds(20), 0.5};
  Duration deadline = std::chrono::seconds(30);  ///< of the client, per call
  std::int64_t max_page = 1000;
  std::optional<SimEventBusModel> event_bus;  ///< nothing: changes are found by polling alone
  /// The dispatcher is told of each change when polls so far apart would have found it, or at once if it is zero, and
  /// polls only where that is not enough. Without faults that is as good as polls or an event bus, and costs much less.
  std::optional<Duration> told_every;
};

/// Workers and their runners.
struct SimWorkerModel {
  DelayModel command{std::chrono::milliseconds(40), 0.5};
  DelayModel start{std::chrono::seconds(1), 0.5};  ///< from the start of a runner until it claims the container
  DelayModel end{std::chrono::seconds(1), 0.5};    ///< from the final state until the process is gone
};

/// A whole history: what is given, and the seed for everything else.
struct SimOptions {
  std::uint64_t seed = 1;
  Duration duration = std::chrono::hours(6);
  Cluster cluster;
  Workload workload;
  SimCloudModel cloud;
  SimApiModel api;
  SimWorkerModel workers;
  SimFaults faults;
  /// When faults act: [from, to) since the beginning; disjoint, in order.
  std::vector<std::pair<Duration, Duration>> storms;
  int dispatchers = 1;           ///< that compete for the lease
  int attempts_per_request = 3;  ///< containers made in turn for a request whose container was Cancelled
  bool check_invariants = true;  ///< else only events and figures
  /// As DispatcherEdges::adjust.
  std::function<void(QueueOptions&, PoolOptions&, SchedulerOptions&)> adjust;
  std::shared_ptr<LogSink> log;  ///< of the dispatchers; null: none
  LogLevel log_level = LogLevel::info;
};

enum class SimEventKind {
  // Containers, as the API sees them; `detail` says who or why.
  submitted,
  locked,
  unlocked,
  running,
  complete,
  cancelled,
  reprioritized,
  // Instances, as the cloud sees them; `detail` of instance_created is the type's name.
  instance_created,
  create_refused,
  instance_booted,
  instance_destroyed,  ///< it ends, but may still be listed
  instance_died,
  instance_gone,
  tags_written,
  // Workers and runners.
  start_command,
  runner_began,
  runner_ended,
  kill_command,
  // Dispatchers.
  dispatcher_started,
  dispatcher_ended,
  lease_taken,
  lease_lost,
  // Everything else: `detail` says what.
  api_call,
  command,
  fault,
  verb,
  storm,
};
std::string_view to_string(SimEventKind kind);

/// Something that happened. The views hold until the observer returns.
struct SimEvent {
  std::uint64_t number = 0;  ///< from 1
  Duration at{};             ///< since the beginning
  SimEventKind kind{};
  std::string_view container;  ///< uuid, or empty
  std::string_view instance;   ///< id, or empty
  std::string_view detail;
};

class SimObserver {
 public:
  virtual ~SimObserver() = default;
  virtual void on_event(const SimEvent& event) = 0;
};

/// A broken promise; the first one ends the history.
struct SimViolation {
  std::string invariant;
  std::string detail;
  std::uint64_t event = 0;  ///< number of the event at which it showed
  std::string event_text;   ///< that event
  Duration at{};            ///< since the beginning
};

/// One line of a container's life for reports; times since the beginning.
struct SimContainerRecord {
  std::string uuid;
  std::uint32_t workload_index = 0;
  int attempt = 1;
  ContainerState state = ContainerState::queued;
  Duration submitted{};
  std::optional<Duration> started;  ///< record became Running
  std::optional<Duration> ended;    ///< final
  std::int64_t lock_count = 0;
  std::string error;  ///< why it was Cancelled, if the record says so
};

/// What became of an element of the workload, whatever attempts it took.
enum class SimOutcome {
  open,      ///< of it, or of what it waits for, more could come
  complete,  ///< the last attempt
  failed     ///< or that which it waited for did
};

/// One that waits, and never will run.
struct SimStuck {
  std::uint32_t workload_index = 0;
  std::string reason;  ///< the scheduler's word for it
};

/// The whole dispatcher, as it ships, in simulated time against a simulated API, cloud, workers and runners. The same
/// options give the same history, event by event.
class SimWorld {
 public:
  explicit SimWorld(SimOptions options);
  ~SimWorld();
  SimWorld(const SimWorld&) = delete;
  SimWorld& operator=(const SimWorld&) = delete;

  /// Sees every event from now on; must outlive the world.
  void observe(SimObserver& observer);
  /// Lets `duration` of simulated time pass, but not beyond the options' duration; false if an invariant is broken.
  bool run_for(Duration duration);
  /// To the end of the options' duration, then the dispatchers are stopped; false if an invariant was broken.
  bool run();
  /// run(), but ends as soon as every container of the workload is final and every instance gone; or once one has
  /// waited for `patience` in which none has begun to run or ended, and none runs but supervisors that wait for others:
  /// then stuck() says what waits in vain.
  bool run_until_done(Duration patience = Duration::max());

  Duration elapsed() const;
  bool all_done() const;  ///< every request has ended, and no instance is left
  std::uint64_t events() const;
  std::uint64_t event_hash() const;  ///< of all events so far
  const std::optional<SimViolation>& violation() const;
  /// How often each fault has struck, by its name; those that have.
  std::map<std::string_view, std::uint64_t> strikes() const;
  /// Starts beside another live runner of the same container that the dispatcher could not know of.
  std::uint64_t excused() const;
  std::vector<SimContainerRecord> containers() const;  ///< in the order of their submission
  std::vector<SimOutcome> outcomes() const;            ///< by index in the workload
  const std::vector<SimStuck>& stuck() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth
