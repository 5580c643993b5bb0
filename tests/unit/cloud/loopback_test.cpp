#include "loopback/loopback.hpp"

#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <functional>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <nlohmann/json.hpp>

#include "conformance.hpp"
#include "loopback/parameters.hpp"

namespace berth {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using namespace std::chrono_literals;

class Loopback : public testing::Test {
 protected:
  Loopback() {
    std::string name = testing::TempDir() + "loopback-XXXXXX";
    directory = ::mkdtemp(name.data());
  }
  ~Loopback() override { fs::remove_all(directory); }

  std::unique_ptr<InstanceSet> make(json parameters, Runtime& on) {
    parameters["StateDirectory"] = directory;
    const DriverContext context{on, Logger(), metrics, parameters, "set", {}};
    auto made = (*find_driver("loopback"))(context);
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  std::unique_ptr<InstanceSet> make(json parameters) { return make(std::move(parameters), runtime); }

  template <class T>
  T await(awaitable<T> operation) {
    std::optional<T> value;
    auto body = [](awaitable<T> op, std::optional<T>& v) -> awaitable<void> { v = co_await std::move(op); };
    asio::co_spawn(runtime.executor(), body(std::move(operation), value), asio::detached);
    runtime.settle();
    return std::move(*value);
  }
  auto create(InstanceSet& set, const std::string& type, std::int64_t vcpus = 1, InstanceTags tags = {}) {
    CreateRequest request;
    request.type.name = type;
    request.type.provider_type = "p-" + type;
    request.type.vcpus = vcpus;
    request.tags = std::move(tags);
    return await(set.create(std::move(request)));
  }
  std::vector<std::string> ids(InstanceSet& set) {
    std::vector<std::string> all;
    const auto listed = await(set.instances({}));
    for (const auto& instance : *listed) all.push_back(instance->id());
    return all;
  }
  void write(const std::string& name, const std::string& text) {
    fs::create_directories(fs::path(directory + '/' + name).parent_path());
    std::ofstream(directory + '/' + name) << text;
  }

  std::string directory;
  SimRuntime runtime;
  Metrics metrics;
};

TEST_F(Loopback, Conforms) {
  auto set = make({{"MaxInstances", 1}});
  InstanceType type;
  type.name = "small";
  type.provider_type = "p-small";
  asio::co_spawn(runtime.executor(), conformance::check_instance_set(*set, type), asio::detached);
  runtime.settle();
}

TEST_F(Loopback, WithoutParametersConforms) {
  write("crunch-run-broken", "");
  auto set = loopback::make_set(runtime, loopback::make_memory_store(directory), Duration::zero());
  InstanceType type;
  type.provider_type = "p-small";
  asio::co_spawn(runtime.executor(), conformance::check_instance_set(*set, type), asio::detached);
  runtime.settle();
  EXPECT_FALSE(fs::exists(directory + "/crunch-run-broken")) << "create removes the marker";
}

TEST_F(Loopback, WithoutParametersThereIsOneInstance) {
  auto set = loopback::make_set(runtime, loopback::make_memory_store(directory), Duration::zero());
  const auto first = create(*set, "small");
  ASSERT_TRUE(first);
  EXPECT_EQ((*first)->id(), "p-small");
  EXPECT_EQ((*first)->local_environment()->at("BERTH_LOCK_DIR"), directory);
  const auto second = create(*set, "small");
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::quota);
}

TEST_F(Loopback, KeepsToItsLimits) {
  const struct {
    const char* what;
    json parameters;
    std::vector<std::pair<const char*, int>> creates;  ///< type, VCPUs; the last one is refused
    ErrorKind refused;
  } cases[] = {
      {"total", {{"MaxInstances", 2}}, {{"a", 1}, {"b", 1}, {"c", 1}}, ErrorKind::quota},
      {"VCPUs", {{"MaxVCPUs", 3}}, {{"a", 2}, {"b", 2}}, ErrorKind::quota},
      {"one type larger than all VCPUs", {{"MaxVCPUs", 3}}, {{"a", 4}}, ErrorKind::capacity},
      {"per type by name",
       {{"InstanceTypes", {{"a", 1}, {"b", 2}}}},
       {{"a", 1}, {"b", 1}, {"a", 1}},
       ErrorKind::capacity},
      {"per type by provider type", {{"InstanceTypes", {{"p-a", 1}}}}, {{"a", 1}, {"a", 1}}, ErrorKind::capacity},
      {"unlisted type", {{"InstanceTypes", {{"a", 1}}}}, {{"b", 1}}, ErrorKind::capacity},
      {"zero", {{"MaxInstances", 0}}, {{"a", 1}}, ErrorKind::quota},
  };
  for (const auto& c : cases) {
    fs::remove_all(directory);
    auto set = make(c.parameters);
    for (std::size_t i = 0; i < c.creates.size(); ++i) {
      const auto created = create(*set, c.creates[i].first, c.creates[i].second);
      ASSERT_EQ(created.has_value(), i + 1 < c.creates.size()) << c.what << ", create " << i;
      if (created) continue;
      EXPECT_EQ(created.error().kind, c.refused) << c.what;
      if (c.refused == ErrorKind::capacity) EXPECT_EQ(created.error().scope, CapacityScope::instance_type) << c.what;
    }
  }
}

TEST_F(Loopback, DestroyMakesRoomAndNumbersAreNotReused) {
  auto set = make({{"MaxInstances", 1}});
  auto first = create(*set, "a");
  EXPECT_EQ((*first)->id(), "local-0001");
  EXPECT_TRUE(await((*first)->destroy()));
  EXPECT_FALSE(fs::exists(directory + "/local-0001"));
  EXPECT_FALSE(fs::exists(directory + "/local-0001.gone"));
  set = make({{"MaxInstances", 1}});
  EXPECT_EQ((*create(*set, "a"))->id(), "local-0002");
}

TEST_F(Loopback, ARestartFindsInstancesWithTheirTags) {
  const InstanceTags tags{{"Arvados InstanceType", "a"}, {"x", "ü\n\""}};
  auto set = make({{"MaxInstances", 5}});
  auto first = create(*set, "a", 2, tags);
  create(*set, "b");
  InstanceTags changed = tags;
  changed["IdleBehavior"] = "hold";
  ASSERT_TRUE(await((*first)->set_tags(changed)));
  const auto environment = *(*first)->local_environment();

  set = make({{"MaxInstances", 2}});
  EXPECT_EQ(ids(*set), (std::vector<std::string>{"local-0001", "local-0002"}));
  const auto again = await(set->instances({}))->front();
  EXPECT_EQ(again->tags(), changed);
  EXPECT_EQ(again->provider_type(), "p-a");
  EXPECT_EQ(*again->local_environment(), environment);
  EXPECT_TRUE(fs::is_directory(environment.at("BERTH_LOCK_DIR")));
  EXPECT_EQ(create(*set, "a").error().kind, ErrorKind::quota) << "found ones count";
}

TEST_F(Loopback, BadStateIsCleanedUp) {
  for (const char* text :
       {"", "{", "[]", "{\"InstanceType\":1}", "{\"InstanceType\":\"a\"}", "\xff\xfe", "null",
        R"({"InstanceType":"a","ProviderType":"a","VCPUs":1,"Tags":{},"CreatedAt":"yesterday"})",
        R"({"InstanceType":"a","ProviderType":"a","VCPUs":1,"Tags":{"k":1},"CreatedAt":"2030-01-01T00:00:00Z"})"}) {
    {
      auto set = make({{"MaxInstances", 5}});
      create(*set, "a");
      create(*set, "b");
    }
    write("local-0001/instance.json", text);
    write("local-0007.gone/lock/crunch-run-x.lock", "");
    write("local-0008/lock/half-made", "");
    write("unrelated/file", "");
    auto set = make({{"MaxInstances", 5}});
    EXPECT_EQ(ids(*set), std::vector<std::string>{"local-0002"}) << text;
    EXPECT_FALSE(fs::exists(directory + "/local-0001")) << text;
    EXPECT_FALSE(fs::exists(directory + "/local-0007.gone"));
    EXPECT_TRUE(fs::exists(directory + "/unrelated/file"));
    EXPECT_EQ((*create(*set, "c"))->id(), "local-0009") << "numbers seen on disk are not reused";
    fs::remove_all(directory);
  }
}

TEST_F(Loopback, AnUnwritableStateDirectoryIsAnError) {
  auto set = make({{"MaxInstances", 5}});
  fs::remove_all(directory);
  std::ofstream(directory) << "a file where the directory was";
  const auto created = create(*set, "a");
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().kind, ErrorKind::failed);
  EXPECT_NE(created.error().message.find(directory), std::string::npos) << created.error().message;
  EXPECT_TRUE(ids(*set).empty());
}

