#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "berth/base/time.hpp"
#include "berth/model/instance.hpp"

#include "run_probe.hpp"

namespace berth {

/// Where a worker stands in its life. Idle and running are not stages: they follow from its processes.
enum class WorkerStage { unknown, booting, in_service, shutdown };

/// Facts §6.11.
enum class BootOutcome { success, failure, aborted, disappeared };
std::string_view to_string(BootOutcome outcome);

struct WorkerTimeouts {
  Duration idle{};
  Duration booting{};
  Duration probe{};
  Duration answer{};  ///< a probe that runs longer than this no longer saves its worker from the two above
  Duration shutdown{};
  Duration stale_run_lock{};
  Duration signal{};
  Duration term{};
};

/// A container's runner process on a worker.
struct Process {
  struct Kill {
    SteadyTime first{};  ///< first SIGTERM; it may be yet to come
    SteadyTime last{};   ///< latest one
    bool in_flight = false;
    bool given_up = false;
  };
  bool starting = false;            ///< the start command has not returned, and no probe has shown the process
  std::uint64_t running_since = 0;  ///< Worker::revision at which it left `starting`
  std::optional<Kill> kill;
};

/// The state of one worker (facts §6.4, §6.5, §6.8): a value; only next() changes it.
struct Worker {
  struct ProbeInFlight {
    SteadyTime begun{};
    std::uint64_t revision = 0;  ///< of the worker, when the probe began
  };

  WorkerStage stage = WorkerStage::unknown;
  IdleBehavior idle_behavior = IdleBehavior::run;
  std::map<std::string, Process> processes;  ///< by container uuid
  std::string last_container;
  SteadyTime appeared{};
  SteadyTime updated{};  ///< latest sign that the instance exists
  SteadyTime busy{};     ///< latest time with something running
  SteadyTime probed{};   ///< latest successful probe
  std::optional<ProbeInFlight> probe;
  bool probe_failed = false;  ///< the latest finished probe
  std::optional<SteadyTime> first_contact;
  std::optional<BootOutcome> boot_outcome;
  SteadyTime destroyed{};                         ///< latest destroy call
  std::map<std::string, SteadyTime> stale_since;  ///< stale run locks, by uuid
  std::uint64_t revision = 0;                     ///< counts the changes of `processes` that do not come from probes
  std::uint64_t last_removal = 0;                 ///< revision of the latest removal among them
};

/// A worker that appears now: `booting` if one of our creates made it, else `unknown`.
Worker make_worker(WorkerStage stage, IdleBehavior behavior, SteadyTime now);

WorkerState worker_state(const Worker& worker);
/// Whether a container may be started on it.
bool accepts_start(const Worker& worker);
/// Whether the scheduler may shut it down.
bool accepts_shutdown(const Worker& worker);
/// Whether an operator may still hold it back: a destroy that was decided cannot be called back, sent or not.
bool accepts_hold(const Worker& worker);

namespace event {
/// A cloud list shows it.
struct Listed {};
/// A cloud list does not show it any more.
struct Vanished {};
/// A command on it completed, whatever its status.
struct Contacted {};
struct ProbeBegun {};
/// `booted`: boot probe and deployment are all right (not looked at once in service). `list`: nothing if the run probe
/// failed or was not made.
struct ProbeEnded {
  bool booted = false;
  std::optional<RunProbe> list;
};
struct StartAccepted {
  std::string uuid;
};
/// `refused`: the command completed and said no; not set when nobody knows (no connection, no answer).
struct StartEnded {
  std::string uuid;
  bool refused = false;
};
struct KillRequested {
  std::string uuid;
  Duration wait{};  ///< before the first SIGTERM
};
/// `confirmed`: the kill command completed with exit status 0.
struct KillEnded {
  std::string uuid;
  bool confirmed = false;
};
/// The scheduler does not need it: refused unless accepts_shutdown().
struct ShutdownRequested {};
/// The operator wants it gone, even if on hold.
struct KillInstance {
  std::string reason;
};
struct BehaviorSet {
  IdleBehavior behavior = IdleBehavior::run;
};
/// The time that next_deadline() named has come.
struct TimerFired {};
}  // namespace event

using WorkerEvent = std::variant<event::Listed, event::Vanished, event::Contacted, event::ProbeBegun, event::ProbeEnded,
                                 event::StartAccepted, event::StartEnded, event::KillRequested, event::KillEnded,
                                 event::ShutdownRequested, event::KillInstance, event::BehaviorSet, event::TimerFired>;

namespace action {
struct Destroy {
  std::string reason;
};
/// SIGTERM to the container's runner.
struct SendSignal {
  std::string uuid;
};
struct ProbeNow {};
/// A probe shows a process that this pool did not start.
struct Adopted {
  std::string uuid;
};
/// The process is gone; it leaves an exit placeholder.
struct Exited {
  std::string uuid;
  bool probed = false;  ///< a probe shows it; else the kill command did
};
/// SIGTERM did not help within TimeoutTERM.
struct GaveUp {
  std::string uuid;
};
/// It can start no more containers.
struct Broken {
  std::string reason;
};
struct CountBoot {
  BootOutcome outcome{};
};
struct CountDisappeared {
  WorkerState state{};
};
struct ObserveTimeToSsh {
  Duration time{};
};
struct ObserveTimeToReady {
  Duration time{};
};
struct ObserveShutdown {
  Duration time{};
};
}  // namespace action

using WorkerAction =
    std::variant<action::Destroy, action::SendSignal, action::ProbeNow, action::Adopted, action::Exited, action::GaveUp,
                 action::Broken, action::CountBoot, action::CountDisappeared, action::ObserveTimeToSsh,
                 action::ObserveTimeToReady, action::ObserveShutdown>;
/// For tests and logs: `destroy(idle)`, `signal(uuid)`, …
std::string to_string(const WorkerAction& action);

/// The transition function: applies the event and says what is to be done about it. Reads no clock, does no I/O.
std::vector<WorkerAction> next(Worker& worker, const WorkerEvent& event, SteadyTime now,
                               const WorkerTimeouts& timeouts);

/// When TimerFired is due, if nothing happens before.
std::optional<SteadyTime> next_deadline(const Worker& worker, const WorkerTimeouts& timeouts);

}  // namespace berth
