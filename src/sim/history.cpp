#include "berth/sim/history.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include <nlohmann/json.hpp>

#include "chance.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr std::int64_t GB = 1'000'000'000;

void add_type(Cluster& cluster, const std::string& name, std::int64_t vcpus, std::int64_t ram_gb, double price,
              bool preemptible) {
  InstanceType type;
  type.name = preemptible ? name + ".spot" : name;
  type.provider_type = name;
  type.vcpus = vcpus;
  type.ram = ram_gb * GB;
  type.included_scratch = 100 * GB;
  type.price = preemptible ? price * 0.35 : price;
  type.preemptible = preemptible;
  cluster.instance_types[type.name] = type;
}

template <class T, std::size_t n>
T one_of(Chance& chance, const std::array<T, n>& values) {
  return values[static_cast<std::size_t>(chance.between(std::int64_t{0}, static_cast<std::int64_t>(n) - 1))];
}

Cluster draw_cluster(Chance& chance) {
  Cluster cluster;
  cluster.id = "zzzzz";
  cluster.system_root_token = "root";
  cluster.services.controller_url = "https://zzzzz.example/";
  for (const bool preemptible : {false, true}) {
    add_type(cluster, "small", 1, 4, 0.10, preemptible);
    add_type(cluster, "medium", 2, 8, 0.19, preemptible);
    add_type(cluster, "large", 4, 16, 0.37, preemptible);
    add_type(cluster, "xlarge", 8, 32, 0.72, preemptible);
  }
  ContainersConfig& containers = cluster.containers;
  containers.stale_lock_timeout = 1min;
  containers.crunch_run_command = "crunch-run";
  containers.runtime_engine = "docker";
  containers.maximum_price_factor = one_of(chance, std::array{1.0, 1.5, 4.0});
  containers.max_dispatch_attempts = 10;
  CloudVmsConfig& vms = containers.cloud_vms;
  vms.driver = "sim";
  vms.tag_key_prefix = "Arvados";
  vms.boot_probe_command = "true";
  vms.supervisor_fraction = 0.5;
  vms.max_instances = one_of(chance, std::array<std::int64_t, 4>{0, 4, 8, 16});
  vms.initial_quota_estimate = one_of(chance, std::array<std::int64_t, 3>{0, 0, 6});
  vms.max_concurrent_instance_create_ops = one_of(chance, std::array<std::int64_t, 4>{0, 1, 2, 8});
  vms.max_cloud_ops_per_second = one_of(chance, std::array<std::int64_t, 3>{0, 1, 10});
  vms.max_running_containers_per_instance = one_of(chance, std::array<std::int64_t, 3>{0, 0, 2});
  vms.max_probes_per_second = one_of(chance, std::array<std::int64_t, 3>{2, 10, 100});
  vms.poll_interval = one_of(chance, std::array<Duration, 2>{10s, 20s});
  vms.probe_interval = one_of(chance, std::array<Duration, 2>{10s, 20s});
  vms.sync_interval = one_of(chance, std::array<Duration, 2>{30s, 1min});
  vms.exit_watch = chance.with(0.6);
  vms.watched_probe_interval = one_of(chance, std::array<Duration, 2>{30s, 1min});
  vms.timeout_idle = one_of(chance, std::array<Duration, 2>{1min, 3min});
  vms.timeout_booting = 5min;
  vms.timeout_probe = 3min;
  vms.timeout_shutdown = 10s;
  vms.timeout_signal = 5s;
  vms.timeout_stale_run_lock = one_of(chance, std::array<Duration, 2>{5s, 1min});
  vms.timeout_term = 2min;
  return cluster;
}

/// The default in half of the histories. By a stream of its own: nothing else in a history depends on it.
std::string draw_policy(std::uint64_t seed) {
  const double at = Chance(seed ^ 0x9011c79011c7).fraction();
  return at < 0.5 ? "cost" : at < 0.85 ? "greedy" : "reference";
}

WorkloadContainer draw_container(Chance& chance, Duration last_submission) {
  constexpr std::int64_t longest = 45 * 60;
  WorkloadContainer c;
  c.submit = chance.between(Duration{}, last_submission);
  c.priority = one_of(chance, std::array<std::int64_t, 4>{1, 250, 500, 1000});
  c.constraints.vcpus = one_of(chance, std::array<std::int64_t, 6>{1, 1, 1, 2, 3, 8});
  c.constraints.ram = c.constraints.vcpus * chance.between(std::int64_t{1}, 3) * GB;
  if (chance.with(0.2)) c.scratch = chance.between(std::int64_t{10}, 90) * GB;
  if (chance.with(0.01)) c.constraints.vcpus = 4096;  // fits nowhere
  c.scheduling.preemptible = chance.with(0.25);
  const DelayModel run_time{6min, 1.2, 5s, std::chrono::seconds(longest)};
  c.run_time = chance.draw(run_time);
  return c;
}

