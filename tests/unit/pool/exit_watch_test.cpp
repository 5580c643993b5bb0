// The exit watch: its command, its lines, and what the pool makes of them.
#include "exit_watch.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "berth/remote/local.hpp"

#include "pool_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

std::string text_of(const std::optional<WatchLine>& line) {
  struct Text {
    std::string operator()(const watch_line::Watching&) const { return "watching"; }
    std::string operator()(const watch_line::Ended& e) const { return "ended " + e.uuid; }
    std::string operator()(const watch_line::EndedProcess& e) const { return "pid " + std::to_string(e.pid); }
    std::string operator()(const watch_line::Broken&) const { return "broken"; }
  };
  return line ? std::visit(Text{}, *line) : "";
}

TEST(ExitWatch, Lines) {
  const std::string uuid = "zzzzz-dz642-000000000000001";
  const std::pair<std::string, std::string> cases[] = {
      {"watching", "watching"},
      {"broken", "broken"},
      {"end " + uuid, "ended " + uuid},
      {"start " + uuid, ""},
      {"end 42", "pid 42"},
      {"end 4194304", "pid 4194304"},
      {"end 4194305", ""},
      {"end 1", ""},
      {"end -5", ""},
      {"end 42 ", ""},
      {"end  42", ""},
      {"end 99999999999999999999", ""},
      {"end ", ""},
      {"end", ""},
      {"", ""},
      {"END 42", ""},
      {"end zzzzz-dz642-00000000000000", ""},
      {"end " + uuid + "x", ""},
      {"end " + uuid + '\0', ""},
      {"watching\r", ""},
      {std::string(200, '\xff'), ""},
  };
  for (const auto& [line, expected] : cases) EXPECT_EQ(text_of(parse_watch_line(line)), expected) << line;
}

TEST(ExitWatch, Pauses) {
  EXPECT_EQ(watch_pause(1, 0), 1s);
  EXPECT_EQ(watch_pause(2, 0), 2s);
  EXPECT_EQ(watch_pause(1000, 0), 5min);
  for (std::uint64_t random = 1; random != 0; random *= 3) {
    EXPECT_GT(watch_pause(4, random), 4s);
    EXPECT_LE(watch_pause(4, random), 8s);
    if (random > 1'000'000'000'000'000'000) break;
  }
  EXPECT_EQ(check_pause(0), 0s);
  EXPECT_EQ(check_pause(1), 10ms);
  EXPECT_EQ(check_pause(4), 80ms);
  EXPECT_EQ(check_pause(1000), 10s);
}

TEST(ExitWatch, Budget) {
  WatchBudget budget;
  SteadyTime now{};
  for (int i = 0; i < 20000; ++i) ASSERT_TRUE(budget.take(now)) << i;
  EXPECT_FALSE(budget.take(now));
  now += 1s;
  int taken = 0;
  while (budget.take(now)) ++taken;
  EXPECT_GE(taken, 4990);
  EXPECT_LE(taken, 5000);
}

/// Runs the watch's command as the pool does, on this machine, with a runner that is not Berth's.
class WatchCommand : public testing::Test {
 protected:
  WatchCommand() { std::filesystem::create_directories(directory); }
  ~WatchCommand() override { std::filesystem::remove_all(directory); }

  std::string make_runner(const std::string& version_line) {
    const std::string path = directory + "/runner";
    std::ofstream(path) << "#!/bin/sh\ntest \"$1\" = --version && echo '" << version_line
                        << "'\ntest \"$1\" = --watch && echo runner watches\nexit 0\n";
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
    return path;
  }
  static pid_t start_sleeper() {
    pid_t pid = 0;
    const char* argv[] = {"sleep", "1000", nullptr};
    EXPECT_EQ(::posix_spawnp(&pid, "sleep", nullptr, nullptr, const_cast<char**>(argv), environ), 0);
    return pid;
  }
  /// Sees each line, with a way to write; done when it returns true.
  using OnLine = std::function<bool(const std::string&, StreamInput&)>;
  static void follow(const std::string& text, const OnLine& on_line) {
    RealRuntime runtime(1);
    auto body = [](RealRuntime& r, const std::string& t, const OnLine& on) -> awaitable<void> {
      auto executor = make_local_executor(r, {});
      Command command;
      command.text = t;
      command.input = std::make_shared<StreamInput>();
      const auto input = command.input;
      (void)co_await executor->stream(std::move(command), [&](std::string_view line) {
        if (on(std::string(line), *input)) executor->close();
      });
      r.stop();
    };
    asio::co_spawn(runtime.make_strand(), body(runtime, text, on_line), asio::detached);
    runtime.run();
  }

  const std::string directory = std::string(testing::TempDir()) + "watch-" + std::to_string(::getpid());
};

