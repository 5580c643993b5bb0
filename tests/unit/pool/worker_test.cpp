#include "worker.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using namespace std::chrono_literals;

const std::string u1 = "zzzzz-dz642-000000000000001";
const std::string u2 = "zzzzz-dz642-000000000000002";

const WorkerTimeouts timeouts{.idle = 60s,
                              .booting = 10min,
                              .probe = 5min,
                              .answer = 10s,
                              .shutdown = 10s,
                              .stale_run_lock = 5s,
                              .signal = 5s,
                              .term = 2min};

SteadyTime at(Duration offset) {
  return SteadyTime(100h) + offset;
}

RunProbe listing(std::set<std::string> running) {
  return {std::move(running), {}, false};
}

Process running_process() {
  return Process{.starting = false, .running_since = 0, .kill = {}};
}
Process starting_process() {
  return Process{.starting = true, .running_since = 0, .kill = {}};
}

std::vector<std::string> texts(const std::vector<WorkerAction>& actions) {
  std::vector<std::string> out;
  for (const auto& action : actions) out.push_back(to_string(action));
  return out;
}

std::vector<std::string> apply(Worker& worker, const WorkerEvent& event, Duration when) {
  return texts(next(worker, event, at(when), timeouts));
}

using Texts = std::vector<std::string>;

/// Facts §14, worker probes.
struct ProbeCase {
  std::string name;
  WorkerStage stage;
  Duration age;
  std::map<std::string, Process> processes;
  event::ProbeEnded ended;
  WorkerState state;
  std::set<std::string> expected;
};

TEST(Worker, ProbeOutcomes) {
  using S = WorkerState;
  constexpr auto unknown = WorkerStage::unknown, booting = WorkerStage::booting, in_service = WorkerStage::in_service;
  const auto none = std::optional<RunProbe>();
  const auto empty = std::optional(listing({}));
  const auto one = std::optional(listing({u1}));
  const Duration young = 1s, old_boot = 11min, old_probe = 6min;
  const std::map<std::string, Process> vacant, running1{{u1, running_process()}}, starting1{{u1, starting_process()}};
  const std::vector<ProbeCase> cases = {
      {"unknown, both fail", unknown, young, vacant, {false, none}, S::unknown, {}},
      {"unknown, boot fails, one listed", unknown, young, vacant, {false, one}, S::unknown, {u1}},
      {"the same past the boot timeout", unknown, old_boot, vacant, {false, one}, S::unknown, {u1}},
      {"unknown with one, boot fails, none listed", unknown, young, running1, {false, empty}, S::unknown, {}},
      {"unknown past timeout, both fail", unknown, old_boot, vacant, {false, none}, S::shutdown, {}},
      {"unknown past timeout, boot fails", unknown, old_boot, vacant, {false, empty}, S::shutdown, {}},
      {"unknown past timeout, list fails", unknown, old_boot, vacant, {true, none}, S::shutdown, {}},
      {"booting, boot or deploy fails", booting, young, vacant, {false, none}, S::booting, {}},
      {"booting, list fails", booting, young, vacant, {true, none}, S::booting, {}},
      {"booting past timeout, list fails", booting, old_boot, vacant, {true, none}, S::shutdown, {}},
      {"booting, both ok", booting, young, vacant, {true, empty}, S::idle, {}},
      {"booting, both ok, one listed", booting, young, vacant, {true, one}, S::running, {u1}},
      {"booted slowly, both ok", booting, old_boot, vacant, {true, empty}, S::idle, {}},
      {"idle past timeout, one listed", in_service, old_probe, vacant, {false, one}, S::running, {u1}},
      {"running, list fails", in_service, young, running1, {false, none}, S::running, {u1}},
      {"running past timeout, list fails", in_service, old_probe, running1, {false, none}, S::shutdown, {u1}},
      {"running, the same listed", in_service, young, running1, {false, one}, S::running, {u1}},
      {"running, none listed", in_service, young, running1, {false, empty}, S::idle, {}},
      {"starting past timeout, none listed", in_service, old_probe, starting1, {false, empty}, S::running, {u1}},
      {"starting, listed", in_service, young, starting1, {false, one}, S::running, {u1}},
  };
  for (const auto& c : cases) {
    Worker worker = make_worker(c.stage, IdleBehavior::run, at(-c.age));
    if (c.stage == WorkerStage::in_service) worker.busy = at(0s);
    worker.processes = c.processes;
    worker.probe = Worker::ProbeInFlight{at(0s), worker.revision};
    apply(worker, c.ended, 0s);
    std::set<std::string> have;
    for (const auto& [uuid, process] : worker.processes) have.insert(uuid);
    EXPECT_EQ(worker_state(worker), c.state) << c.name;
    EXPECT_EQ(have, c.expected) << c.name;
  }
}

