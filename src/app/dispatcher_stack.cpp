#include "dispatcher_stack.hpp"

#include <algorithm>
#include <prometheus/gauge.h>
#include <utility>

#include <boost/asio/experimental/awaitable_operators.hpp>

#include "loop_lag.hpp"
#include "ssh_access.hpp"
#include "watchdog.hpp"

namespace berth {
namespace {

/// An event may hold all properties of a log row.
constexpr std::size_t kMaxEvent = std::size_t{1} << 20;

double epoch_seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

Result<void> DispatcherStack::build(const LoadedConfig& config, Lease& lease, StackOptions options) {
  const Cluster& cluster = config.cluster;
  set_service_metrics(config);
  EventBusOptions bus;
  if (options.listens_to_event_bus) bus.url = cluster.services.websocket_url;
  bus.token = cluster.system_root_token;
  bus.socket.insecure_tls = options.http.insecure_tls;
  bus.socket.ca_file = options.http.ca_file;
  bus.socket.limits.max_message = kMaxEvent;
  http_client_ = std::make_unique<HttpClient>(runtime_, std::move(options.http));
  ArvadosClientOptions client;
  client.base_url = cluster.services.controller_url;
  client.token = cluster.system_root_token;
  const std::int64_t limit = cluster.api.max_concurrent_requests;
  client.max_concurrency = limit > 0 ? std::max<std::int64_t>(1, limit / 4) : 0;
  client.may_act = [&lease] { return lease.held(); };
  client_ = make_arvados_client(runtime_, log_, *http_client_, client);
  auto instances = make_instances(cluster, options, lease);
  if (!instances) return fail(instances.error());
  instances_ = std::move(*instances);
  auto access = read_ssh_access(cluster);
  if (!access) return fail(access.error());
  const bool deploy_key = access->key && cluster.containers.cloud_vms.deploy_public_key;
  auto adjust = [inner = std::move(options.adjust), key = deploy_key ? access->key->authorized_key() : ""](
                    QueueOptions& queue, PoolOptions& pool, SchedulerOptions& scheduler) {
    pool.public_key = key;
    if (inner) inner(queue, pool, scheduler);
  };
  DispatcherEdges edges{runtime_,
                        log_,
                        metrics_,
                        *client_,
                        *instances_,
                        make_executor_factory(runtime_, metrics_, log_, std::move(*access)),
                        lease,
                        std::move(options.runner_environment),
                        std::move(adjust),
                        std::move(bus)};
  dispatcher_ = std::make_unique<Dispatcher>(std::move(edges), cluster);
  management_ = std::make_unique<ManagementServer>(runtime_, log_, metrics_, *dispatcher_, cluster);
  return {};
}

awaitable<void> DispatcherStack::watch() {
  using namespace boost::asio::experimental::awaitable_operators;
  co_await (feed_watchdog(runtime_, *dispatcher_) && watch_loop_lag(runtime_, metrics_));
}

awaitable<void> DispatcherStack::stop() {
  if (dispatcher_) co_await dispatcher_->stop();
  if (instances_) co_await instances_->stop();
}

Result<std::unique_ptr<InstanceSet>> DispatcherStack::make_instances(const Cluster& cluster,
                                                                     const StackOptions& options, const Lease& lease) {
  const CloudVmsConfig& vms = cluster.containers.cloud_vms;
  const auto added = options.drivers.find(vms.driver);
  const auto factory = added == options.drivers.end() ? find_driver(vms.driver) : added->second;
  if (!factory) return fail(factory.error());
  const std::string set_id = instance_set_id(cluster.system_root_token);
  auto inner = (*factory)(DriverContext{runtime_, log_, metrics_, *vms.driver_parameters, set_id, vms.resource_tags});
  if (!inner) return fail(inner.error());
  WrapperOptions wrapper;
  wrapper.may_act = [&lease] { return lease.held(); };
  wrapper.max_ops_per_second = vms.max_cloud_ops_per_second;
  wrapper.default_tags = vms.resource_tags;
  wrapper.filter = {{vms.tag_key_prefix + "InstanceSetID", set_id}};
  return wrap_instance_set(runtime_, metrics_, std::move(*inner), std::move(wrapper));
}

/// About the configuration and this build (facts §10, service layer).
void DispatcherStack::set_service_metrics(const LoadedConfig& config) {
  const MetricLabels labels{{"sha256", config.source_sha256}};
  metrics_.gauge("arvados_config_source_timestamp_seconds", "Modification time of the configuration file.", labels)
      .Set(epoch_seconds(config.source_modified));
  metrics_.gauge("arvados_config_load_timestamp_seconds", "When the configuration was read.", labels)
      .Set(epoch_seconds(runtime_.wall_now()));
  metrics_.gauge("berth_build_info", "This build; always 1.", {{"version", BERTH_VERSION}}).Set(1);
}

}  // namespace berth
