#include "pool_metrics.hpp"

#include <algorithm>
#include <array>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/summary.h>

#include "berth/base/seconds.hpp"

namespace berth {
namespace {

constexpr std::array categories = {"inuse", "hold", "booting", "unknown", "idle"};

std::string named(const char* name) {
  return std::string("arvados_dispatchcloud_") + name;
}

std::string category_of(const Worker& worker) {
  if (!worker.processes.empty()) return "inuse";
  if (worker.idle_behavior == IdleBehavior::hold) return "hold";
  if (worker.stage == WorkerStage::booting) return "booting";
  if (worker.stage == WorkerStage::unknown) return "unknown";
  return "idle";
}

struct CategoryTotals {
  double price = 0;
  double vcpus = 0;
  double memory = 0;
};

}  // namespace

PoolMetrics::PoolMetrics(Metrics& metrics, const std::map<std::string, InstanceType>& types)
    : metrics_(metrics),
      containers_running_(metrics.gauge(named("containers_running"), "Containers starting or running on instances.")),
      probe_age_max_(metrics.gauge(named("probe_age_seconds_max"), "Longest time since a successful probe.")),
      probe_age_median_(metrics.gauge(named("probe_age_seconds_median"), "Median time since a successful probe.")),
      probe_lag_(metrics.gauge(
          "berth_probe_round_lag_seconds",
          "How late the latest round of probes began or the next one is: above 0, MaxProbesPerSecond is too low.")),
      time_to_ssh_(metrics.summary(named("instances_time_to_ssh_seconds"),
                                   "Time from an instance's appearance to its first connection.")),
      time_to_ready_(metrics.summary(named("instances_time_to_ready_for_container_seconds"),
                                     "Time from an instance's first connection until it can run containers.")),
      shutdown_time_(metrics.summary(named("instances_time_from_shutdown_request_to_disappearance_seconds"),
                                     "Time from the last destroy call until the instance is gone from the list.")),
      queue_to_start_(metrics.summary(named("containers_time_from_queue_to_crunch_run_seconds"),
                                      "Time from a container's creation until its start command returned.")),
      watches_(
          metrics.gauge("berth_exit_watches_healthy", "Workers that tell at once when a container's process ends.")),
      watches_broken_(
          metrics.counter("berth_exit_watch_restarts_total", "Exit watches that broke and had to be started again.")) {
  for (const auto& [how, label] :
       {std::pair{EndSeenBy::watch, "watch"}, {EndSeenBy::probe, "probe"}, {EndSeenBy::kill, "kill"}})
    ends_[how] = &metrics.counter("berth_container_process_ends_total",
                                  "Ends of container processes, by what told of them first.", {{"seen_by", label}});
  for (const std::string category : categories) {
    const MetricLabels labels{{"category", category}};
    price_[category] = &metrics.gauge(named("instances_price"), "Summed price of instances, $/hour.", labels);
    vcpus_[category] = &metrics.gauge(named("vcpus_total"), "VCPUs of instances.", labels);
    memory_[category] = &metrics.gauge(named("memory_bytes_total"), "RAM of instances.", labels);
    for (const auto& [name, type] : types) instances_gauge(category, name);
  }
  for (const auto outcome :
       {BootOutcome::failure, BootOutcome::success, BootOutcome::aborted, BootOutcome::disappeared})
    boot_outcomes_[outcome] = &metrics.counter(named("boot_outcomes"), "Boot outcomes of instances.",
                                               {{"outcome", std::string(to_string(outcome))}});
  for (const auto state :
       {WorkerState::unknown, WorkerState::booting, WorkerState::idle, WorkerState::running, WorkerState::shutdown})
    disappeared_[state] =
        &metrics.counter(named("instances_disappeared"), "Instances that vanished from the cloud's list.",
                         {{"state", std::string(to_string(state))}});
}

prometheus::Gauge& PoolMetrics::instances_gauge(const std::string& category, const std::string& type) {
  auto& gauge = instances_[{category, type}];
  if (!gauge)
    gauge = &metrics_.gauge(named("instances_total"), "Instances.", {{"category", category}, {"instance_type", type}});
  return *gauge;
}

void PoolMetrics::set_gauges(const std::vector<Sample>& workers, SteadyTime now) {
  std::map<std::string, CategoryTotals> totals;
  std::map<std::pair<std::string, std::string>, double> counts;
  std::vector<Duration> ages;
  std::size_t processes = 0;
  for (const auto& [worker, type] : workers) {
    const std::string category = category_of(*worker);
    auto& total = totals[category];
    total.price += type->price;
    total.vcpus += static_cast<double>(type->vcpus);
    total.memory += static_cast<double>(type->ram);
    ++counts[{category, type->name}];
    ages.push_back(now - worker->probed);
    processes += worker->processes.size();
    instances_gauge(category, type->name);
  }
  for (const std::string category : categories) {
    price_[category]->Set(totals[category].price);
    vcpus_[category]->Set(totals[category].vcpus);
    memory_[category]->Set(totals[category].memory);
  }
  for (const auto& [key, gauge] : instances_) gauge->Set(counts[key]);
  containers_running_.Set(static_cast<double>(processes));
  std::sort(ages.begin(), ages.end(), std::greater<>());
  probe_age_max_.Set(ages.empty() ? 0 : seconds(ages.front()));
  probe_age_median_.Set(ages.empty() ? 0 : seconds(ages[ages.size() / 2]));
}

void PoolMetrics::count_boot(BootOutcome outcome) {
  boot_outcomes_.at(outcome)->Increment();
}
void PoolMetrics::count_disappeared(WorkerState state) {
  disappeared_.at(state)->Increment();
}
void PoolMetrics::observe_time_to_ssh(Duration time) {
  time_to_ssh_.Observe(seconds(time));
}
void PoolMetrics::observe_time_to_ready(Duration time) {
  time_to_ready_.Observe(seconds(time));
}
void PoolMetrics::observe_shutdown(Duration time) {
  shutdown_time_.Observe(seconds(time));
}
void PoolMetrics::observe_queue_to_start(Duration time) {
  queue_to_start_.Observe(seconds(time));
}
void PoolMetrics::set_probe_lag(Duration late) {
  probe_lag_.Set(seconds(late));
}
void PoolMetrics::observe_run_probe(Duration time, bool succeeded) {
  // The reference has these series from the first probe on.
  prometheus::Summary*& series = run_probe_[succeeded ? 1 : 0];
  if (!series)
    series = &metrics_.summary(named("instances_run_probe_duration_seconds"), "Duration of run probes.",
                               {{"outcome", succeeded ? "success" : "fail"}});
  series->Observe(seconds(time));
}

void PoolMetrics::set_watches(std::int64_t watching) {
  watches_.Set(static_cast<double>(watching));
}
void PoolMetrics::count_watch_broken() {
  watches_broken_.Increment();
}
void PoolMetrics::count_end(EndSeenBy how) {
  ends_.at(how)->Increment();
}

}  // namespace berth