struct ScriptStep {
  Duration when;
  WorkerEvent event;
  Texts actions;
  WorkerState state;
};
struct Script {
  std::string name;
  WorkerStage stage;
  IdleBehavior behavior;
  std::vector<ScriptStep> steps;
};

void play(const Script& script) {
  Worker worker = make_worker(script.stage, script.behavior, at(0s));
  for (std::size_t i = 0; i < script.steps.size(); ++i) {
    const auto& step = script.steps[i];
    EXPECT_EQ(apply(worker, step.event, step.when), step.actions) << script.name << ", step " << i;
    EXPECT_EQ(worker_state(worker), step.state) << script.name << ", step " << i;
  }
}

void play_all(const std::vector<Script>& scripts) {
  for (const auto& script : scripts) play(script);
}

using S = WorkerState;
constexpr auto run = IdleBehavior::run, hold = IdleBehavior::hold, drain = IdleBehavior::drain;
constexpr auto unknown = WorkerStage::unknown, booting = WorkerStage::booting, in_service = WorkerStage::in_service;
const event::ProbeBegun begun;
const event::TimerFired timer;
event::ProbeEnded ended_ok(std::set<std::string> running = {}) {
  return {true, listing(std::move(running))};
}
const event::ProbeEnded ended_failed{false, std::nullopt};

TEST(Worker, Lives) {
  play_all({
      {"from create to disappearance",
       booting,
       run,
       {{10s, begun, {}, S::booting},
        {11s, event::Contacted{}, {"time-to-ssh(11s)"}, S::booting},
        {12s, ended_ok(), {"time-to-ready(1s)", "boot(success)"}, S::idle},
        {30s, event::StartAccepted{u1}, {}, S::running},
        {31s, event::StartEnded{u1, false}, {}, S::running},
        {40s, begun, {}, S::running},
        {40s, ended_ok({u1}), {}, S::running},
        {50s, begun, {}, S::running},
        {50s, ended_ok(), {"exited(" + u1 + ")"}, S::idle},
        {109s, timer, {}, S::idle},
        {110s, timer, {"destroy(idle)"}, S::shutdown},
        {115s, event::Listed{}, {}, S::shutdown},
        {121s, event::Listed{}, {"destroy(still listed)"}, S::shutdown},
        {125s, event::Vanished{}, {"disappeared(shutdown)", "time-to-gone(4s)"}, S::shutdown}}},
      {"idle time begins with the service",
       booting,
       run,
       {{9min, begun, {}, S::booting},
        {9min, ended_ok(), {"boot(success)"}, S::idle},
        {9min + 59s, timer, {}, S::idle},
        {10min, timer, {"destroy(idle)"}, S::shutdown}}},
      {"adoption",
       unknown,
       run,
       {{1s, begun, {}, S::unknown}, {2s, ended_ok({u1}), {"adopted(" + u1 + ")", "boot(success)"}, S::running}}},
      {"scheduler's shutdown",
       in_service,
       run,
       {{1s, event::StartAccepted{u1}, {}, S::running},
        {2s, event::ShutdownRequested{}, {}, S::running},
        {2s, event::StartEnded{u1, false}, {}, S::running},
        {3s, begun, {}, S::running},
        {3s, ended_ok(), {"exited(" + u1 + ")"}, S::idle},
        {4s, event::ShutdownRequested{}, {"boot(aborted)", "destroy(not needed)"}, S::shutdown}}},
      {"scheduler's shutdown does not touch unknown ones",
       unknown,
       run,
       {{2s, event::ShutdownRequested{}, {}, S::unknown}}},
      {"vanishes while booting",
       booting,
       run,
       {{5s, event::Vanished{}, {"disappeared(booting)", "boot(disappeared)"}, S::booting}}},
  });
}

