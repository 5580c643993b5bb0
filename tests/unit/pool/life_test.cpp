// Whole lives of workers and containers.
#include "pool_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST_F(PoolTest, LifeOfAWorker) {
  cloud->boot_delay = 30s;
  cloud->create_latency = 2s;
  start();
  EXPECT_TRUE(snapshot()->loaded);
  EXPECT_TRUE(create());
  const PoolInstance pending = only();
  EXPECT_EQ(pending.id, "");
  EXPECT_EQ(pending.state, WorkerState::booting);
  EXPECT_EQ(pending.type, "small");
  EXPECT_EQ(snapshot()->total(), 0);

  runtime.run_for(3s);
  EXPECT_EQ(only().id, "i-1");
  EXPECT_EQ(only().number, pending.number);
  EXPECT_EQ(only().state, WorkerState::booting);
  EXPECT_FALSE(start_container(only().number, uuid(1))) << "not in service";

  ASSERT_TRUE(wait_for_state(WorkerState::idle, 1min));
  EXPECT_TRUE(start_container(only().number, uuid(1)));
  EXPECT_EQ(only().state, WorkerState::running);
  EXPECT_EQ(only().containers, std::vector<std::string>{uuid(1)});
  EXPECT_EQ(snapshot()->running.at(uuid(1)).instance, only().number);
  auto& machine = cloud->machine("i-1");
  runtime.settle();
  EXPECT_EQ(machine.runners.at(uuid(1)).config, uuid(1) + " small " + only().address);

  runtime.run_for(1min);
  EXPECT_EQ(only().state, WorkerState::running);
  machine.exit(uuid(1));
  ASSERT_TRUE(wait_for_state(WorkerState::idle, 15s));
  EXPECT_EQ(only().last_container, uuid(1));
  EXPECT_TRUE(snapshot()->running.at(uuid(1)).exited.has_value());
  EXPECT_FALSE(start_container(only().number, uuid(1))) << "the placeholder is still there";
  forget(uuid(1));
  EXPECT_TRUE(snapshot()->running.empty());

  const SteadyTime idle_from = runtime.now();
  ASSERT_TRUE(wait_for_state(WorkerState::shutdown, 2min));
  EXPECT_EQ(runtime.now() - idle_from, options.timeout_idle) << "on its own timer, not in a probe round";
  ASSERT_TRUE(wait_for([&] { return snapshot()->instances.empty(); }, 2min));
  EXPECT_EQ(cloud->destroys, std::vector<std::string>{"i-1"});
}

TEST_F(PoolTest, CommandsAndTags) {
  options.runner_arguments = {"--runtime-engine=docker", "--it's"};
  options.image_id = "image";
  options.instance_init_command = "echo hi";
  options.public_key = "ssh-ed25519 AAAA";
  start();
  start_container(make_idle().number, uuid(1));
  runtime.settle();
  const auto& commands = cloud->machine("i-1").commands;
  EXPECT_EQ(commands.at(0), "true");
  EXPECT_EQ(commands.at(1), "sudo crunch-run --list");
  EXPECT_EQ(commands.at(2),
            R"(sudo crunch-run --detach --stdin-config '--runtime-engine=docker' '--it'\''s' ')" + uuid(1) + "'");
  const CreateRequest& request = cloud->creates.at(0);
  EXPECT_EQ(request.tags.at("ArvadosInstanceSetID"), set_id);
  EXPECT_EQ(request.tags.at("ArvadosInstanceType"), "small");
  EXPECT_EQ(request.tags.at("ArvadosIdleBehavior"), "run");
  const std::string secret = request.tags.at("ArvadosInstanceSecret");
  EXPECT_EQ(request.init_command,
            "umask 0177 && echo -n \"" + secret + "\" >/var/run/arvados-instance-secret\necho hi");
  EXPECT_EQ(request.image_id, "image");
  EXPECT_EQ(request.public_key, "ssh-ed25519 AAAA");
  EXPECT_FALSE(log->contains(secret));
}

TEST_F(PoolTest, RootNeedsNoSudoAndPricesGoIn) {
  cloud->remote_user = "root";
  cloud->prices = {{WallTime(1893553445s), 0.25}};
  start();
  make_idle();
  EXPECT_EQ(cloud->machine("i-1").commands.at(1), "crunch-run --list --stdin-prices");
}

