#include "host_identity.hpp"

#include <algorithm>

#include "pool_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(Secret, Command) {
  EXPECT_EQ(secret_command("root"), "cat /var/run/arvados-instance-secret");
  EXPECT_EQ(secret_command("crunch"), "sudo cat /var/run/arvados-instance-secret");
}

TEST(Secret, Judge) {
  struct Case {
    const char* what;
    CommandOutput output;
    const char* secret;
    std::optional<ErrorKind> error;
  };
  const Case cases[] = {
      {"the same", {0, "abc", ""}, "abc", std::nullopt},
      {"noise on stderr", {0, "abc", "sudo: unable to resolve host"}, "abc", std::nullopt},
      {"another", {0, "abd", ""}, "abc", ErrorKind::denied},
      {"a newline more", {0, "abc\n", ""}, "abc", ErrorKind::denied},
      {"a prefix", {0, "ab", ""}, "abc", ErrorKind::denied},
      {"nothing", {0, "", ""}, "abc", ErrorKind::denied},
      {"no secret in the tags", {0, "", ""}, "", ErrorKind::denied},
      {"no file yet", {1, "", "No such file"}, "abc", ErrorKind::network},
      {"no file yet, though it looks right", {1, "abc", ""}, "abc", ErrorKind::network},
  };
  for (const auto& c : cases) {
    const auto verdict = judge_secret(c.output, c.secret);
    EXPECT_EQ(verdict ? std::nullopt : std::optional(verdict.error().kind), c.error) << c.what;
    if (!verdict && *c.secret) EXPECT_EQ(verdict.error().message.find(c.secret), std::string::npos) << c.what;
  }
}

class HostIdentityTest : public PoolTest {
 protected:
  HostIdentityTest() { cloud->host_key_verdict = HostKeyVerdict::not_implemented; }

  std::string secret(const std::string& id) const { return cloud->vms.at(id).tags.at("ArvadosInstanceSecret"); }
  FakeMachine& create_machine(const std::string& id) {
    EXPECT_TRUE(create());
    runtime.run_for(1s);
    return cloud->machine(id);
  }
  double checks(const std::string& outcome) const {
    return metric("berth_host_checks_total{outcome=\"" + outcome + "\"}");
  }
  std::int64_t lines_with(const std::string& text) const {
    const auto lines = log->lines();
    return std::count_if(lines.begin(), lines.end(),
                         [&](const std::string& line) { return line.find(text) != std::string::npos; });
  }
};

TEST_F(HostIdentityTest, SecretIsAskedForOnceAndBeforeAllElse) {
  cloud->on_create = [](FakeCloud::Vm& vm) { vm.machine->secret = vm.tags.at("ArvadosInstanceSecret"); };
  start();
  auto& machine = create_machine("i-1");
  runtime.run_for(50s);
  EXPECT_EQ(only().state, WorkerState::idle);
  ASSERT_FALSE(machine.commands.empty());
  EXPECT_EQ(machine.commands.front(), "sudo cat /var/run/arvados-instance-secret");
  EXPECT_EQ(machine.count_commands("arvados-instance-secret"), 1);
  EXPECT_EQ(checks("accepted"), 1);
}

TEST_F(HostIdentityTest, AnotherSecretIsNeverUsed) {
  cloud->on_create = [](FakeCloud::Vm& vm) { vm.machine->secret = "0000"; };
  options.timeout_booting = 60s;
  options.sync_interval = 5s;
  start();
  auto& machine = create_machine("i-1");
  runtime.run_for(55s);
  EXPECT_EQ(only().state, WorkerState::booting);
  EXPECT_EQ(machine.commands.size(), static_cast<std::size_t>(machine.count_commands("arvados-instance-secret")));
  EXPECT_GE(checks("refused"), 2);
  EXPECT_EQ(lines_with("\"level\":\"error\",\"msg\":\"host refused: it is not the instance\""), 1);
  EXPECT_EQ(lines_with(secret("i-1")), 0);
  runtime.run_for(30s);
  EXPECT_TRUE(cloud->vms.empty());
  EXPECT_EQ(lines_with("\"Reason\":\"boot timeout\",\"error\":\"boot probe failed: "), 1);
}