TEST(Worker, TimeOuts) {
  play_all({
      {"never boots",
       booting,
       run,
       {{10s, begun, {}, S::booting},
        {11s, ended_failed, {}, S::booting},
        {10min - 1s, timer, {}, S::booting},
        {10min, timer, {"boot(failure)", "destroy(boot timeout)"}, S::shutdown}}},
      {"hung probe",
       in_service,
       run,
       {{0s, event::StartAccepted{u1}, {}, S::running},
        {1s, begun, {}, S::running},
        {5min - 1s, timer, {}, S::running},
        {5min, timer, {"boot(failure)", "destroy(probe timeout)"}, S::shutdown}}},
      {"nobody asked it: no timeout until an attempt has had its time",
       in_service,
       run,
       {{0s, event::StartAccepted{u1}, {}, S::running},
        {20min, timer, {}, S::running},
        {20min, begun, {}, S::running},
        {20min + 9s, timer, {}, S::running},
        {20min + 9s, event::ProbeEnded{true, listing({u1})}, {}, S::running},
        {20min + 11s, timer, {}, S::running}}},
      {"unknown and vacant past TimeoutBooting",
       unknown,
       run,
       {{10min, timer, {"boot(failure)", "destroy(boot timeout)"}, S::shutdown}}},
  });
}

TEST(Worker, HoldAndDrain) {
  play_all({
      {"never booting on hold",
       booting,
       hold,
       {{10s, begun, {}, S::booting},
        {11s, ended_failed, {}, S::booting},
        {2h, timer, {}, S::booting},
        {2h, event::ShutdownRequested{}, {}, S::booting},
        {2h, event::KillInstance{"x"}, {"boot(aborted)", "destroy(killed by operator: x)"}, S::shutdown}}},
      {"hold keeps an idle one, run lets it go",
       in_service,
       hold,
       {{2h, timer, {}, S::idle},
        {2h, event::ShutdownRequested{}, {}, S::idle},
        {2h, event::BehaviorSet{run}, {"boot(aborted)", "destroy(idle)"}, S::shutdown}}},
      {"drain: booting",
       booting,
       run,
       {{1s, event::BehaviorSet{drain}, {"boot(aborted)", "destroy(drain)"}, S::shutdown}}},
      {"drain: idle",
       in_service,
       run,
       {{1s, event::BehaviorSet{drain}, {"boot(aborted)", "destroy(drain)"}, S::shutdown}}},
      {"drain: unknown waits for its probes",
       unknown,
       drain,
       {{1s, begun, {}, S::unknown}, {1s, ended_ok(), {"boot(success)", "destroy(drain)"}, S::shutdown}}},
      {"drain: running goes on until the last exit",
       in_service,
       run,
       {{1s, event::StartAccepted{u1}, {}, S::running},
        {1s, event::StartEnded{u1, false}, {}, S::running},
        {2s, event::BehaviorSet{drain}, {}, S::running},
        {3s, begun, {}, S::running},
        {3s, ended_ok(), {"exited(" + u1 + ")", "boot(aborted)", "destroy(drain)"}, S::shutdown}}},
  });
}

TEST(Worker, Broken) {
  play_all({
      {"broken before it booted",
       booting,
       run,
       {{1s, begun, {}, S::booting},
        {1s,
         event::ProbeEnded{true, RunProbe{{}, {}, true}},
         {"boot(failure)", "broken(runner reports broken)", "destroy(drain)"},
         S::shutdown}}},
      {"broken on hold is left alone",
       in_service,
       hold,
       {{1s, begun, {}, S::idle}, {1s, event::ProbeEnded{true, RunProbe{{}, {}, true}}, {}, S::idle}}},
      {"stale run lock that stays",
       in_service,
       run,
       {{1s, begun, {}, S::idle},
        {1s, event::ProbeEnded{true, RunProbe{{}, {u1}, false}}, {}, S::idle},
        {6s, begun, {}, S::idle},
        {6s, event::ProbeEnded{true, RunProbe{{}, {u1}, false}}, {}, S::idle},
        {7s, begun, {}, S::idle},
        {7s,
         event::ProbeEnded{true, RunProbe{{}, {u1}, false}},
         {"boot(failure)", "broken(stale run lock of " + u1 + ")", "destroy(drain)"},
         S::shutdown}}},
      {"stale run lock that goes in between",
       in_service,
       run,
       {{1s, begun, {}, S::idle},
        {1s, event::ProbeEnded{true, RunProbe{{}, {u1}, false}}, {}, S::idle},
        {4s, begun, {}, S::idle},
        {4s, ended_ok(), {}, S::idle},
        {7s, begun, {}, S::idle},
        {7s, event::ProbeEnded{true, RunProbe{{}, {u1}, false}}, {}, S::idle}}},
  });
}

const event::StartAccepted accepted{u1};
const event::StartEnded started{u1, false};
const event::KillRequested kill_it{u1}, kill_later{u1, 2s};
const event::KillEnded confirmed{u1, true}, refused{u1, false};
const std::string signalled = "signal(" + u1 + ")";

