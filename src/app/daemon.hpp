#pragma once

#include <memory>
#include <string>

#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/runtime.hpp"
#include "berth/config/load.hpp"
#include "berth/dispatcher/dispatcher.hpp"

#include "arguments.hpp"

namespace berth {

/// Runs until a signal ends it; the exit code.
awaitable<int> run_standalone(RealRuntime& runtime, Arguments arguments);
awaitable<int> run_cluster(RealRuntime& runtime, Arguments arguments);

// Shared by both.

/// Prints diagnostics to stderr.
void print_diagnostics(const LoadedConfig& config);
/// SIGTERM and SIGINT, caught from construction on: one that comes before wait() is not lost.
class TerminationSignals {
 public:
  explicit TerminationSignals(Runtime& runtime);
  ~TerminationSignals();
  awaitable<void> wait();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};
/// Tells the service manager, if there is one ($NOTIFY_SOCKET): `READY=1`, `STOPPING=1`.
void notify_service_manager(const char* state);
/// Metrics about the configuration and this build (facts §10, service layer).
void set_service_metrics(Metrics& metrics, const Runtime& runtime, const LoadedConfig& config);
/// Executors for instances that are this machine; others are refused until the SSH executor is there to serve them.
ExecutorFactory local_executors(Runtime& runtime);

/// The configured driver with its wrappers. Errors: invalid, naming driver or parameter.
Result<std::unique_ptr<InstanceSet>> make_instance_set(Runtime& runtime, Logger log, Metrics& metrics,
                                                       const Cluster& cluster);

struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;
};
/// `host:port`, `[v6]:port`.
Result<ListenAddress> parse_listen_address(const std::string& text);

}  // namespace berth