TEST_F(WatchCommand, TellsWhenProcessesEnd) {
  const pid_t first = start_sleeper(), second = start_sleeper();
  std::vector<std::string> lines;
  const auto end = [](pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  };
  const pid_t over = start_sleeper();
  end(over);
  follow(watch_command("root", make_runner("crunch-run 2.7.4 (go1.20)")),
         [&](const std::string& line, StreamInput& in) {
           lines.push_back(line);
           if (line == "watching")
             in.write("x\n\n0\n-1\n1 2\n99999999999\n" + std::string(5000, '7') + "\n" + std::to_string(first) + '\n' +
                      std::to_string(second) + '\n' + std::to_string(over) + '\n');
           if (lines.size() == 2) end(second);
           if (lines.size() == 3) end(first);
           return lines.size() == 4;
         });
  const auto told = [](pid_t pid) { return "end " + std::to_string(pid); };
  EXPECT_EQ(lines, (std::vector<std::string>{"watching", told(over), told(second), told(first)}));
}

TEST_F(WatchCommand, LeavesItToARunnerThatCan) {
  std::vector<std::string> lines;
  follow(watch_command("root", make_runner("berth-run 1.0")), [&](const std::string& line, StreamInput&) {
    lines.push_back(line);
    return true;
  });
  EXPECT_EQ(lines, std::vector<std::string>{"runner watches"});
}

class PoolWatchTest : public PoolTest {
 protected:
  PoolWatchTest() {
    options.timeout_idle = 1h;
    options.watched_probe_interval = 30s;
    cloud->on_create = [](FakeCloud::Vm& vm) {
      vm.machine->watchable = true;
      vm.machine->latency = 1ms;
    };
  }
  void start_watched(int containers = 1) {
    start();
    worker = make_idle("large");
    machine = cloud->machines.at(worker.id);
    for (int n = 1; n <= containers; ++n) ASSERT_TRUE(start_container(worker.number, uuid(n)));
    runtime.run_for(1s);
    ASSERT_EQ(metric("berth_exit_watches_healthy"), 1);
  }
  bool has_ended(int n) const {
    const auto now = snapshot();
    const auto* found = now->running.find(uuid(n));
    return found && found->second.exited.has_value();
  }
  double ends(const std::string& how) const {
    return metric("berth_container_process_ends_total{seen_by=\"" + how + "\"}");
  }
  std::int64_t lists() const { return machine->count_commands("--list"); }

  PoolInstance worker;
  std::shared_ptr<FakeMachine> machine;
};

TEST_F(PoolWatchTest, AnEndIsKnownAtOnce) {
  start_watched(2);
  machine->exit(uuid(1));
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 20ms));
  EXPECT_EQ(ends("watch"), 1);
  EXPECT_EQ(by_id(worker.id).containers, std::vector<std::string>{uuid(2)});
  runtime.run_for(10min);
  EXPECT_EQ(machine->watches.size(), 1u) << "one stream for all";
}

TEST_F(PoolWatchTest, AnEndIsToldOnceHoweverItIsSeen) {
  std::vector<std::string> told;
  options.on_process_end = [&](const std::string& ended) { told.push_back(ended); };
  start_watched(3);
  machine->exit(uuid(1));
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 20ms));
  machine->runners.erase(uuid(2));
  EXPECT_TRUE(wait_for([&] { return has_ended(2); }, 35s));
  kill(uuid(3));
  EXPECT_TRUE(wait_for([&] { return has_ended(3); }, 20ms));
  runtime.run_for(10min);
  EXPECT_EQ(told, (std::vector<std::string>{uuid(1), uuid(2), uuid(3)}));
  EXPECT_EQ(ends("watch"), 1);
  EXPECT_EQ(ends("probe"), 1);
  EXPECT_EQ(ends("kill"), 1);
}

TEST_F(PoolWatchTest, TheProbeDecides) {
  start_watched();
  const auto before = lists();
  machine->tell("end " + uuid(1));
  runtime.run_for(5s);
  EXPECT_EQ(lists(), before + 1) << "a hint that a probe refutes is not asked about again";
  EXPECT_FALSE(has_ended(1));
  for (int i = 0; i < 1000; ++i) machine->tell("end " + uuid(1));
  runtime.run_for(1s);
  EXPECT_EQ(lists(), before + 1);
  runtime.run_for(25s);
  EXPECT_GE(lists(), before + 2) << "rounds look at it as if it were not watched";
  machine->runners.clear();
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 12s));
}

TEST_F(PoolWatchTest, AnEndBeforeTheStartCommandReturns) {
  start_watched();
  machine->latency = 100ms;
  machine->on_start = [&](const std::string& started, const std::string&) { machine->exit(started); };
  ASSERT_TRUE(start_container(worker.number, uuid(2)));
  EXPECT_TRUE(wait_for([&] { return has_ended(2); }, 500ms));
  EXPECT_EQ(ends("watch"), 1);
}

TEST_F(PoolWatchTest, ManyEndsAreFewProbes) {
  start_watched(200);
  const auto before = lists();
  for (int n = 1; n <= 200; ++n) {
    machine->exit(uuid(n));
    runtime.run_for(100us);
  }
  EXPECT_TRUE(wait_for([&] { return has_ended(200); }, 50ms));
  EXPECT_LE(lists(), before + 8);
  EXPECT_EQ(ends("watch"), 200);
}