TEST_F(Loopback, HasNoAddressBeforeBootDelay) {
  auto set = make({{"BootDelay", "10s"}});
  EXPECT_EQ((*create(*set, "a"))->address(), "");
  runtime.run_for(9s);
  EXPECT_EQ(await(set->instances({}))->front()->address(), "");
  runtime.run_for(2s);
  EXPECT_EQ(await(set->instances({}))->front()->address(), "127.0.0.1");
}

TEST(LoopbackParameters, AreChecked) {
  const struct {
    const char* text;
    const char* complaint;  ///< part of the message; empty: accepted
  } cases[] = {
      {"null", ""},
      {"{}", ""},
      {R"({"MaxInstances":3,"MaxVCPUs":4,"InstanceTypes":{"a":1},"StateDirectory":"/x","BootDelay":"1m"})", ""},
      {"[]", "must be a map"},
      {R"({"MaxInstances":-1})", "DriverParameters.MaxInstances"},
      {R"({"MaxInstances":1.5})", "DriverParameters.MaxInstances"},
      {R"({"MaxInstances":1e30})", "DriverParameters.MaxInstances"},
      {R"({"MaxInstances":18446744073709551615})", "DriverParameters.MaxInstances"},
      {R"({"InstanceTypes":["a"]})", "DriverParameters.InstanceTypes"},
      {R"({"InstanceTypes":{"a":"1"}})", "DriverParameters.InstanceTypes: a: "},
      {R"({"StateDirectory":"relative"})", "DriverParameters.StateDirectory"},
      {R"({"StateDirectory":1})", "DriverParameters.StateDirectory"},
      {R"({"BootDelay":5})", "DriverParameters.BootDelay"},
      {R"({"BootDelay":"-5s"})", "DriverParameters.BootDelay"},
      {R"({"Maxinstances":1})", "DriverParameters.Maxinstances"},
  };
  for (const auto& c : cases) {
    const auto parsed = loopback::parse_parameters(json::parse(c.text));
    EXPECT_EQ(parsed.has_value(), *c.complaint == '\0') << c.text;
    if (!parsed) EXPECT_NE(parsed.error().message.find(c.complaint), std::string::npos) << parsed.error().message;
  }
}

