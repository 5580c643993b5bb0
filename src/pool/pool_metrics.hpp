#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "berth/base/metrics.hpp"
#include "berth/model/instance_type.hpp"

#include "worker.hpp"

namespace berth {

/// How the end of a container's process became known: told by the exit watch and then shown by a probe, shown by a
/// probe alone, or confirmed by the command that killed it.
enum class EndSeenBy { watch, probe, kill };

/// The pool's metrics (facts §10).
class PoolMetrics {
 public:
  PoolMetrics(Metrics& metrics, const std::map<std::string, InstanceType>& types);

  struct Sample {
    const Worker* worker = nullptr;
    const InstanceType* type = nullptr;
  };
  /// Sets all gauges from the workers there are now.
  void set_gauges(const std::vector<Sample>& workers, SteadyTime now);

  void count_boot(BootOutcome outcome);
  void count_disappeared(WorkerState state);
  void observe_time_to_ssh(Duration time);
  void observe_time_to_ready(Duration time);
  void observe_shutdown(Duration time);
  void observe_queue_to_start(Duration time);
  /// How late the latest round of probes began.
  void set_probe_lag(Duration late);
  void observe_run_probe(Duration time, bool succeeded);
  /// Exit watches that tell what ends.
  void set_watches(std::int64_t watching);
  void count_watch_broken();
  void count_end(EndSeenBy how);

 private:
  prometheus::Gauge& instances_gauge(const std::string& category, const std::string& type);

  Metrics& metrics_;
  prometheus::Gauge& containers_running_;
  prometheus::Gauge& probe_age_max_;
  prometheus::Gauge& probe_age_median_;
  prometheus::Gauge& probe_lag_;
  prometheus::Summary& time_to_ssh_;
  prometheus::Summary& time_to_ready_;
  prometheus::Summary& shutdown_time_;
  prometheus::Summary& queue_to_start_;
  std::array<prometheus::Summary*, 2> run_probe_{};  ///< of failures and of successes, from the first of each on
  std::map<std::string, prometheus::Gauge*> price_, vcpus_, memory_;             ///< by category
  std::map<std::pair<std::string, std::string>, prometheus::Gauge*> instances_;  ///< by category and type
  prometheus::Gauge& watches_;
  prometheus::Counter& watches_broken_;
  std::map<EndSeenBy, prometheus::Counter*> ends_;
  std::map<BootOutcome, prometheus::Counter*> boot_outcomes_;
  std::map<WorkerState, prometheus::Counter*> disappeared_;
};

}  // namespace berth