TEST(Worker, Killing) {
  play_all({
      {"confirmed at once",
       in_service,
       run,
       {{0s, accepted, {}, S::running},
        {1s, started, {}, S::running},
        {2s, kill_it, {signalled}, S::running},
        {2s, kill_it, {}, S::running},
        {3s, confirmed, {"exited(" + u1 + ")"}, S::idle}}},
      {"a moment to end by itself, which further requests do not prolong",
       in_service,
       run,
       {{0s, accepted, {}, S::running},
        {1s, started, {}, S::running},
        {2s, kill_later, {}, S::running},
        {3s, kill_later, {}, S::running},
        {3s, timer, {}, S::running},
        {4s, timer, {signalled}, S::running},
        {5s, kill_it, {}, S::running},
        {6s, confirmed, {"exited(" + u1 + ")"}, S::idle}}},
      {"who cannot wait does not have to",
       in_service,
       run,
       {{0s, accepted, {}, S::running},
        {1s, started, {}, S::running},
        {2s, kill_later, {}, S::running},
        {3s, kill_it, {signalled}, S::running},
        {4s, timer, {}, S::running}}},
      {"repeated every TimeoutSignal",
       in_service,
       run,
       {{0s, accepted, {}, S::running},
        {1s, started, {}, S::running},
        {2s, kill_it, {signalled}, S::running},
        {3s, refused, {}, S::running},
        {6s, timer, {}, S::running},
        {7s, timer, {signalled}, S::running},
        {12s, timer, {}, S::running},  // the second one has not returned
        {13s, refused, {}, S::running},
        {13s, timer, {signalled}, S::running},
        {14s, confirmed, {"exited(" + u1 + ")"}, S::idle}}},
      {"still starting: confirmation does not count",
       in_service,
       run,
       {{0s, accepted, {}, S::running},
        {1s, kill_it, {signalled}, S::running},
        {2s, confirmed, {}, S::running},
        {6s, timer, {signalled}, S::running},
        {7s, started, {}, S::running},
        {8s, confirmed, {"exited(" + u1 + ")"}, S::idle}}},
      {"unknown container", in_service, run, {{1s, kill_it, {}, S::idle}, {1s, confirmed, {}, S::idle}}},
      {"ended meanwhile",
       in_service,
       run,
       {{0s, accepted, {}, S::running},
        {1s, started, {}, S::running},
        {2s, kill_it, {signalled}, S::running},
        {3s, begun, {}, S::running},
        {3s, ended_ok(), {"exited(" + u1 + ")"}, S::idle},
        {4s, confirmed, {}, S::idle}}},
  });
}

TEST(Worker, KillingGivenUp) {
  play_all({
      {"given up after TimeoutTERM",
       in_service,
       run,
       {{0s, accepted, {}, S::running},
        {1s, started, {}, S::running},
        {2s, kill_it, {signalled}, S::running},
        {2min + 1s, refused, {}, S::running},
        {2min + 2s, timer, {"gave-up(" + u1 + ")", "boot(aborted)", "destroy(drain)"}, S::shutdown}}},
      {"given up, but another container still runs",
       in_service,
       run,
       {{0s, accepted, {}, S::running},
        {0s, event::StartAccepted{u2}, {}, S::running},
        {1s, started, {}, S::running},
        {2s, kill_it, {signalled}, S::running},
        {2min + 2s, timer, {"gave-up(" + u1 + ")"}, S::running},
        {3min, event::StartEnded{u2, false}, {}, S::running},
        {4min, begun, {}, S::running},
        {4min, ended_ok({u1}), {"exited(" + u2 + ")", "boot(aborted)", "destroy(drain)"}, S::shutdown}}},
      {"given up on hold",
       in_service,
       hold,
       {{0s, accepted, {}, S::running},
        {2s, kill_it, {signalled}, S::running},
        {2min + 2s, timer, {"gave-up(" + u1 + ")"}, S::running},
        {2h, timer, {}, S::running}}},
  });
}