struct LockHolder {
  pid_t pid;
  int life;  ///< reads end of file once it and its child are gone
};

/// A process that holds a runner's lock, with a child in a session of its own; both ignore SIGTERM.
LockHolder start_lock_holder(const std::string& lock_directory) {
  int ready[2];
  if (::pipe(ready) != 0) throw std::runtime_error("pipe");
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGTERM, SIG_IGN);
    const std::string path = lock_directory + "/crunch-run-zzzzz-dz642-000000000000001.lock";
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT, 0600);
    ::flock(fd, LOCK_EX);
    ::dprintf(fd, "{\"UUID\":\"zzzzz-dz642-000000000000001\",\"PID\":%d}\n", ::getpid());
    if (::fork() == 0) {
      ::setsid();
      ::close(fd);
      if (::write(ready[1], "x", 1) != 1) ::_exit(1);
    }
    for (;;) ::pause();
  }
  ::close(ready[1]);
  char byte;
  EXPECT_EQ(::read(ready[0], &byte, 1), 1);
  return {pid, ready[0]};
}

TEST_F(Loopback, DestroyEndsRunnersAndWhatTheyStarted) {
  RealRuntime real(1);
  auto set = make({{"MaxInstances", 5}}, real);
  auto body = [](RealRuntime& r, InstanceSet& s) -> awaitable<void> {
    CreateRequest request;
    request.type.name = "a";
    const auto created = co_await s.create(std::move(request));
    const LockHolder holder = start_lock_holder((*created)->local_environment()->at("BERTH_LOCK_DIR"));
    const auto destroyed = co_await (*created)->destroy();
    EXPECT_TRUE(destroyed);
    int status = 0;
    EXPECT_EQ(::waitpid(holder.pid, &status, WNOHANG), holder.pid) << "the runner is gone";
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    char byte;
    EXPECT_EQ(::read(holder.life, &byte, 1), 0) << "and so is its child";
    ::close(holder.life);
    r.stop();
  };
  asio::co_spawn(real.executor(), body(real, *set), asio::detached);
  real.run();
  EXPECT_FALSE(fs::exists(directory + "/local-0001.gone"));
}

}  // namespace
}  // namespace berth
