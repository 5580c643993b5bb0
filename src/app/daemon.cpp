#include "daemon.hpp"

#include <charconv>
#include <csignal>
#include <cstdio>
#include <prometheus/gauge.h>
#include <systemd/sd-daemon.h>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/remote/local.hpp"

namespace berth {
namespace {

/// An instance that cannot be reached: every command fails with the same words.
class NoExecutor final : public Executor {
 public:
  awaitable<Result<CommandOutput>> execute(Command) override {
    co_return fail(ErrorKind::unsupported, "this instance is reached over SSH, which this build cannot do");
  }
  awaitable<Result<int>> stream(Command, std::function<void(std::string_view)>) override {
    co_return fail(ErrorKind::unsupported, "this instance is reached over SSH, which this build cannot do");
  }
  void set_address(std::string) override {}
  void close() override {}
};

double epoch_seconds(WallTime time) {
  return std::chrono::duration<double>(time.time_since_epoch()).count();
}

}  // namespace

void print_diagnostics(const LoadedConfig& config) {
  for (const Diagnostic& diagnostic : config.diagnostics) std::fprintf(stderr, "%s\n", to_string(diagnostic).c_str());
}

struct TerminationSignals::Impl {
  explicit Impl(Runtime& runtime) : set(runtime.executor(), SIGTERM, SIGINT) {}
  boost::asio::signal_set set;
};
TerminationSignals::TerminationSignals(Runtime& runtime) : impl_(std::make_unique<Impl>(runtime)) {}
TerminationSignals::~TerminationSignals() = default;
awaitable<void> TerminationSignals::wait() {
  co_await impl_->set.async_wait(boost::asio::use_awaitable);
}

void notify_service_manager(const char* state) {
  sd_notify(0, state);
}

void set_service_metrics(Metrics& metrics, const Runtime& runtime, const LoadedConfig& config) {
  const MetricLabels labels{{"sha256", config.source_sha256}};
  metrics.gauge("arvados_config_source_timestamp_seconds", "Modification time of the configuration file.", labels)
      .Set(epoch_seconds(config.source_modified));
  metrics.gauge("arvados_config_load_timestamp_seconds", "When the configuration was read.", labels)
      .Set(epoch_seconds(runtime.wall_now()));
  metrics.gauge("berth_build_info", "This build; always 1.", {{"version", BERTH_VERSION}}).Set(1);
}

ExecutorFactory local_executors(Runtime& runtime) {
  return [&runtime](const Instance& instance) -> std::unique_ptr<Executor> {
    if (const auto* environment = instance.local_environment()) return make_local_executor(runtime, *environment);
    return std::make_unique<NoExecutor>();
  };
}

Result<std::unique_ptr<InstanceSet>> make_instance_set(Runtime& runtime, Logger log, Metrics& metrics,
                                                       const Cluster& cluster) {
  const CloudVmsConfig& vms = cluster.containers.cloud_vms;
  const auto factory = find_driver(vms.driver);
  if (!factory) return fail(factory.error());
  const std::string set_id = instance_set_id(cluster.system_root_token);
  auto inner =
      (*factory)(DriverContext{runtime, std::move(log), metrics, *vms.driver_parameters, set_id, vms.resource_tags});
  if (!inner) return fail(inner.error());
  WrapperOptions wrapper;
  wrapper.max_ops_per_second = vms.max_cloud_ops_per_second;
  wrapper.default_tags = vms.resource_tags;
  wrapper.filter = {{vms.tag_key_prefix + "InstanceSetID", set_id}};
  return wrap_instance_set(runtime, metrics, std::move(*inner), std::move(wrapper));
}

Result<ListenAddress> parse_listen_address(const std::string& text) {
  const auto colon = text.rfind(':');
  ListenAddress address;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + colon + 1, end, address.port);
    address.host = text.substr(0, colon);
    if (address.host.starts_with('[') && address.host.ends_with(']'))
      address.host = address.host.substr(1, address.host.size() - 2);
    if (error == std::errc() && at == end && !address.host.empty()) return address;
  }
  return fail(ErrorKind::invalid, "listen address '" + text + "': want ADDRESS:PORT, e.g. 127.0.0.1:7440");
}

}  // namespace berth
