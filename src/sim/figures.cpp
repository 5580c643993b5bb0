#include "figures.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fmt/format.h>
#include <numeric>

#include "berth/base/seconds.hpp"
#include "berth/queue/choose_types.hpp"

#include "cost_bound.hpp"

namespace berth {
namespace {

constexpr double kHour = 3600;

WaitFigures wait_figures(std::vector<double> waits) {
  WaitFigures figures;
  if (waits.empty()) return figures;
  std::sort(waits.begin(), waits.end());
  figures.count = std::ssize(waits);
  figures.mean = std::accumulate(waits.begin(), waits.end(), 0.0) / static_cast<double>(waits.size());
  figures.p50 = quantile(waits, 0.5);
  figures.p95 = quantile(waits, 0.95);
  figures.max = waits.back();
  return figures;
}

void add_waits(const Lives& lives, const Workload& workload, SimFigures& figures) {
  std::map<SizeClass, std::vector<double>> by_size;
  std::vector<double> all;
  for (const ContainerLife& life : lives.containers) {
    if (!life.started) continue;
    const double wait = seconds(*life.started - life.submitted);
    by_size[size_class_of(workload[life.workload_index].constraints)].push_back(wait);
    all.push_back(wait);
  }
  figures.waits = wait_figures(std::move(all));
  for (auto& [size, waits] : by_size) figures.by_size[size] = wait_figures(std::move(waits));
}

void add_outcomes(const Lives& lives, const Workload& workload, SimFigures& figures) {
  std::optional<Duration> first_submission;
  std::optional<Duration> last_end;
  for (const ContainerLife& life : lives.containers) {
    if (life.attempt > 1 && life.started) ++figures.retries;
    first_submission = std::min(first_submission.value_or(life.submitted), life.submitted);
    if (life.ended) last_end = std::max(last_end.value_or(*life.ended), *life.ended);
  }
  figures.containers = std::ssize(workload);
  figures.complete = std::ranges::count(lives.outcomes, SimOutcome::complete);
  figures.failed = std::ranges::count(lives.outcomes, SimOutcome::failed);
  figures.unfinished = std::ranges::count(lives.outcomes, SimOutcome::open);
  if (last_end) figures.makespan = seconds(*last_end - *first_submission);
}

/// Seconds of each instance in which at least one container ran.
std::vector<double> busy_seconds(const Lives& lives) {
  std::vector<std::vector<std::pair<Duration, Duration>>> runs(lives.instances.size());
  for (const ContainerLife& life : lives.containers) {
    if (!life.started || !life.instance) continue;
    const Duration end =
        std::min(life.ended.value_or(lives.span), lives.instances[*life.instance].ended.value_or(lives.span));
    if (end > *life.started) runs[*life.instance].emplace_back(*life.started, end);
  }
  std::vector<double> busy;
  for (auto& intervals : runs) {
    std::sort(intervals.begin(), intervals.end());
    Duration sum{};
    Duration until{};
    for (const auto& [from, to] : intervals) {
      sum += std::max(Duration::zero(), to - std::max(from, until));
      until = std::max(until, to);
    }
    busy.push_back(seconds(sum));
  }
  return busy;
}

std::int64_t peak_instances(const Lives& lives) {
  std::vector<std::pair<Duration, int>> steps;
  for (const InstanceLife& life : lives.instances) {
    steps.emplace_back(life.created, 1);
    if (life.ended) steps.emplace_back(*life.ended, -1);
  }
  std::sort(steps.begin(), steps.end());
  std::int64_t now = 0;
  std::int64_t peak = 0;
  for (const auto& [when, step] : steps) peak = std::max(peak, now += step);
  return peak;
}

/// What was paid for: VCPUs, bytes of RAM and GPUs, each times seconds.
struct Paid {
  double vcpus = 0;
  double ram = 0;
  double gpus = 0;
};

Paid add_instances(const Lives& lives, const BillingModel& billing, SimFigures& figures) {
  Paid paid;
  const std::vector<double> busy = busy_seconds(lives);
  for (std::size_t i = 0; i < lives.instances.size(); ++i) {
    const InstanceLife& life = lives.instances[i];
    const double billed = billed_seconds(life, lives.span, billing);
    const double price = price_of(*life.type, billing);
    const double per_second = price / kHour;
    const Duration end = life.ended.value_or(lives.span);
    const double booting = std::min(billed, seconds(life.booted.value_or(end) - life.created));
    TypeFigures& type = figures.types[life.type->name];
    ++type.creates;
    type.price = price;
    type.hours += billed / kHour;
    type.cost += billed * per_second;
    figures.cost += billed * per_second;
    figures.boot_cost += booting * per_second;
    figures.idle_cost += std::max(0.0, billed - booting - busy[i]) * per_second;
    figures.instance_hours += billed / kHour;
    figures.unused += busy[i] == 0;
    paid.vcpus += billed * static_cast<double>(life.type->vcpus);
    paid.ram += billed * static_cast<double>(life.type->ram);
    paid.gpus += billed * static_cast<double>(life.type->gpu.device_count);
  }
  figures.creates = std::ssize(lives.instances);
  figures.creates_refused = lives.creates_refused;
  figures.died = lives.instances_died;
  figures.peak_instances = peak_instances(lives);
  return paid;
}

void add_use(const Lives& lives, const Workload& workload, const Paid& paid, SimFigures& figures) {
  if (paid.gpus > 0) figures.gpu_use = 0;
  for (const ContainerLife& life : lives.containers) {
    if (!life.started) continue;
    const double ran = seconds(life.ended.value_or(lives.span) - *life.started);
    const RuntimeConstraints& wanted = workload[life.workload_index].constraints;
    if (paid.vcpus > 0) figures.cpu_use += ran * static_cast<double>(wanted.vcpus) / paid.vcpus;
    if (paid.ram > 0) figures.ram_use += ran * static_cast<double>(wanted.ram) / paid.ram;
    if (paid.gpus > 0) *figures.gpu_use += ran * static_cast<double>(wanted.gpu.device_count) / paid.gpus;
  }
}

std::vector<WorkOfClass> completed_work(const Lives& lives, const Workload& workload, const ContainersConfig& config) {
  const ChooseTypesOptions options{config.reserve_extra_ram, config.local_keep_blob_buffers_per_vcpu,
                                   config.maximum_price_factor};
  std::map<std::pair<Resources, bool>, double> hours;
  for (const ContainerLife& life : lives.containers) {
    if (!life.complete) continue;
    const WorkloadContainer& wanted = workload[life.workload_index];
    Container container;
    container.runtime_constraints = wanted.constraints;
    container.container_image = wanted.image;
    if (wanted.scratch > 0) container.mounts["/tmp"] = Mount{"tmp", wanted.scratch};
    const Resources need = needed_resources(container, options);
    hours[{need, wanted.scheduling.preemptible}] += seconds(wanted.run_time) / kHour;
  }
  std::vector<WorkOfClass> work;
  for (const auto& [key, sum] : hours) work.push_back({key.first, key.second, sum});
  return work;
}

}  // namespace

double price_of(const InstanceType& type, const BillingModel& billing) {
  const auto found = billing.prices.find(type.name);
  return found == billing.prices.end() ? type.price : found->second;
}

double billed_seconds(const InstanceLife& life, Duration end, const BillingModel& billing) {
  return seconds(std::max(billing.minimum, life.ended.value_or(end) - life.created));
}

SizeClass size_class_of(const RuntimeConstraints& wanted) {
  const bool gpus = wanted.gpu.device_count > 0;
  const std::int64_t count = std::max<std::int64_t>(1, gpus ? wanted.gpu.device_count : wanted.vcpus);
  return {gpus, static_cast<int>(std::bit_width(static_cast<std::uint64_t>(count)))};
}

std::string to_string(SizeClass size) {
  const std::string_view what = size.gpus ? "GPU" : "VCPU";
  const std::int64_t low = std::int64_t{1} << (size.bits - 1);
  return low == 1 ? fmt::format("1 {}", what) : fmt::format("{}-{} {}s", low, 2 * low - 1, what);
}

std::vector<double> sorted_waits(const Lives& lives) {
  std::vector<double> waits;
  for (const ContainerLife& life : lives.containers)
    if (life.started) waits.push_back(seconds(*life.started - life.submitted));
  std::sort(waits.begin(), waits.end());
  return waits;
}

double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const double rank = std::ceil(share * static_cast<double>(sorted.size()));
  return sorted[static_cast<std::size_t>(std::clamp(rank, 1.0, static_cast<double>(sorted.size()))) - 1];
}

SimFigures figures_of(const Lives& lives, const Workload& workload, const Cluster& cluster,
                      const BillingModel& billing) {
  SimFigures figures;
  add_outcomes(lives, workload, figures);
  add_waits(lives, workload, figures);
  add_use(lives, workload, add_instances(lives, billing, figures), figures);
  const auto work = completed_work(lives, workload, cluster.containers);
  figures.lower_bound = cost_lower_bound(work, cluster.instance_types, billing.prices);
  return figures;
}

}  // namespace berth
