// Probes: rounds, deadlines, failures, deployment.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "pool_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST_F(PoolTest, HungProbeHoldsBackNothing) {
  options.timeout_probe = 2min;
  options.timeout_idle = 1h;
  start();
  const auto hung = make_idle(), healthy = make_idle();
  start_container(hung.number, uuid(1));
  start_container(healthy.number, uuid(2));
  runtime.run_for(1s);
  cloud->machine(hung.id).hanging = true;
  cloud->machine(healthy.id).exit(uuid(2));
  EXPECT_TRUE(wait_for([&] { return by_id(healthy.id).state == WorkerState::idle; }, 12s));
  const SteadyTime since = runtime.now();
  ASSERT_TRUE(wait_for([&] { return by_id(hung.id).state == WorkerState::shutdown; }, 3min));
  EXPECT_LE(runtime.now() - since, options.timeout_probe);
  EXPECT_EQ(by_id(healthy.id).state, WorkerState::idle);
}

TEST_F(PoolTest, HungBootProbe) {
  cloud->on_create = [](FakeCloud::Vm& vm) { vm.machine->hanging = true; };
  start();
  create();
  runtime.run_for(options.timeout_booting - 1s);
  EXPECT_EQ(only().state, WorkerState::booting);
  ASSERT_TRUE(wait_for_state(WorkerState::shutdown, 12s));
  EXPECT_EQ(metric("arvados_dispatchcloud_boot_outcomes{outcome=\"failure\"}"), 1);
}

TEST_F(PoolTest, OneProbeAtATime) {
  options.timeout_idle = 1h;
  start();
  const auto worker = make_idle();
  auto& machine = cloud->machine(worker.id);
  machine.commands.clear();
  machine.hanging = true;
  runtime.run_for(50s);
  EXPECT_EQ(machine.commands.size(), 1u);
  runtime.run_for(30s);
  EXPECT_EQ(machine.commands.size(), 2u) << "the first ended at its deadline of one minute";
}

TEST_F(PoolTest, ProbeIntervalAndJitter) {
  options.timeout_idle = 1h;
  start();
  const auto worker = make_idle();
  auto& machine = cloud->machine(worker.id);
  machine.commands.clear();
  runtime.run_for(1000s);
  EXPECT_LE(machine.commands.size(), 100u);
  EXPECT_GE(machine.commands.size(), 1000 / (10 + 10.0 / 23) - 1);
}

TEST_F(PoolTest, RoundsOfManyWorkersKeepTheirIntervalIfTheCapAllows) {
  struct Case {
    std::int64_t cap;
    double least_lag, most_lag;  // seconds
  };
  for (const Case& c : {Case{20, 0, 0}, Case{0, 0, 0}, Case{1, 89, 91}}) {
    options.max_probes_per_second = c.cap;
    options.timeout_probe = 10min;
    if (cloud->vms.empty())
      for (int i = 0; i < 100; ++i) cloud->add("p.small", tags("small", "hold"));
    start();
    runtime.run_for(4min);
    auto& machine = cloud->machine("i-50");
    machine.commands.clear();
    runtime.run_for(20min);
    const double lag = metric("berth_probe_round_lag_seconds");
    EXPECT_GE(lag, c.least_lag) << c.cap;
    EXPECT_LE(lag, c.most_lag) << c.cap;
    const auto lines = log->lines();
    EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                            [](const std::string& line) {
                              return line.find("MaxProbesPerSecond is too low") != std::string::npos;
                            }),
              c.cap == 1 ? 1 : 0)
        << c.cap;
    const double rounds = 1200 / (10 + lag);
    EXPECT_GE(machine.count_commands("--list"), rounds * 0.9 - 1) << c.cap;
    EXPECT_LE(machine.count_commands("--list"), rounds + 1) << c.cap;
    stop();
  }
}

TEST_F(PoolTest, LagOfARoundGrowsBeforeTheNextBegins) {
  options.max_probes_per_second = 1;
  options.timeout_probe = 10min;
  for (int i = 0; i < 300; ++i) cloud->add("p.small", tags("small", "hold"));
  start();
  runtime.run_for(90s);
  const double before = metric("berth_probe_round_lag_seconds");
  EXPECT_GE(before, 60);
  runtime.run_for(60s);
  EXPECT_GE(metric("berth_probe_round_lag_seconds"), before + 45);
}