TEST_F(HostIdentityTest, FirstProbeThatHangsIsToldOfWhenItsTimeIsUp) {
  cloud->on_create = [](FakeCloud::Vm& vm) { vm.machine->hanging = true; };
  options.timeout_booting = 30s;
  options.sync_interval = 5s;
  start();
  create_machine("i-1");
  runtime.run_for(60s);
  EXPECT_TRUE(cloud->vms.empty());
  EXPECT_EQ(lines_with("\"Reason\":\"boot timeout\",\"error\":\"the probe under way is not answered\""), 1);
}

TEST_F(HostIdentityTest, SecretThatIsNotYetThereIsAskedForAgain) {
  start();
  auto& machine = create_machine("i-1");
  runtime.run_for(30s);
  EXPECT_EQ(only().state, WorkerState::booting);
  EXPECT_EQ(checks("refused"), 0);
  EXPECT_GE(checks("undecided"), 2);
  EXPECT_EQ(lines_with("\"level\":\"info\",\"msg\":\"host not verified yet\""), 1);
  machine.secret = secret("i-1");
  runtime.run_for(30s);
  EXPECT_EQ(only().state, WorkerState::idle);
}

TEST_F(HostIdentityTest, AnotherKeyIsVerifiedAgain) {
  cloud->on_create = [](FakeCloud::Vm& vm) { vm.machine->secret = vm.tags.at("ArvadosInstanceSecret"); };
  start();
  auto& machine = create_machine("i-1");
  machine.host_key = "ssh-ed25519 BBBB";
  runtime.run_for(30s);
  EXPECT_EQ(checks("accepted"), 2);
  machine.host_key = "ssh-ed25519 CCCC";
  machine.secret = "1111";
  runtime.run_for(1s);
  const auto before = machine.commands.size();
  runtime.run_for(60s);
  EXPECT_EQ(machine.commands.size() - before, static_cast<std::size_t>(checks("refused")));
}

TEST_F(HostIdentityTest, InstanceWithoutSecretInItsTagsIsNotTrusted) {
  start();
  auto& vm = cloud->add("p.small", {{"ArvadosInstanceSetID", set_id}, {"ArvadosInstanceType", "small"}});
  vm.machine->secret = "";
  runtime.run_for(120s);
  EXPECT_EQ(only().state, WorkerState::unknown);
  EXPECT_GE(checks("refused"), 1);
}

TEST_F(HostIdentityTest, TheInstanceOfTheLatestListIsAsked) {
  cloud->on_create = [](FakeCloud::Vm& vm) { vm.host_key_verdict = HostKeyVerdict::mismatch; };
  options.sync_interval = 5s;
  start();
  create_machine("i-1");
  runtime.run_for(30s);
  EXPECT_EQ(only().state, WorkerState::booting);
  cloud->vms.at("i-1").host_key_verdict = HostKeyVerdict::ok;
  runtime.run_for(30s);
  EXPECT_EQ(only().state, WorkerState::idle);
}

TEST_F(HostIdentityTest, DriverDecides) {
  struct Case {
    const char* what;
    HostKeyVerdict verdict;
    std::optional<Error> error;
    const char* outcome;
    WorkerState state;
  };
  const Case cases[] = {
      {"knows it", HostKeyVerdict::ok, std::nullopt, "accepted", WorkerState::idle},
      {"knows another", HostKeyVerdict::mismatch, std::nullopt, "refused", WorkerState::booting},
      {"cannot say now", HostKeyVerdict::ok, Error{ErrorKind::rate_limited, "slow down"}, "undecided",
       WorkerState::booting},
  };
  for (const auto& c : cases) {
    const double before = std::max(checks(c.outcome), 0.0);
    cloud->host_key_verdict = c.verdict;
    cloud->host_key_error = c.error;
    start();
    create_machine("i-" + std::to_string(cloud->last_id + 1));
    EXPECT_EQ(only().state, c.state) << c.what;
    EXPECT_EQ(checks(c.outcome), before + 1) << c.what;
    stop();
    cloud->vms.clear();
  }
}

}  // namespace
}  // namespace berth
