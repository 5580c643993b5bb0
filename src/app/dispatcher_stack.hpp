#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "berth/arvados/client.hpp"
#include "berth/base/metrics.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/config/load.hpp"
#include "berth/dispatcher/dispatcher.hpp"
#include "berth/net/http_client.hpp"
#include "berth/server/server.hpp"

namespace berth {

/// What differs between the daemon of a cluster and that of one machine.
struct StackOptions {
  HttpClientOptions http;
  bool listens_to_event_bus = true;                           ///< if the configuration names one
  std::map<std::string, DriverFactory, std::less<>> drivers;  ///< Additions::drivers
  std::map<std::string, std::string> runner_environment;
  std::function<void(QueueOptions&, PoolOptions&, SchedulerOptions&)> adjust;
};

/// A dispatcher with the edges that a configuration asks for: API client, driver, executors, management API.
class DispatcherStack {
 public:
  DispatcherStack(Runtime& runtime, Logger log) : runtime_(runtime), log_(std::move(log)) {}

  /// Errors: invalid, naming driver or parameter. `config` and `lease` must live as long.
  Result<void> build(const LoadedConfig& config, Lease& lease, StackOptions options);
  /// After build().
  Dispatcher& dispatcher() { return *dispatcher_; }
  RequestHandler management() { return management_->handler(); }
  OwnAnswerHook own_answers() { return management_->own_answers(); }
  /// Tells the service manager's watchdog that the dispatcher lives, and measures how late the event loop is. After
  /// build(); ends by cancellation.
  awaitable<void> watch();
  awaitable<void> stop();

 private:
  Result<std::unique_ptr<InstanceSet>> make_instances(const Cluster& cluster, const StackOptions& options,
                                                      const Lease& lease);
  void set_service_metrics(const LoadedConfig& config);

  Runtime& runtime_;
  const Logger log_;
  Metrics metrics_;
  std::unique_ptr<HttpClient> http_client_;
  std::unique_ptr<ContainerApi> client_;
  std::unique_ptr<InstanceSet> instances_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<ManagementServer> management_;
};

}  // namespace berth