TEST_F(PoolTest, PidsOfAdoptedContainersComeFromTheirLockFiles) {
  auto& machine = *cloud->add("p.small", tags("small")).machine;
  machine.runners[uuid(1)] = {};
  machine.runners[uuid(2)] = {};
  start();
  runtime.run_for(1s);
  for (const int n : {1, 2}) {
    ASSERT_TRUE(snapshot()->running.contains(uuid(n)));
    EXPECT_EQ(snapshot()->running.at(uuid(n)).pid, 4242);
  }
  EXPECT_EQ(machine.count_commands("crunch-run-$uuid.lock"), 1) << "one command for both";
  machine.exit(uuid(1));
  runtime.run_for(30s);
  EXPECT_EQ(snapshot()->running.at(uuid(1)).pid, 0) << "an exit placeholder has none";
  EXPECT_EQ(machine.count_commands("crunch-run-$uuid.lock"), 1) << "nothing is left to be found out";
}

TEST_F(PoolTest, PidOfAStartedContainerComesFromItsStart) {
  options.timeout_idle = 1h;
  start();
  const auto worker = make_idle();
  start_container(worker.number, uuid(1));
  runtime.run_for(30s);
  EXPECT_EQ(snapshot()->running.at(uuid(1)).pid, 4242);
  EXPECT_EQ(cloud->machine(worker.id).count_commands("crunch-run-$uuid.lock"), 0);
}

TEST_F(PoolTest, ProbesAreSpaced) {
  options.max_probes_per_second = 5;
  std::vector<std::shared_ptr<FakeMachine>> machines;
  for (int i = 0; i < 20; ++i) machines.push_back(cloud->add("p.small", tags("small", "hold")).machine);
  start();
  const auto probed = [&] {
    std::int64_t count = 0;
    for (const auto& machine : machines) count += machine->commands.empty() ? 0 : 1;
    return count;
  };
  runtime.run_for(1s);
  EXPECT_GE(probed(), 5);
  EXPECT_LE(probed(), 6) << "the sixth when the first second is over";
  runtime.run_for(3s);
  EXPECT_EQ(probed(), 20);
}

TEST_F(PoolTest, BrokenWorkerIsDrained) {
  start();
  const auto worker = make_idle();
  start_container(worker.number, uuid(1));
  cloud->machine(worker.id).broken = true;
  ASSERT_TRUE(wait_for([&] { return only().idle_behavior == IdleBehavior::drain; }, 12s));
  EXPECT_EQ(only().state, WorkerState::running);
  EXPECT_EQ(cloud->vms.at(worker.id).tags.at("ArvadosIdleBehavior"), "drain");
  cloud->machine(worker.id).exit(uuid(1));
  EXPECT_TRUE(wait_for_state(WorkerState::shutdown, 12s));
}

TEST_F(PoolTest, StaleRunLock) {
  start();
  const auto worker = make_idle();
  start_container(worker.number, uuid(1));
  runtime.run_for(1s);
  auto& machine = cloud->machine(worker.id);
  machine.exit(uuid(1));
  machine.stale_locks = {uuid(1)};
  EXPECT_TRUE(wait_for_state(WorkerState::idle, 12s)) << "a stale lock is no process";
  EXPECT_EQ(only().idle_behavior, IdleBehavior::run);
  PoolCommands commands;
  for (const int i : {1, 2}) commands.starts.push_back({worker.number, uuid(i)});
  commands.forgets = {uuid(1)};
  EXPECT_EQ(apply(commands).starts, (std::vector{false, true})) << "that it has ended is not yet known to all";
  EXPECT_FALSE(apply({.starts = {{worker.number, uuid(1)}}}).starts.at(0)) << "its runner would find the lock held";
  machine.stale_locks.clear();
  runtime.run_for(12s);
  EXPECT_TRUE(apply({.starts = {{worker.number, uuid(1)}}}).starts.at(0));
}

TEST_F(PoolTest, AStaleRunLockThatStays) {
  start();
  const auto worker = make_idle();
  cloud->machine(worker.id).stale_locks = {uuid(1)};
  EXPECT_TRUE(wait_for_state(WorkerState::shutdown, 25s));
}