TEST_F(PoolTest, RestartAdopts) {
  start();
  const auto first = make_idle();
  start_container(first.number, uuid(1));
  const auto second = make_idle();
  ASSERT_TRUE(set_behavior(second.id, IdleBehavior::hold));
  runtime.run_for(1s);
  auto& odd = cloud->add("p.odd", tags("withdrawn"));
  auto& odd_held = cloud->add("p.odd", tags("withdrawn", "hold"));
  odd.machine->runners[uuid(3)] = {};
  cloud->machine(first.id).latency = 100ms;

  restart();
  EXPECT_EQ(by_id(first.id).state, WorkerState::unknown);
  runtime.run_for(1s);
  EXPECT_EQ(by_id(first.id).state, WorkerState::running);
  EXPECT_EQ(by_id(first.id).containers, std::vector<std::string>{uuid(1)});
  EXPECT_EQ(by_id(first.id).last_container, uuid(1));
  EXPECT_EQ(by_id(first.id).type, "small");
  EXPECT_EQ(by_id(second.id).idle_behavior, IdleBehavior::hold);
  EXPECT_EQ(by_id(second.id).state, WorkerState::idle);
  EXPECT_EQ(by_id(odd.id).idle_behavior, IdleBehavior::drain);
  EXPECT_EQ(by_id(odd.id).state, WorkerState::running);
  EXPECT_EQ(by_id(odd.id).type, "withdrawn");
  EXPECT_EQ(by_id(odd.id).provider_type, "p.odd");
  EXPECT_EQ(by_id(odd_held.id).idle_behavior, IdleBehavior::hold);
  EXPECT_EQ(odd.tags.at("ArvadosIdleBehavior"), "drain") << "the tag follows";
  EXPECT_FALSE(start_container(by_id(odd.id).number, uuid(9)));
  EXPECT_FALSE(start_container(by_id(second.id).number, uuid(9)));

  const std::string odd_id = odd.id;  // the destroy takes `odd` away
  cloud->machine(odd_id).exit(uuid(3));
  EXPECT_TRUE(wait_for([&] { return by_id(odd_id).state == WorkerState::shutdown; }, 20s));
}

TEST_F(PoolTest, LearnedIdleTimeouts) {
  start();
  const auto idle_for = [&](const std::string& id, SteadyTime since) {
    EXPECT_TRUE(wait_for([&] { return by_id(id).state == WorkerState::shutdown; }));
    return runtime.now() - since;
  };
  PoolCommands learned;
  learned.idle_timeouts = {{"small", 10s}, {"large", 1h}};
  apply(learned);
  const PoolInstance small = make_idle("small");
  EXPECT_EQ(idle_for(small.id, runtime.now()), 10s);
  const PoolInstance large = make_idle("large");
  EXPECT_EQ(idle_for(large.id, runtime.now()), options.timeout_idle) << "at most TimeoutIdle";
  const PoolInstance next = make_idle("large");
  const SteadyTime since = runtime.now();
  runtime.run_for(5s);
  learned.idle_timeouts = {{"large", 20s}};
  apply(learned);
  EXPECT_EQ(idle_for(next.id, since), 20s) << "of what is idle already, too";
}

TEST_F(PoolTest, IdleBehaviorVerbs) {
  start();
  const auto held = make_idle();
  ASSERT_TRUE(set_behavior(held.id, IdleBehavior::hold));
  EXPECT_EQ(cloud->vms.at(held.id).tags.at("ArvadosIdleBehavior"), "hold");
  EXPECT_EQ(cloud->vms.at(held.id).tags.at("ArvadosInstanceSecret").size(), 40u) << "the other tags stay";
  runtime.run_for(10min);
  EXPECT_EQ(only().state, WorkerState::idle) << "longer than TimeoutIdle";
  shut_down(held.number);
  EXPECT_EQ(only().state, WorkerState::idle) << "the scheduler may not";
  ASSERT_TRUE(set_behavior(held.id, IdleBehavior::run));
  EXPECT_EQ(only().state, WorkerState::shutdown) << "idle for long";

  const auto drained = make_idle();
  start_container(drained.number, uuid(1));
  ASSERT_TRUE(set_behavior(drained.id, IdleBehavior::drain));
  EXPECT_FALSE(start_container(drained.number, uuid(2)));
  runtime.run_for(5min);
  EXPECT_EQ(by_id(drained.id).state, WorkerState::running);
  cloud->machine(drained.id).exit(uuid(1));
  EXPECT_TRUE(wait_for([&] { return by_id(drained.id).state == WorkerState::shutdown; }, 12s));

  const auto unwanted = make_idle();
  shut_down(unwanted.number);
  EXPECT_EQ(by_id(unwanted.id).state, WorkerState::shutdown);

  const auto killed = make_idle();
  ASSERT_TRUE(set_behavior(killed.id, IdleBehavior::hold));
  ASSERT_TRUE(run_on(runtime, pool->kill_instance(killed.id, "because")));
  EXPECT_EQ(by_id(killed.id).state, WorkerState::shutdown);

  EXPECT_EQ(set_behavior("i-none", IdleBehavior::run).error().kind, ErrorKind::not_found);
  EXPECT_EQ(run_on(runtime, pool->kill_instance("i-none", "")).error().kind, ErrorKind::not_found);
  EXPECT_EQ(run_on(runtime, pool->kill_container(uuid(9), "")).error().kind, ErrorKind::not_found);
}

