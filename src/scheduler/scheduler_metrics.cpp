#include "scheduler_metrics.hpp"

#include <algorithm>

namespace berth {
namespace {

constexpr const char* kPrefix = "arvados_dispatchcloud_";

prometheus::Gauge& gauge(Metrics& metrics, const char* name, const char* help) {
  return metrics.gauge(std::string(kPrefix) + name, help);
}

}  // namespace

SchedulerMetrics::SchedulerMetrics(Metrics& metrics)
    : allocated_not_started(gauge(metrics, "containers_allocated_not_started",
                                  "Containers allocated to an instance that is not ready yet.")),
      not_allocated_over_quota(gauge(metrics, "containers_not_allocated_over_quota",
                                     "Containers not allocated because of quota or the supervisor limit.")),
      longest_wait(gauge(metrics, "containers_longest_wait_time_seconds",
                         "Age of the oldest container that waits to be started.")),
      last_503_time(gauge(metrics, "last_503_time", "Time of the last 503 from the API, Unix seconds; 0 = never.")),
      max_concurrent_containers(
          gauge(metrics, "max_concurrent_containers", "Dynamic limit of concurrent containers; 0 = no limit.")),
      at_quota(gauge(metrics, "at_quota", "Whether the cloud allows no more instances.")) {}

Duration longest_wait(const MatchedQueue& queue, WallTime now) {
  Duration longest{};
  for (const MatchedQueue::Row& row : queue.rows) {
    const Container& container = row.container();
    const bool waits = container.state == ContainerState::queued || container.state == ContainerState::locked;
    if (!waits || container.priority < 1 || row.process || container.created_at == WallTime{}) continue;
    longest = std::max(longest, now - container.created_at);
  }
  return longest;
}

}  // namespace berth