WorkloadContainer draw_supervisor(Chance& chance, Duration last_submission) {
  WorkloadContainer c = draw_container(chance, last_submission);
  c.constraints.vcpus = 1;
  c.constraints.ram = GB;
  c.scheduling.supervisor = true;
  c.scheduling.preemptible = false;
  c.run_time = 1min;
  return c;
}

WorkloadContainer draw_child(Chance& chance, const WorkloadContainer& supervisor, std::uint32_t index_of_that) {
  WorkloadContainer child = draw_container(chance, 1min);
  child.parent = index_of_that;
  child.priority = supervisor.priority;
  child.run_time = std::min<Duration>(child.run_time, 10min);
  return child;
}

/// By a stream of its own: some need more RAM than the types have that have VCPUs enough.
void draw_large_memory(std::uint64_t seed, Workload& workload) {
  Chance chance(seed ^ 0x1a49e3e3041);
  const double share = chance.fraction() / 4;
  for (WorkloadContainer& c : workload)
    if (chance.with(share)) c.constraints.ram = std::min(4 * c.constraints.ram, 30 * GB);
}

void add_gpu_types(Cluster& cluster) {
  for (const bool preemptible : {false, true}) {
    add_type(cluster, "gpu", 4, 16, 0.95, preemptible);
    add_type(cluster, "gpu4", 16, 64, 3.60, preemptible);
  }
  for (auto& [name, type] : cluster.instance_types) {
    if (!name.starts_with("gpu")) continue;
    const bool four = type.provider_type == "gpu4";
    type.gpu = {"cuda", four ? "12.4" : "11.8", four ? "8.6" : "7.5", four ? 4 : 1, (four ? 24 : 16) * GB};
  }
}

/// Some with any device, some with one of the newer ones, a few with what there is not.
GpuConstraints draw_gpu(Chance& chance) {
  GpuConstraints gpu;
  gpu.stack = chance.with(0.03) ? "rocm" : "cuda";
  gpu.driver_version = one_of(chance, std::array{"11.4", "11.8", "12.0"});
  gpu.hardware_target = {"7.5"};
  if (chance.with(0.3)) gpu.hardware_target = {"8.0", "8.6"};
  gpu.device_count = one_of(chance, std::array<std::int64_t, 4>{1, 1, 2, 3});
  gpu.vram = chance.between(std::int64_t{2}, 18) * GB;
  return gpu;
}

void draw_special_needs(Chance& chance, Workload& workload) {
  const double with_gpu = chance.fraction() / 4, with_cache = chance.fraction() / 2;
  for (WorkloadContainer& c : workload) {
    if (c.scheduling.supervisor) continue;
    if (chance.with(with_gpu)) c.constraints.gpu = draw_gpu(chance);
    if (chance.with(with_cache)) c.constraints.keep_cache_ram = chance.between(std::int64_t{1}, 8) * GB / 8;
    if (chance.with(with_cache)) c.constraints.keep_cache_disk = chance.between(std::int64_t{1}, 40) * GB;
  }
}

/// Workflows that begin together, more than may run at a time.
void draw_flock(Chance& chance, Workload& workload, Duration last_submission, std::int64_t most_children) {
  const Duration first = chance.between(Duration{}, last_submission);
  constexpr std::int64_t least = 3, most = 6;
  for (std::int64_t left = chance.between(least, most); left > 0; --left) {
    WorkloadContainer c = draw_supervisor(chance, last_submission);
    c.submit = first + chance.between(Duration{}, Duration(1min));
    const auto supervisor = static_cast<std::uint32_t>(workload.size());
    workload.push_back(c);
    for (std::int64_t i = chance.between(std::int64_t{1}, most_children); i > 0; --i)
      workload.push_back(draw_child(chance, c, supervisor));
  }
}

