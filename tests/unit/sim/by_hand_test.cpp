// A history that can be worked out by hand, from the workload to the figures and the time series.
#include <gtest/gtest.h>

#include "berth/config/load.hpp"

#include "figures.hpp"
#include "simulate.hpp"
#include "time_series.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kGib = std::int64_t{1} << 30;
constexpr double kDollarsPerSecond = 0.001;
constexpr double kCalls = 0.5;  // seconds that calls to the API and the workers may take in all

/// One type of 2 VCPUs, 4 GiB and $3.60 an hour; it boots for 50 s and goes after a minute without work. News come at
/// once, and workers are probed each second.
Cluster cluster_of_one() {
  LoadedConfig config = load_config_text(R"(
Clusters:
  zzzzz:
    SystemRootToken: systemusertesttoken1234567890aoeuidhtnsqjkxbmwvzpy
    ManagementToken: e687950a23c3a9bceec28c6223a06c79e687
    Services:
      Controller: {ExternalURL: "https://zzzzz.example/"}
      Websocket: {ExternalURL: "wss://zzzzz.example/websocket"}
    InstanceTypes:
      small: {VCPUs: 2, RAM: 4GiB, IncludedScratch: 10GB, Price: 3.6}
    Containers:
      CloudVMs: {Driver: ec2, ImageID: none, Policy: greedy, TimeoutIdle: 1m, ProbeInterval: 1s}
)",
                                         "cluster.yml");
  for (const Diagnostic& d : config.diagnostics) EXPECT_NE(d.severity, Severity::error) << to_string(d);
  return std::move(config.cluster);
}

CloudFile exact_cloud() {
  CloudFile file;
  file.cloud.create = {2s};
  file.cloud.boot = {50s};
  file.cloud.destroy = {1s};
  file.cloud.gone = {1s};
  file.workers.start = {1s};
  file.workers.end = {1s};
  return file;
}

WorkloadContainer container(Duration submit, std::int64_t vcpus) {
  WorkloadContainer c;
  c.submit = submit;
  c.constraints.vcpus = vcpus;
  c.constraints.ram = kGib;
  c.run_time = 100s;
  return c;
}

/// One container waits for a new instance, one comes to the instance while it is idle, one fits nowhere.
struct ByHand : testing::Test {
  const Cluster cluster = cluster_of_one();
  const Workload workload{container(0s, 2), container(170s, 1), container(0s, 64)};
  const CloudFile cloud = exact_cloud();

  Lives lived(Duration limit) const {
    auto lives = simulate(Simulation{cluster, workload, cloud, 1, limit, 0s});
    EXPECT_TRUE(lives) << lives.error().message;
    return lives ? std::move(*lives) : Lives{};
  }
};

TEST_F(ByHand, Figures) {
  const Lives lives = lived(1h);
  const SimFigures f = figures_of(lives, workload, cluster, cloud.billing);
  EXPECT_EQ(f.containers, 3);
  EXPECT_EQ(f.complete, 2);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.unfinished, 0);
  EXPECT_EQ(f.creates, 1);
  EXPECT_EQ(f.unused, 0);
  EXPECT_EQ(f.peak_instances, 1);

  // The create takes effect after 1 s, the boot 50 s more; then a probe or two, the start, and 1 s until it runs.
  ASSERT_EQ(f.waits.count, 2);
  EXPECT_GE(f.waits.max, 52);
  EXPECT_LE(f.waits.max, 57);
  EXPECT_GE(f.waits.p50, 1);
  EXPECT_LE(f.waits.p50, 3);
  EXPECT_EQ(f.by_size.at({false, 1}).max, f.waits.p50) << "of 1 VCPU: the second";
  EXPECT_EQ(f.by_size.at({false, 2}).max, f.waits.max) << "of 2 to 3: the first";
  EXPECT_NEAR(f.makespan.value(), 170 + f.waits.p50 + 100, kCalls);

  // From second 1 until a minute after the second container, whose process ends 1 s after it.
  const double life = f.cost / kDollarsPerSecond;
  EXPECT_GE(life, f.makespan.value() + 60 - 1 - kCalls);
  EXPECT_LE(life, f.makespan.value() + 60 + 1 + kCalls);
  EXPECT_DOUBLE_EQ(f.types.at("small").hours, life / 3600);
  EXPECT_DOUBLE_EQ(f.boot_cost, 50 * kDollarsPerSecond);
  EXPECT_NEAR(f.idle_cost, (life - 50 - 200) * kDollarsPerSecond, kCalls * kDollarsPerSecond);
  EXPECT_NEAR(f.cpu_use, (100 * 2 + 100 * 1) / (2 * life), 0.001);
  EXPECT_NEAR(f.ram_use, (100 * 1 + 100 * 1) / (4 * life), 0.001);
  EXPECT_LE(f.lower_bound, 150 * kDollarsPerSecond * 1.000001) << "300 s of a VCPU, two at a time";
  EXPECT_GE(f.lower_bound, 150 * kDollarsPerSecond * 0.99);
}

TEST_F(ByHand, TimeSeries) {
  const TimeSeries series = time_series(lived(1h), cloud.billing, 1000);
  ASSERT_EQ(series.step, 1s);
  ASSERT_GT(series.waiting.size(), 333U);
  struct Moment {
    std::size_t at;  // seconds
    double waiting, running, instances;
  };
  for (const Moment m : {Moment{30, 1, 0, 1}, Moment{100, 0, 1, 1}, Moment{165, 0, 0, 1}, Moment{171, 1, 0, 1},
                         Moment{200, 0, 1, 1}, Moment{300, 0, 0, 1}, Moment{333, 0, 0, 0}}) {
    EXPECT_EQ(series.waiting[m.at], m.waiting) << m.at;
    EXPECT_EQ(series.running[m.at], m.running) << m.at;
    EXPECT_EQ(series.instances[m.at], m.instances) << m.at;
    EXPECT_DOUBLE_EQ(series.cost_per_hour[m.at], m.instances * 3600 * kDollarsPerSecond) << m.at;
  }
}

TEST_F(ByHand, WhenTimeIsUp) {
  const SimFigures f = figures_of(lived(100s), workload, cluster, cloud.billing);
  EXPECT_EQ(f.complete, 0);
  EXPECT_EQ(f.failed, 1);
  EXPECT_EQ(f.unfinished, 2) << "one runs, one was not submitted yet";
}

}  // namespace
}  // namespace berth
