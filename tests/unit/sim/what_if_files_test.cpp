#include <gtest/gtest.h>

#include "cloud_file.hpp"
#include "generate.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

std::map<std::string, InstanceType> types() {
  std::map<std::string, InstanceType> out;
  for (const char* name : {"small", "large"}) out[name].name = name;
  return out;
}

TEST(CloudFile, IsRead) {
  const auto file = read_cloud_text(R"(
boot: {median: 90s, spread: 0.4, most: 10m}
create: 3s
gone: 1.5
quota: 100
creates_per_minute: 30
interruptions_per_hour: 0.25
minimum_billed: 1h
types:
  small: {price: 0.5, capacity: 7}
  large: {boot: {median: 5m}}
workers: {start: {median: 2s, spread: 0.1}, end: 0}
)",
                                    "cloud.yml", types());
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(file->cloud.boot.median, 90s);
  EXPECT_EQ(file->cloud.boot.spread, 0.4);
  EXPECT_EQ(file->cloud.boot.most, 10min);
  EXPECT_EQ(file->cloud.create.median, 3s);
  EXPECT_EQ(file->cloud.create.spread, 0) << "one value is always that";
  EXPECT_EQ(file->cloud.gone.median, 1500ms);
  EXPECT_EQ(file->cloud.quota, 100);
  EXPECT_EQ(file->cloud.creates_per_minute, 30);
  EXPECT_EQ(file->interruptions_per_hour, 0.25);
  EXPECT_EQ(file->billing.minimum, 1h);
  EXPECT_EQ(file->billing.prices, (std::map<std::string, double>{{"small", 0.5}}));
  EXPECT_EQ(file->cloud.capacity, (std::map<std::string, std::int64_t>{{"small", 7}}));
  EXPECT_EQ(file->cloud.boot_of_type.at("large").median, 5min);
  EXPECT_EQ(file->cloud.boot_of_type.at("large").spread, 0.4) << "what is left out is as for all";
  EXPECT_EQ(file->workers.start.median, 2s);
  EXPECT_EQ(file->workers.end.median, 0s);
}