/// What a third of the histories have besides: GPUs, Keep's caches and buffers, RAM held back, runners that load images
/// before they claim a container, more supervisors at a time than may run, and policy `cost` without rides. By a stream
/// of its own: the others do without all of that.
void draw_rarities(std::uint64_t seed, SimOptions& options, Duration last_submission) {
  Chance chance(seed ^ 0x9a71e74fa);
  if (!chance.with(1.0 / 3)) return;
  ContainersConfig& containers = options.cluster.containers;
  add_gpu_types(options.cluster);
  draw_special_needs(chance, options.workload);
  containers.reserve_extra_ram = one_of(chance, std::array<std::int64_t, 3>{0, GB / 4, GB / 2});
  containers.local_keep_blob_buffers_per_vcpu = one_of(chance, std::array<std::int64_t, 3>{0, 0, 1});
  options.cluster.document = std::make_shared<const nlohmann::json>(nlohmann::json::object());  // runners get it
  containers.cloud_vms.cost_policy.ride = chance.with(0.5);
  if (chance.with(0.5)) options.workers.start = {30s, 0.8};
  if (!chance.with(0.5)) return;
  draw_flock(chance, options.workload, last_submission, 3);
  // As many supervisors as there are instances would wait for each other's instances for ever.
  containers.cloud_vms.max_instances = 16;
  containers.cloud_vms.supervisor_fraction = one_of(chance, std::array{0.1, 0.2, 0.3});
  options.cloud.quota.reset();
}

/// In an eighth of the histories a few instances are all there is, and workflows that begin together are all that
/// comes: most of what they do shares instances, some of it needs an empty one. If supervisors filled them all, that
/// would wait for ever. By a stream of its own, as those are. Returns whether this is one.
bool draw_narrows(std::uint64_t seed, SimOptions& options, Duration last_submission) {
  Chance chance(seed ^ 0x4a44045);
  if (!chance.with(1.0 / 8)) return false;
  ContainersConfig& containers = options.cluster.containers;
  containers.cloud_vms.max_instances = chance.between(std::int64_t{2}, 4);
  containers.cloud_vms.max_running_containers_per_instance = 0;
  containers.maximum_price_factor = 8;  // so that they share large ones
  // By the letter of policy `reference` as many supervisors may run as share an instance: of this part none fills all.
  containers.cloud_vms.initial_quota_estimate = 0;
  containers.cloud_vms.supervisor_fraction = 0.3;
  options.cloud.quota.reset();
  options.cloud.capacity.clear();
  options.workload.clear();
  constexpr std::int64_t most_children = 12;
  for (std::int64_t flock = chance.between(std::int64_t{1}, 3); flock > 0; --flock)
    draw_flock(chance, options.workload, last_submission, most_children);
  for (WorkloadContainer& c : options.workload) {
    c.scheduling.preemptible = false;
    c.constraints.vcpus = 1;
    c.constraints.ram = GB;
    constexpr double needs_all = 0.3;
    if (c.parent && chance.with(needs_all)) c.constraints.vcpus = 8;
  }
  return true;
}

/// In a third of the histories some are submitted at the same time as another, and as urgent: so their priorities are
/// equal. By a stream of its own, as those are.
void draw_ties(std::uint64_t seed, Workload& workload) {
  Chance chance(seed ^ 0x71e5071e5);
  if (!chance.with(1.0 / 3)) return;
  const double share = chance.fraction();
  for (std::size_t i = 1; i < workload.size(); ++i) {
    if (workload[i].parent || workload[i - 1].parent || !chance.with(share)) continue;
    workload[i].submit = workload[i - 1].submit;
    workload[i].priority = workload[i - 1].priority;
  }
}

/// In a quarter of the histories some come when the end of another is near, whose place they may have. It may not come:
/// three of four run equally long, the fourth runs on. Some of them come late, when nothing else goes on that would
/// have a dispatcher look again. By a stream of its own, as those are.
void draw_relays(std::uint64_t seed, Workload& workload, Duration duration) {
  Chance chance(seed ^ 0x4e1a45);
  if (!chance.with(0.25)) return;
  constexpr Duration usual = 90s, before_its_end = 7s;
  WorkloadContainer c;
  c.constraints.vcpus = 1;
  c.constraints.ram = 3 * GB;
  for (std::int64_t i = chance.between(std::int64_t{10}, 30); i > 0; --i) {
    const bool late = chance.with(0.5);
    c.submit =
        late ? chance.between(duration * 77 / 100, duration * 95 / 100) : chance.between(Duration{}, duration / 2);
    c.run_time = chance.with(0.75) ? usual : Duration(30min);
    c.parent.reset();
    workload.push_back(c);
    c.submit = usual - before_its_end;
    c.run_time = usual;
    c.parent = static_cast<std::uint32_t>(workload.size()) - 1;
    workload.push_back(c);
  }
}

