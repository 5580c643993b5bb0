#include "simulate.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "berth/sim/world.hpp"

namespace berth {
namespace {

constexpr Duration never = std::chrono::hours(24 * 366);

/// Simulated workers have their runner already and are ready once they answer.
void fit_to_simulated_workers(PoolOptions& pool) {
  pool.runner_command = "crunch-run";
  pool.runner_binary_path.clear();
  pool.boot_probe_command = "true";
  pool.instance_init_command.clear();
  // What an exit watch says nothing of cannot have changed.
  pool.watched_probe_interval = never;
  pool.gauge_pause = std::chrono::hours(1);  // nobody looks at them
}

/// Hardly ever is more drawn.
Duration longest_of(const DelayModel& delay) {
  constexpr double deviations = 4;
  const double drawn = static_cast<double>(delay.median.count()) * std::exp(deviations * delay.spread);
  return std::max(delay.least,
                  Duration(static_cast<std::int64_t>(std::min(drawn, static_cast<double>(delay.most.count())))));
}

/// How long nothing may happen to the workload until nothing ever will: an instance that is idle or does not boot has
/// had to make place for another, and the dispatcher has tried everything many times.
Duration patience_with(const Simulation& simulation) {
  constexpr Duration tries = std::chrono::hours(1);
  const SimCloudModel& cloud = simulation.cloud.cloud;
  const CloudVmsConfig& vms = simulation.cluster.containers.cloud_vms;
  Duration boot = longest_of(cloud.boot);
  for (const auto& [type, delay] : cloud.boot_of_type) boot = std::max(boot, longest_of(delay));
  return tries + std::min(vms.timeout_idle, never) + std::min(vms.timeout_booting, never) + longest_of(cloud.create) +
         boot + longest_of(simulation.cloud.workers.start);
}

}  // namespace

Result<Lives> simulate(const Simulation& simulation) {
  SimOptions options;
  options.seed = simulation.seed;
  options.duration = simulation.limit;
  options.cluster = simulation.cluster;
  options.workload = simulation.workload;
  options.cloud = simulation.cloud.cloud;
  options.workers = simulation.cloud.workers;
  options.faults.interruptions_per_hour = simulation.cloud.interruptions_per_hour;
  if (options.faults.interruptions_per_hour > 0) options.storms = {{Duration{}, options.duration}};
  options.check_invariants = false;
  const Cluster& cluster = simulation.cluster;
  options.api.told_every =
      cluster.services.websocket_url.empty() ? cluster.containers.cloud_vms.poll_interval : Duration::zero();
  options.adjust = [interval = simulation.pass_interval](QueueOptions& queue, PoolOptions& pool,
                                                         SchedulerOptions& scheduler) {
    queue.poll_interval = never;  // told_every stands in for them
    fit_to_simulated_workers(pool);
    scheduler.least_interval = std::max(scheduler.least_interval, interval);
  };
  SimWorld world(std::move(options));
  LifeRecorder recorder(simulation.cluster.instance_types);
  world.observe(recorder);
  if (simulation.observer) world.observe(*simulation.observer);
  if (!world.run_until_done(patience_with(simulation))) {
    const SimViolation& violation = *world.violation();
    return fail(ErrorKind::internal,
                "the simulated daemon broke down: " + violation.invariant + ": " + violation.detail);
  }
  return recorder.take(world);
}

}  // namespace berth