TEST_F(PoolTest, GarbageFromTheWorker) {
  start();
  const auto worker = make_idle();
  cloud->machine(worker.id).runners["yyyyy-dz642-00000000000000a"] = {};
  cloud->machine(worker.id).runners["zzzzz-dz642-$(reboot)"] = {};
  runtime.run_for(15s);
  EXPECT_EQ(only().state, WorkerState::idle);
  EXPECT_TRUE(snapshot()->running.empty());
}

class DeployTest : public PoolTest {
 protected:
  DeployTest() {
    std::string pattern = testing::TempDir() + "berth-pool-XXXXXX";
    directory = ::mkdtemp(pattern.data());
    options.runner_binary_path = directory / "runner";
    options.deploy_directory = "/var/lib/arvados";
  }
  ~DeployTest() override { std::filesystem::remove_all(directory); }
  void write_runner(const std::string& content) { std::ofstream(directory / "runner") << content; }

  std::filesystem::path directory;
  const std::string path = "/var/lib/arvados/crunch-run~b1946ac92492d2347c6235b4d2611184";  // of "hello\n"
};

TEST_F(DeployTest, CopiesOnce) {
  write_runner("hello\n");
  start();
  const auto worker = make_idle();
  auto& machine = cloud->machine(worker.id);
  EXPECT_TRUE(machine.files.contains(path));
  EXPECT_EQ(machine.count_commands("sudo " + path + " --list"), 1);
  start_container(worker.number, uuid(1));
  restart();
  runtime.run_for(1s);
  EXPECT_EQ(only().state, WorkerState::running);
  EXPECT_EQ(machine.count_commands("sh -c 'set -e"), 1);
}

TEST_F(DeployTest, CommandsThatHaveTimeAreInTheBackgroundAndTheCopyHasMoreOfIt) {
  write_runner("hello\n");
  options.boot_probe_command = "boot probe";
  std::vector<Command> seen;
  auto& machine = *cloud->add("p.small", tags("small")).machine;
  machine.on_command = [&](const Command& command) { seen.push_back(command); };
  machine.runner_command = path;
  machine.runners[uuid(1)] = {};  // its PID is in its lock file
  start();
  runtime.run_for(1s);
  start_container(only().number, uuid(2));
  runtime.run_for(1s);
  kill(uuid(2));
  runtime.run_for(1s);
  const struct {
    std::string text;
    bool background;
    Duration deadline;
  } cases[] = {
      {"boot probe", false, 1min},
      {"md5sum", false, 1min},
      {"sh -c 'set -e", true, 5min},
      {"--list", false, 1min},
      {"sh -c 'for uuid in", true, 1min},
      {"--detach", false, 1min},
      {"--kill", false, 1min},
  };
  for (const auto& c : cases) {
    const auto found = std::find_if(seen.begin(), seen.end(), [&](const Command& command) {
      return command.text.find(c.text) != std::string::npos;
    });
    if (found == seen.end()) {
      ADD_FAILURE() << c.text << " was not seen";
      continue;
    }
    EXPECT_EQ(found->background, c.background) << c.text;
    EXPECT_EQ(found->deadline, c.deadline) << c.text;
  }
}

TEST_F(DeployTest, FailedCopyKeepsItBooting) {
  write_runner("hello\n");
  cloud->on_create = [](FakeCloud::Vm& vm) { vm.machine->copying_fails = true; };
  start();
  create();
  runtime.run_for(30s);
  EXPECT_EQ(only().state, WorkerState::booting);
  EXPECT_EQ(cloud->machine("i-1").count_commands("--list"), 0);
  cloud->machine("i-1").copying_fails = false;
  EXPECT_TRUE(wait_for_state(WorkerState::idle, 12s));
}

TEST_F(DeployTest, UnreadableBinary) {
  start();
  ASSERT_TRUE(pool->unhealthy());
  EXPECT_NE(pool->unhealthy()->find("runner"), std::string::npos);
  EXPECT_FALSE(create());
  EXPECT_EQ(snapshot()->create_slots, 0);
  write_runner("hello\n");
  EXPECT_TRUE(wait_for([&] { return !pool->unhealthy(); }, 15s));
  EXPECT_TRUE(create());
}

}  // namespace
}  // namespace berth