TEST_F(PoolWatchTest, PidsGoToTheWatchAndComeBack) {
  start_watched();
  EXPECT_EQ(machine->watches.at(0)->input->take(), "4242\n");
  machine->runners.clear();
  machine->tell("end 4243");
  runtime.run_for(1s);
  EXPECT_FALSE(has_ended(1));
  machine->tell("end 4242");
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 20ms));
}

TEST_F(PoolWatchTest, TheEndOfAnAdoptedContainerIsTold) {
  FakeCloud::Vm& vm = cloud->add("p.large", tags("large"));
  machine = vm.machine;
  machine->watchable = true;
  machine->runners[uuid(1)] = {};
  start();
  runtime.run_for(1s);
  EXPECT_EQ(machine->watches.at(0)->input->take(), "4242\n") << "from its lock file";
  machine->runners.clear();
  machine->tell("end 4242");
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 20ms));
  EXPECT_EQ(ends("watch"), 1);
}

TEST_F(PoolWatchTest, WatchedWorkersAreProbedLessOften) {
  start_watched();
  const auto before = lists();
  runtime.run_for(10min);
  EXPECT_LE(lists() - before, 10 * 60 / 20);
  EXPECT_GE(lists() - before, 10 * 60 / 31);
}

TEST_F(PoolWatchTest, ABrokenWatchIsStartedAgainAndProbesGoOn) {
  start_watched();
  machine->watchable = false;
  machine->end_watches(1);
  runtime.run_for(1s);
  EXPECT_EQ(metric("berth_exit_watches_healthy"), 0);
  machine->exit(uuid(1));
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 12s));
  EXPECT_EQ(ends("probe"), 1);
  runtime.run_for(10min);
  const double restarts = metric("berth_exit_watch_restarts_total");
  EXPECT_GE(restarts, 6);
  EXPECT_LE(restarts, 16) << "with back-off";
  machine->watchable = true;
  EXPECT_TRUE(wait_for([&] { return metric("berth_exit_watches_healthy") == 1; }, 5min));
}

TEST_F(PoolWatchTest, WhatEndedWhileNobodyWatchedIsFoundAtOnce) {
  start_watched();
  machine->end_watches(1);
  runtime.settle();
  machine->runners.clear();
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 1500ms)) << "by the probe that the new watch brings";
}

TEST_F(PoolWatchTest, AWatchThatKeepsSilentIsNotReliedOn) {
  start_watched(3);
  const auto silently = [&](int n) { machine->runners.erase(uuid(n)); };
  silently(1);
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 35s));
  EXPECT_EQ(ends("probe"), 1);
  EXPECT_TRUE(wait_for([&] { return machine->watches.size() == 2; }, 15s));
  EXPECT_EQ(metric("berth_exit_watch_restarts_total"), 1);
}

TEST_F(PoolWatchTest, GarbageIsPassedOverAndFloodsEndTheWatch) {
  start_watched();
  const auto before = lists();
  machine->tell(std::string(200, '\xff'));
  machine->tell("end zzzzz-dz642-999999999999999");
  machine->tell("end 99");
  runtime.run_for(1s);
  EXPECT_EQ(lists(), before);
  for (int i = 0; i < 30000; ++i) machine->tell("watching");
  runtime.run_for(500ms);
  EXPECT_EQ(metric("berth_exit_watches_healthy"), 0);
  EXPECT_LE(lists(), before + 2);
  EXPECT_TRUE(wait_for([&] { return metric("berth_exit_watches_healthy") == 1; }, 3s));
  machine->exit(uuid(1));
  EXPECT_TRUE(wait_for([&] { return has_ended(1); }, 100ms));
}

TEST_F(PoolWatchTest, ABrokenWorkerIsSeenAtOnce) {
  start_watched();
  machine->broken = true;
  machine->tell("broken");
  EXPECT_TRUE(wait_for([&] { return by_id(worker.id).idle_behavior == IdleBehavior::drain; }, 20ms));
}

TEST_F(PoolWatchTest, WhatIsCompleteGetsAMomentToEnd) {
  start_watched(2);
  const auto complete = [&](int n) {
    PoolCommands commands;
    commands.kills = {KillRequest{uuid(n), "state is Complete", true}};
    apply(std::move(commands));
  };
  complete(1);
  runtime.run_for(1s);
  machine->exit(uuid(1));
  complete(2);
  runtime.run_for(1s);
  EXPECT_TRUE(has_ended(1));
  EXPECT_EQ(machine->count_commands("--kill"), 0);
  runtime.run_for(1500ms);
  EXPECT_EQ(machine->count_commands("--kill"), 1);
  EXPECT_TRUE(has_ended(2));
}

TEST_F(PoolWatchTest, ItEndsWithItsWorker) {
  start_watched();
  ASSERT_TRUE(run_on(runtime, pool->kill_instance(worker.id, "test")));
  EXPECT_TRUE(wait_for([&] { return snapshot()->instances.empty(); }, 3min));
  EXPECT_EQ(metric("berth_exit_watches_healthy"), 0);
  runtime.run_for(10min);
  EXPECT_EQ(machine->watches.size(), 1u);
}

}  // namespace
}  // namespace berth
