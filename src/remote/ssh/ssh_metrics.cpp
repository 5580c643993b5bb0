#include "ssh_metrics.hpp"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/summary.h>

namespace berth {

SshMetrics::SshMetrics(Metrics& metrics)
    : metrics_(metrics),
      connect_seconds_(metrics.plain_summary("berth_ssh_connect_seconds",
                                             "Time to connect to a worker over SSH, its host check included.")),
      sessions_(metrics.gauge("berth_ssh_sessions", "SSH connections that stand.")),
      waiting_(metrics.gauge("berth_ssh_commands_waiting", "Commands that wait for a connection or a free channel.")),
      commands_(metrics.counter("berth_ssh_commands_total", "Commands that ran to their end on a worker.")) {}

void SshMetrics::connected(double seconds) {
  connect_seconds_.Observe(seconds);
}
void SshMetrics::not_connected(ErrorKind kind) {
  metrics_
      .counter("berth_ssh_connect_failures_total", "SSH connections that failed, by kind of error.",
               {{"kind", std::string(to_string(kind))}})
      .Increment();
}
void SshMetrics::sessions(int change) {
  sessions_.Increment(change);
}
void SshMetrics::waiting(int change) {
  waiting_.Increment(change);
}
void SshMetrics::command_ended() {
  commands_.Increment();
}
void SshMetrics::command_failed(ErrorKind kind) {
  metrics_
      .counter("berth_ssh_command_failures_total", "Commands without an exit status, by kind of error.",
               {{"kind", std::string(to_string(kind))}})
      .Increment();
}

}  // namespace berth