/// The destroy waits for the cloud's rate limit, then for the list after which it is tried again.
TEST_F(PoolTest, AHoldThatComesTooLateIsRefused) {
  start();
  const auto worker = make_idle();
  cloud->destroy_errors = {Error{ErrorKind::rate_limited, "slow down"}};
  cloud->destroy_latency = 3s;
  shut_down(worker.number);
  for (const Duration wait : {1s, 5s}) {
    runtime.run_for(wait);
    ASSERT_TRUE(cloud->vms.contains(worker.id));
    const auto held = set_behavior(worker.id, IdleBehavior::hold);
    ASSERT_FALSE(held) << "it would be destroyed all the same";
    EXPECT_EQ(held.error().kind, ErrorKind::conflict);
    EXPECT_EQ(only().idle_behavior, IdleBehavior::run);
  }
  EXPECT_TRUE(set_behavior(worker.id, IdleBehavior::drain));
  EXPECT_TRUE(set_behavior(worker.id, IdleBehavior::run));
  runtime.run_for(3min);
  EXPECT_TRUE(cloud->vms.empty());
  EXPECT_EQ(cloud->destroys.size(), 2u);
  EXPECT_TRUE(std::none_of(cloud->tag_writes.begin(), cloud->tag_writes.end(),
                           [](const auto& write) { return write.second.at("ArvadosIdleBehavior") == "hold"; }));
}

TEST_F(PoolTest, AKillIsLoggedOnce) {
  start();
  const auto worker = make_idle();
  ASSERT_TRUE(start_container(worker.number, uuid(1)));
  cloud->machine(worker.id).latency = 1s;
  for (int pass = 0; pass < 3; ++pass) EXPECT_TRUE(run_on(runtime, pool->kill_container(uuid(1), "priority is 0")));
  const auto lines = log->lines();
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const auto& line) { return line.find("stopping container") != std::string::npos; }),
            1);
}

TEST_F(PoolTest, TagsThatCannotBeWritten) {
  start();
  const auto worker = make_idle();
  cloud->tag_errors = {Error{ErrorKind::network, "reset"}};
  ASSERT_TRUE(set_behavior(worker.id, IdleBehavior::hold));
  runtime.run_for(5s);
  EXPECT_EQ(cloud->tag_writes.size(), 1u) << "no storm";
  runtime.run_for(options.sync_interval);
  EXPECT_EQ(cloud->vms.at(worker.id).tags.at("ArvadosIdleBehavior"), "hold") << "a sync tries again";
}

TEST_F(PoolTest, StartOfAKnownContainerIsRefused) {
  start();
  const auto first = make_idle(), second = make_idle();
  EXPECT_TRUE(start_container(first.number, uuid(1)));
  EXPECT_FALSE(start_container(first.number, uuid(1)));
  EXPECT_FALSE(start_container(second.number, uuid(1)));
  EXPECT_FALSE(start_container(99, uuid(2)));
  PoolCommands commands;
  commands.starts = {{first.number, uuid(2), {}}, {second.number, uuid(2), {}}};
  EXPECT_EQ(apply(std::move(commands)).starts, (std::vector<bool>{true, false}));
}

TEST_F(PoolTest, OneContainerOnTwoWorkers) {
  auto& first = cloud->add("p.small", tags("small"));
  auto& second = cloud->add("p.small", tags("small"));
  first.machine->runners[uuid(1)] = second.machine->runners[uuid(1)] = {};
  start();
  runtime.run_for(1s);
  EXPECT_EQ(snapshot()->running.size(), 1u);
  EXPECT_TRUE(log->contains("runs on two instances"));
  first.machine->exit(uuid(1));
  runtime.run_for(12s);
  EXPECT_EQ(snapshot()->running.at(uuid(1)).instance, by_id(second.id).number) << "the living one counts";
  EXPECT_FALSE(snapshot()->running.at(uuid(1)).exited);
  first.machine->runners[uuid(1)] = {};
  runtime.run_for(12s);
  kill(uuid(1));
  runtime.run_for(1s);
  EXPECT_TRUE(first.machine->runners.empty() && second.machine->runners.empty());
  EXPECT_TRUE(snapshot()->running.at(uuid(1)).exited);
}

TEST_F(PoolTest, StartThatIsRefusedIsNoticedAtOnce) {
  start();
  const auto worker = make_idle();
  cloud->machine(worker.id).start_fails = true;
  ASSERT_TRUE(start_container(worker.number, uuid(1)));
  EXPECT_TRUE(wait_for([&] { return snapshot()->running.at(uuid(1)).exited.has_value(); }, 100ms));
}