/// Bursts and a trickle, and a few workflows: a supervisor with children, some of which wait for others.
Workload draw_workload(Chance& chance, Duration last_submission) {
  Workload workload;
  const double hours = std::chrono::duration<double>(last_submission) / 1h;
  const auto scaled = [&](double per_hour) { return static_cast<std::int64_t>(std::ceil(per_hour * hours)); };
  for (std::int64_t i = scaled(chance.fraction() * 25); i > 0; --i)
    workload.push_back(draw_container(chance, last_submission));
  for (std::int64_t burst = chance.between(std::int64_t{1}, scaled(0.8)); burst > 0; --burst) {
    WorkloadContainer like = draw_container(chance, last_submission);
    for (std::int64_t i = chance.between(std::int64_t{2}, 25); i > 0; --i) {
      like.submit += chance.between(Duration{}, Duration(500ms));
      like.run_time = std::max<Duration>(1s, chance.draw(DelayModel{like.run_time, 0.2, 1s, 45min}));
      workload.push_back(like);
    }
  }
  for (std::int64_t flow = chance.between(std::int64_t{0}, scaled(0.8)); flow > 0; --flow) {
    const auto supervisor = static_cast<std::uint32_t>(workload.size());
    const WorkloadContainer c = draw_supervisor(chance, last_submission);
    workload.push_back(c);
    for (std::int64_t i = chance.between(std::int64_t{1}, 8); i > 0; --i) {
      WorkloadContainer child = draw_child(chance, c, supervisor);
      if (workload.size() > supervisor + 1 && chance.with(0.4))
        child.after.push_back(static_cast<std::uint32_t>(workload.size()) - 1);
      workload.push_back(child);
    }
  }
  return workload;
}

/// Each fault is on with some chance; how often it strikes varies by a factor of ten.
void draw(Chance& chance, double& rate, double least, double on = 0.3) {
  if (chance.with(on)) rate = least * std::pow(10, chance.fraction());
}

SimFaults draw_faults(Chance& chance) {
  SimFaults f;
  for (double* rate : {&f.api_error, &f.api_unavailable, &f.api_timeout, &f.api_lost_answer, &f.api_garbled})
    draw(chance, *rate, 0.005);
  draw(chance, f.api_slow, 0.02);
  for (double* rate : {&f.create_refused, &f.create_throttled, &f.create_no_room, &f.create_over_quota, &f.create_lost,
                       &f.create_doubled, &f.list_failed, &f.listed_late, &f.tags_late, &f.tags_failed,
                       &f.destroy_failed, &f.destroy_lost, &f.slow_boot})
    draw(chance, *rate, 0.03);
  draw(chance, f.list_omission, 0.01, 0.1);
  draw(chance, f.never_boots, 0.02);
  draw(chance, f.deaths_per_hour, 0.1);
  draw(chance, f.hangs_per_hour, 0.05);
  draw(chance, f.partitions_per_hour, 0.1);
  draw(chance, f.breakdowns_per_hour, 0.05);
  draw(chance, f.command_slow, 0.005);
  draw(chance, f.command_dropped, 0.005);
  draw(chance, f.command_cut, 0.002);
  draw(chance, f.watch_breaks, 0.1);
  draw(chance, f.watch_misses, 0.05);
  draw(chance, f.watch_lies, 0.02);
  for (double* rate : {&f.start_fails, &f.dies_before, &f.gives_back, &f.dies_during, &f.dies_after, &f.ignores_term})
    draw(chance, *rate, 0.01);
  draw(chance, f.lingers, 0.02);
  draw(chance, f.leaves_stale_lock, 0.1);
  draw(chance, f.kills_per_hour, 0.5);
  draw(chance, f.restarts_per_hour, 0.3);
  draw(chance, f.lease_losses_per_hour, 1);
  draw(chance, f.clock_steps_per_hour, 0.3);
  draw(chance, f.operator_verbs_per_hour, 1);
  draw(chance, f.user_verbs_per_hour, 2);
  return f;
}

void draw_bus_faults(Chance& chance, SimFaults& f) {
  draw(chance, f.bus_refuses, 0.05);
  draw(chance, f.bus_breaks, 0.1);
  for (double* rate : {&f.news_lost, &f.news_late, &f.news_doubled, &f.news_garbled, &f.news_outdated})
    draw(chance, *rate, 0.02);
}