TEST(CloudFile, NamesLineAndKey) {
  const struct {
    const char* text;
    const char* words;
  } cases[] = {
      {"boot: [", "c.yml:1: YAML syntax: "},
      {"[1]", "c.yml:1: is not a map"},
      {"a: 1\nboots: 3s", "c.yml:1: a: no such key"},
      {"\nboot: soon", "c.yml:2: boot: 'soon' is neither"},
      {"boot: -1", "c.yml:1: boot: is not between 0 and 24h"},
      {"boot: 1e99", "c.yml:1: boot: '1e99' seconds are too many"},
      {"boot: [1]", "c.yml:1: boot: is not a single value"},
      {"boot:\n  median: 1s\n  spread: x", "c.yml:3: boot.spread: is not a number"},
      {"boot:\n  spread: 4", "c.yml:2: boot.spread: is not between 0 and 3"},
      {"boot:\n  spread: nan", "c.yml:2: boot.spread: is not between 0 and 3"},
      {"boot: {least: 2s, most: 1s}", "c.yml:1: boot.least: is above most"},
      {"boot: {mean: 2s}", "c.yml:1: boot.mean: no such key"},
      {"quota: 1.5", "c.yml:1: quota: is not a whole number"},
      {"quota: -1", "c.yml:1: quota: is not between 0 and 1000000"},
      {"quota: 1\nquota: 2", "c.yml:2: quota: is there twice"},
      {"types:\n  tiny: {price: 1}", "c.yml:2: types.tiny: the configuration has no such instance type"},
      {"types:\n  small: {price: cheap}", "c.yml:2: types.small.price: is not a number"},
      {"types: [small]", "c.yml:1: types: is not a map"},
      {"create: {spred: 1}\nboot: {median: 5s}", "c.yml:1: create.spred: no such key"},
      {"boot: {median: soon}\ngone: {median: 5s}\nworkers: {start: {median: 1s}}", "c.yml:1: boot.median: 'soon' is"},
      {"types:\n  small: {boot: {spred: 1}}\n  large: {boot: {median: 1s}}\nworkers: {end: {median: 1s}}",
       "c.yml:2: types.small.boot.spred: no such key"},
      {"workers:\n  command: {spred: 1}\n  start: {median: 1s}", "c.yml:2: workers.command.spred: no such key"},
      {"workers: {begin: 1s, end: {median: 1s}}", "c.yml:1: workers.begin: no such key"},
      {"workers: 3", "c.yml:1: workers: is not a map"},
      {"quota: x\ntypes: {small: {boot: {median: 1s}}}", "c.yml:1: quota: is not a whole number"},
      {"types: &a\n  small: *a", "c.yml:1: types.small"},
  };
  for (const auto& [text, words] : cases) {
    const auto file = read_cloud_text(text, "c.yml", types());
    ASSERT_FALSE(file) << text;
    EXPECT_TRUE(file.error().message.starts_with(words)) << text << '\n' << file.error().message;
  }
  EXPECT_TRUE(read_cloud_text("{}", "c.yml", types()));
  EXPECT_FALSE(read_cloud_text(std::string(100'000, '['), "c.yml", types()));
  EXPECT_FALSE(read_cloud_text(std::string(3'000'000, ' '), "c.yml", types()));
}

GeneratorSpec spec_of(const std::string& text) {
  auto spec = read_generator_text(text, "g.yml");
  EXPECT_TRUE(spec) << spec.error().message;
  return spec ? *spec : GeneratorSpec{};
}

TEST(Generator, NamesLineAndKey) {
  const struct {
    const char* text;
    const char* words;
  } cases[] = {
      {"containers: 5", "g.yml:1: kinds: is missing"},
      {"duration: 0\nkinds: {a: {}}", "g.yml:1: duration: must be above 0"},
      {"kinds:\n  a: {vcpus: many}", "g.yml:2: kinds.a.vcpus: 'many' is not a number from 0 to 100000"},
      {"kinds:\n  a: {vcpus: []}", "g.yml:2: kinds.a.vcpus: is neither"},
      {"kinds:\n  a: {ram: 3XiB}",
       "g.yml:2: kinds.a.ram: '3XiB' is not a size such as 4GiB, or a number of bytes, from 0 to"},
      {"kinds:\n  a: {run_time: {median: -5}}",
       "g.yml:2: kinds.a.run_time.median: '-5' is not a duration such as 1h30m, or a number of seconds"},
      {"kinds:\n  a: {gpus: 1, gpu_stack: vulkan}", "g.yml:2: kinds.a: gpu_stack: is neither cuda nor rocm"},
      {"kinds:\n  a: {gpus: -1}", "g.yml:2: kinds.a.gpus: '-1' is not a number from 0 to 1000"},
      {"kinds: {a: {}}\narrivals: {process: chaotic}", "g.yml:2: arrivals.process: is none of"},
      {"kinds: {a: {}}\narrivals: {depth: 2}", "g.yml:2: arrivals.depth: is not between 0 and 1"},
      {"kinds: {a: {}}\nworkflows:\n- {supervisor: b}", "g.yml:3: workflows[1].supervisor: is not the name"},
      {"kinds: {a: {}}\nworkflows:\n- {supervisor: a}", "g.yml:3: workflows[1].stages: is missing"},
      {"kinds: {a: {}}\nworkflows:\n- supervisor: a\n  stages:\n  - {of: a, after: some}",
       "g.yml:5: workflows[1].stages[1].after: is neither each nor all"},
      {"duration: long\narrivals: {depth: 1}\nkinds: {a: {ram: {median: 1}}}", "g.yml:1: duration: 'long' is"},
      {"arrivals: {proces: steady}\nkinds: {a: {ram: {median: 1}}}", "g.yml:1: arrivals.proces: no such key"},
      {"kinds:\n  a: {vcpus: {median: 4, spred: 1}, ram: 8GiB, run_time: {median: 35m}}",
       "g.yml:2: kinds.a.vcpus.spred: no such key"},
      {"kinds:\n  a: {weigth: 1}\n  b: {ram: {median: 1}}", "g.yml:2: kinds.a.weigth: no such key"},
      {"kinds:\n  a: {weight: x, gpus: {median: 1}}", "g.yml:2: kinds.a.weight: is not a number"},
      {"kinds: {a: {}}\nworkflows:\n- supervisor: a\n  stages:\n  - {off: a, count: {median: 3}}",
       "g.yml:5: workflows[1].stages[1].of: is not the name"},
      {"kinds: {a: {}}\nworkflows:\n- supervisor: a\n  stages:\n  - {of: a, count: {medium: 3}}\n  - {of: a, count: "
       "{median: 3}}",
       "g.yml:5: workflows[1].stages[1].count.medium: no such key"},
      {"kinds: {a: {ram: {median: 1}}}\nworkflow: []", "g.yml:2: workflow: no such key"},
  };
  for (const auto& [text, words] : cases) {
    const auto spec = read_generator_text(text, "g.yml");
    ASSERT_FALSE(spec) << text;
    EXPECT_TRUE(spec.error().message.starts_with(words)) << text << '\n' << spec.error().message;
  }
  EXPECT_FALSE(read_generator("no-such-thing"));
}

TEST(Generator, OneSeedOneWorkload) {
  for (const char* name : {"steady", "diurnal", "bursty", "workflows", "bioinformatics", "tasks", "gpus"}) {
    const auto spec = read_generator(name);
    ASSERT_TRUE(spec) << spec.error().message;
    const auto one = generate_workload(*spec, 1);
    const auto again = generate_workload(*spec, 1);
    const auto other = generate_workload(*spec, 2);
    ASSERT_TRUE(one && again && other) << name;
    EXPECT_GT(one->containers.size(), 1500U) << name;
    EXPECT_LT(one->containers.size(), 2700U) << name;
    ASSERT_EQ(one->containers.size(), again->containers.size());
    bool differs = one->containers.size() != other->containers.size();
    for (std::size_t i = 0; i < one->containers.size(); ++i) {
      EXPECT_EQ(one->containers[i].submit, again->containers[i].submit);
      EXPECT_EQ(one->containers[i].run_time, again->containers[i].run_time);
      EXPECT_EQ(one->containers[i].constraints, again->containers[i].constraints);
      differs = differs || one->containers[i].submit != other->containers[i].submit;
    }
    EXPECT_TRUE(differs) << name;
  }
}

TEST(Generator, ArrivalsFollowTheProcess) {
  const std::string kinds =
      "kinds: {a: {vcpus: [1, 4], ram: {median: 2GiB, least: 2GiB, most: 2GiB}, run_time: 90s}}\n";
  const auto arrivals = [&](const std::string& process, auto&& counts) {
    const auto made = generate_workload(spec_of(kinds + "containers: 4000\nduration: 24h\narrivals: " + process), 7);
    EXPECT_TRUE(made);
    std::int64_t n = 0;
    for (const WorkloadContainer& c : made->containers) n += counts(c.submit);
    EXPECT_EQ(made->containers.size(), 4000U);
    return n;
  };
  const auto afternoon = [](Duration t) { return t >= 12h && t < 18h; };
  const std::int64_t steady = arrivals("{process: steady}", afternoon);
  EXPECT_NEAR(static_cast<double>(steady), 1000, 150);
  EXPECT_GT(arrivals("{process: diurnal, peak_hour: 15, depth: 1}", afternoon), 1600);
  for (const char* duration : {"1ns", "1ms", "1s", "1m"})
    EXPECT_TRUE(generate_workload(spec_of(kinds + "containers: 4000\nduration: " + duration +
                                          "\narrivals: {process: diurnal, peak_hour: 12, depth: 1}"),
                                  7))
        << "half a day from the peak, where there is hardly anything";
  std::map<std::int64_t, int> minutes;
  arrivals("{process: bursty, burst_size: 500, burst_length: 60s, burst_share: 1}", [&](Duration t) {
    ++minutes[t / 1min];
    return 0;
  });
  EXPECT_LE(minutes.size(), 16U) << "eight bursts, each in two minutes at most";
}

TEST(Generator, AShareAsksForGpus) {
  const auto made = generate_workload(spec_of(R"(
containers: 1000
kinds:
  a: {weight: 3}
  b: {weight: 1, gpus: [1, 2], gpu_vram: 16GiB, gpu_target: 8.0}
)"),
                                      3);
  ASSERT_TRUE(made) << made.error().message;
  std::map<std::int64_t, int> by_count;
  for (const WorkloadContainer& c : made->containers) {
    const GpuConstraints& gpu = c.constraints.gpu;
    ++by_count[gpu.device_count];
    const bool asks = c.image == "b";
    EXPECT_EQ(gpu.device_count > 0, asks);
    EXPECT_EQ(gpu.vram, asks ? std::int64_t{16} << 30 : 0);
    EXPECT_EQ(gpu.hardware_target, asks ? std::vector<std::string>{"8.0"} : std::vector<std::string>{});
  }
  EXPECT_NEAR(by_count[1], 125, 40);
  EXPECT_NEAR(by_count[2], 125, 40);
}

TEST(Generator, WorkflowsHaveStages) {
  const auto made = generate_workload(spec_of(R"(
containers: 7
kinds: {boss: {weight: 0, run_time: 1s}, a: {weight: 0}, b: {weight: 0}}
workflows:
  - {supervisor: boss, priority: 300, stages: [{of: a, count: 3}, {of: b, count: 2, after: each}, {of: a}]}
)"),
                                      3);
  ASSERT_TRUE(made) << made.error().message;
  const Workload& w = made->containers;
  ASSERT_EQ(w.size(), 7U);
  EXPECT_TRUE(w[0].scheduling.supervisor);
  for (std::size_t i = 1; i < 7; ++i) {
    EXPECT_EQ(w[i].parent, 0U);
    EXPECT_EQ(w[i].submit, 0s) << "as soon as the supervisor runs";
    EXPECT_EQ(w[i].priority, 300);
  }
  using After = std::vector<std::uint32_t>;
  EXPECT_EQ(w[3].after, After{});
  EXPECT_EQ(w[4].after, After{1});
  EXPECT_EQ(w[5].after, After{2});
  EXPECT_EQ(w[6].after, (After{4, 5}));
  EXPECT_EQ(w[6].image, "a");
}

TEST(Generator, IsBounded) {
  WorkloadLimits limits;
  limits.containers = 100;
  const auto spec = spec_of("containers: 1000000\nkinds: {a: {}}");
  const auto made = generate_workload(spec, 1, limits);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace berth