TEST_F(PoolTest, StartWithoutAnAnswer) {
  options.command_deadline = 20s;
  start();
  const auto worker = make_idle();
  auto& machine = cloud->machine(worker.id);
  machine.hanging_command = "--detach";
  ASSERT_TRUE(start_container(worker.number, uuid(1)));
  runtime.run_for(19s);
  EXPECT_FALSE(snapshot()->running.at(uuid(1)).exited) << "still starting, whatever the lists say";
  EXPECT_TRUE(wait_for([&] { return snapshot()->running.at(uuid(1)).exited.has_value(); }, 15s));
}

TEST_F(PoolTest, KillEscalates) {
  start();
  const auto worker = make_idle();
  auto& machine = cloud->machine(worker.id);
  start_container(worker.number, uuid(1));
  runtime.run_for(1s);
  kill(uuid(1));
  EXPECT_TRUE(wait_for([&] { return snapshot()->running.at(uuid(1)).exited.has_value(); }, 10ms));
  EXPECT_EQ(only().state, WorkerState::idle);
  EXPECT_EQ(machine.count_commands("--kill 15 " + uuid(1)), 1);

  machine.new_runners_ignore_term = true;
  start_container(worker.number, uuid(2));
  runtime.run_for(1s);
  kill(uuid(2));
  runtime.run_for(options.timeout_term - 1s);
  EXPECT_EQ(machine.count_commands("--kill 15 " + uuid(2)), 24);
  EXPECT_EQ(only().idle_behavior, IdleBehavior::run);
  runtime.run_for(1s);
  EXPECT_EQ(only().state, WorkerState::shutdown) << "drained with nothing but a lost cause on it";
  EXPECT_TRUE(snapshot()->running.contains(uuid(2))) << "until it is gone";
  ASSERT_TRUE(wait_for([&] { return snapshot()->instances.empty(); }, 2min));
  EXPECT_FALSE(snapshot()->running.contains(uuid(2))) << "no placeholder";
}

TEST_F(PoolTest, MetricsOfALife) {
  cloud->boot_delay = 30s;
  start();
  const auto worker = make_idle();
  const std::string d = "arvados_dispatchcloud_";
  runtime.run_for(2s);
  EXPECT_EQ(metric(d + "boot_outcomes{outcome=\"success\"}"), 1);
  EXPECT_EQ(metric(d + "boot_outcomes{outcome=\"failure\"}"), 0);
  EXPECT_EQ(metric(d + "instances_total{category=\"idle\",instance_type=\"small\"}"), 1);
  EXPECT_EQ(metric(d + "instances_total{category=\"hold\",instance_type=\"large\"}"), 0);
  EXPECT_EQ(metric(d + "vcpus_total{category=\"idle\"}"), 1);
  EXPECT_EQ(metric(d + "memory_bytes_total{category=\"idle\"}"), 1 << 30);
  EXPECT_EQ(metric(d + "instances_time_to_ssh_seconds_count"), 1);
  EXPECT_GE(metric(d + "instances_time_to_ssh_seconds_sum"), 30);
  EXPECT_EQ(metric(d + "instances_time_to_ready_for_container_seconds_count"), 1);
  EXPECT_GE(metric(d + "instances_run_probe_duration_seconds_count{outcome=\"success\"}"), 1);
  start_container(worker.number, uuid(1));
  runtime.run_for(2s);
  EXPECT_EQ(metric(d + "containers_running"), 1);
  EXPECT_EQ(metric(d + "instances_total{category=\"inuse\",instance_type=\"small\"}"), 1);
  EXPECT_EQ(metric(d + "containers_time_from_queue_to_crunch_run_seconds_sum"), 3);
  cloud->machine(worker.id).list_fails = true;
  runtime.run_for(2min);
  EXPECT_GE(metric(d + "probe_age_seconds_max"), 100);
  EXPECT_GE(metric(d + "probe_age_seconds_median"), 100);
  run_on(runtime, pool->kill_instance(worker.id, ""));
  ASSERT_TRUE(wait_for([&] { return snapshot()->instances.empty(); }, 2min));
  runtime.run_for(2s);
  EXPECT_EQ(metric(d + "instances_disappeared{state=\"shutdown\"}"), 1);
  EXPECT_EQ(metric(d + "instances_disappeared{state=\"unknown\"}"), 0);
  EXPECT_EQ(metric(d + "instances_time_from_shutdown_request_to_disappearance_seconds_count"), 1);
  EXPECT_EQ(metric(d + "containers_running"), 0);
  EXPECT_EQ(metric(d + "probe_age_seconds_max"), 0);
}

}  // namespace
}  // namespace berth