TEST(Worker, ProbeOlderThanAnEvent) {
  const std::vector<Script> scripts = {
      {"a start returned after the probe began",
       WorkerStage::in_service,
       IdleBehavior::run,
       {{0s, event::StartAccepted{u1}, {}, S::running},
        {1s, begun, {}, S::running},
        {2s, event::StartEnded{u1, false}, {}, S::running},
        {3s, ended_ok(), {}, S::running},
        {4s, begun, {}, S::running},
        {4s, ended_ok(), {"exited(" + u1 + ")"}, S::idle}}},
      {"a kill was confirmed after the probe began",
       WorkerStage::in_service,
       IdleBehavior::run,
       {{0s, event::StartAccepted{u1}, {}, S::running},
        {1s, event::StartEnded{u1, false}, {}, S::running},
        {2s, event::KillRequested{u1}, {"signal(" + u1 + ")"}, S::running},
        {3s, begun, {}, S::running},
        {4s, event::KillEnded{u1, true}, {"exited(" + u1 + ")"}, S::idle},
        {5s, ended_ok({u1}), {}, S::idle},
        {6s, begun, {}, S::idle},
        {6s, ended_ok({u1}), {"adopted(" + u1 + ")"}, S::running}}},
      {"a list of the cloud does not spoil a probe, other starts neither",
       WorkerStage::in_service,
       IdleBehavior::run,
       {{0s, event::StartAccepted{u1}, {}, S::running},
        {1s, event::StartEnded{u1, false}, {}, S::running},
        {2s, begun, {}, S::running},
        {3s, event::Listed{}, {}, S::running},
        {3s, event::StartAccepted{u2}, {}, S::running},
        {4s, ended_ok(), {"exited(" + u1 + ")"}, S::running}}},
      {"a probe that ends after the shutdown",
       WorkerStage::in_service,
       IdleBehavior::run,
       {{1s, begun, {}, S::idle},
        {2s, event::KillInstance{""}, {"boot(aborted)", "destroy(killed by operator: )"}, S::shutdown},
        {3s, ended_ok({u1}), {}, S::shutdown}}},
      {"a refused start wants a probe now",
       WorkerStage::in_service,
       IdleBehavior::run,
       {{0s, event::StartAccepted{u1}, {}, S::running}, {1s, event::StartEnded{u1, true}, {"probe-now"}, S::running}}},
  };
  for (const auto& script : scripts) play(script);
}

TEST(Worker, TimerAtItsDeadlineAlwaysMovesOn) {
  // Otherwise the pool's timer would spin.
  for (const auto stage : {WorkerStage::unknown, WorkerStage::booting, WorkerStage::in_service})
    for (const auto behavior : {IdleBehavior::run, IdleBehavior::hold, IdleBehavior::drain})
      for (const bool busy : {false, true})
        for (const int probe : {0, 1, 2}) {
          Worker worker = make_worker(stage, behavior, at(0s));
          if (busy) worker.processes[u1] = running_process();
          if (probe > 0) next(worker, begun, at(1s), timeouts);
          if (probe > 1) next(worker, ended_failed, at(2s), timeouts);
          if (busy) next(worker, event::KillRequested{u1}, at(2s), timeouts);
          SteadyTime last = SteadyTime::min();
          for (int i = 0; i < 100; ++i) {
            const auto due = next_deadline(worker, timeouts);
            if (!due) break;
            ASSERT_TRUE(i == 0 || *due > last) << "stage " << static_cast<int>(stage) << " step " << i;
            ASSERT_LT(i, 50);
            last = *due;
            next(worker, timer, std::max(*due, at(2s)), timeouts);
          }
        }
}

TEST(Worker, AcceptsStart) {
  for (const auto behavior : {IdleBehavior::run, IdleBehavior::hold, IdleBehavior::drain}) {
    EXPECT_EQ(accepts_start(make_worker(WorkerStage::in_service, behavior, at(0s))), behavior == IdleBehavior::run);
    EXPECT_FALSE(accepts_start(make_worker(WorkerStage::booting, behavior, at(0s))));
    EXPECT_FALSE(accepts_start(make_worker(WorkerStage::unknown, behavior, at(0s))));
    EXPECT_FALSE(accepts_start(make_worker(WorkerStage::shutdown, behavior, at(0s))));
  }
}

TEST(Worker, AcceptsHoldUntilItsShutdownIsDecided) {
  for (const auto behavior : {IdleBehavior::run, IdleBehavior::hold, IdleBehavior::drain}) {
    for (const auto stage : {WorkerStage::unknown, WorkerStage::booting, WorkerStage::in_service})
      EXPECT_TRUE(accepts_hold(make_worker(stage, behavior, at(0s)))) << static_cast<int>(stage);
    EXPECT_FALSE(accepts_hold(make_worker(WorkerStage::shutdown, behavior, at(0s))));
  }
}

}  // namespace
}  // namespace berth