/// By a stream of their own: nothing else in a history depends on them.
void draw_more_faults(std::uint64_t seed, SimFaults& f) {
  Chance chance(seed ^ 0xfa0175fa0175);
  draw(chance, f.list_stale, 0.01);
  draw(chance, f.command_killed, 0.002);
  draw(chance, f.interruptions_per_hour, 0.2);
  draw(chance, f.prices_change, 0.1);
  draw(chance, f.cloud_slow, 0.05);
  draw(chance, f.cloud_lost, 0.02);
}

/// By a stream of its own: in half of the histories the cloud leaves it to the dispatcher to tell whose instances are.
bool draw_filters(std::uint64_t seed) {
  return Chance(seed ^ 0xf117e5f117e5).with(0.5);
}

/// Of a third of the histories: one type takes longer to boot than the others, as those with accelerators do.
void draw_boot_times(std::uint64_t seed, const Cluster& cluster, SimCloudModel& cloud) {
  Chance chance(seed ^ 0xb0071e5);
  if (!chance.with(1.0 / 3)) return;
  auto type = cluster.instance_types.begin();
  std::advance(type, chance.between(std::int64_t{0}, std::ssize(cluster.instance_types) - 1));
  cloud.boot_of_type[type->first] = DelayModel{chance.between(Duration(20s), Duration(150s)), 0.3};
}

/// Half of the time, in two parts, so that the end of each shows whether all comes right again.
std::vector<std::pair<Duration, Duration>> draw_storms(Chance& chance, Duration duration) {
  const Duration first = chance.between(Duration{}, duration / 12);
  return {{first, first + duration / 4}, {duration / 2, duration * 3 / 4}};
}

}  // namespace

SimOptions draw_history(std::uint64_t seed, Duration duration) {
  Chance chance(seed ^ 0x5eed5eed5eed5eed);
  SimOptions options;
  options.seed = seed;
  options.duration = duration;
  options.cluster = draw_cluster(chance);
  options.cluster.containers.cloud_vms.policy = draw_policy(seed);
  options.workload = draw_workload(chance, duration * 5 / 8);
  draw_large_memory(seed, options.workload);
  options.dispatchers = chance.with(0.4) ? 2 : 1;
  options.api.max_page = one_of(chance, std::array<std::int64_t, 3>{1000, 1000, 7});
  if (chance.with(0.3)) options.cloud.quota = chance.between(std::int64_t{3}, 12);
  if (chance.with(0.3)) options.cloud.creates_per_minute = chance.between(std::int64_t{2}, 6);
  if (chance.with(0.3)) options.cloud.capacity["small"] = chance.between(std::int64_t{1}, 4);
  if (chance.with(0.3)) options.cloud.capacity["xlarge.spot"] = chance.between(std::int64_t{1}, 2);
  // Or supervisors may fill all that there is of the only type that their children may use.
  if (!options.cloud.capacity.empty()) options.cluster.containers.maximum_price_factor = 4;
  draw_boot_times(seed, options.cluster, options.cloud);
  draw_rarities(seed, options, duration * 5 / 8);
  const bool narrow = draw_narrows(seed, options, duration * 5 / 8);
  draw_ties(seed, options.workload);
  draw_relays(seed, options.workload, duration);
  options.cloud.filters = draw_filters(seed);
  std::int64_t window = one_of(chance, std::array<std::int64_t, 3>{100, 100, 5});
  if (narrow) window = 5;
  if (seed % 3 > 0) options.api.event_bus = SimEventBusModel{};
  if (seed % 3 > 1) options.api.event_bus->loss = 0.1;
  options.adjust = [window](QueueOptions& queue, PoolOptions& /*pool*/, SchedulerOptions& /*scheduler*/) {
    queue.window = window;
    if (window < 100) queue.page_size = window;
  };
  constexpr std::uint64_t fault_free = 10;
  if (seed % fault_free == 0) return options;
  options.faults = draw_faults(chance);
  options.storms = draw_storms(chance, duration);
  if (options.api.event_bus) draw_bus_faults(chance, options.faults);
  draw_more_faults(seed, options.faults);
  return options;
}

std::string describe(const SimOptions& options) {
  return std::to_string(options.workload.size()) + " containers, " + std::to_string(options.dispatchers) +
         " dispatchers, policy " + options.cluster.containers.cloud_vms.policy + ", MaxInstances " +
         std::to_string(options.cluster.containers.cloud_vms.max_instances) +
         (options.cluster.instance_types.contains("gpu") ? ", GPUs" : "") +
         (!options.api.event_bus            ? ", no event bus"
          : options.api.event_bus->loss > 0 ? ", an event bus that loses news"
                                            : ", an event bus") +
         (options.storms.empty() ? ", no faults" : ", with faults");
}

}  // namespace berth
