#include <cstdio>
#include <cstdlib>

#include <boost/asio/this_coro.hpp>

#include "berth/arvados/client.hpp"
#include "berth/base/task_group.hpp"
#include "berth/config/private_key.hpp"
#include "berth/lease/lease.hpp"
#include "berth/server/server.hpp"

#include "daemon.hpp"

namespace berth {
namespace {

/// `http://host:port/…` → `host:port`; nothing for other schemes or without a port.
std::optional<std::string> plain_address(std::string_view url) {
  constexpr std::string_view scheme = "http://";
  if (!url.starts_with(scheme)) return std::nullopt;
  url.remove_prefix(scheme.size());
  return std::string(url.substr(0, url.find('/')));
}

/// The parts of a dispatcher for one cluster, in the order in which they are made.
class ClusterDaemon {
 public:
  /// `strand`: where start() and stop() are called.
  ClusterDaemon(RealRuntime& runtime, asio::any_io_executor strand, LoadedConfig config, bool no_lock)
      : runtime_(runtime),
        config_(std::move(config)),
        no_lock_(no_lock),
        log_(Logger(make_log_sink("berthd"), config_.cluster.system_logs.level, config_.cluster.system_logs.format)
                 .with({{"ClusterID", config_.cluster.id}})),
        tasks_(std::move(strand)) {}

  /// Returns when HTTP is served: the lock is waited for behind it.
  Result<void> start() {
    if (auto built = build(); !built) return built;
    if (auto listening = listen(); !listening) return listening;
    tasks_.spawn(dispatch(*dispatcher_, log_));
    return {};
  }

  awaitable<void> stop() {
    co_await tasks_.stop();
    if (dispatcher_) co_await dispatcher_->stop();
    if (http_server_) co_await http_server_->stop();
    if (instances_) co_await instances_->stop();
  }

 private:
  Result<void> build() {
    const Cluster& cluster = config_.cluster;
    if (cluster.services.controller_url.empty())
      return fail(ErrorKind::invalid, "Services.Controller.ExternalURL is empty: there is no API to dispatch for");
    if (const auto key = read_private_key(cluster.containers.dispatch_private_key); !key)
      return fail(key.error().within("Containers.DispatchPrivateKey"));
    set_service_metrics(metrics_, runtime_, config_);
    HttpClientOptions http;
    http.insecure_tls = cluster.tls.insecure;
    http.use_proxy_environment = !cluster.tls.insecure;
    http_client_ = std::make_unique<HttpClient>(runtime_, http);
    ArvadosClientOptions client;
    client.base_url = cluster.services.controller_url;
    client.token = cluster.system_root_token;
    client.max_concurrency = cluster.api.max_concurrent_requests / 4;
    client_ = make_arvados_client(runtime_, log_, *http_client_, client);
    auto instances = make_instance_set(runtime_, log_, metrics_, cluster);
    if (!instances) return fail(instances.error());
    instances_ = std::move(*instances);
    if (auto chosen = choose_lease(); !chosen) return chosen;
    dispatcher_ = std::make_unique<Dispatcher>(
        DispatcherEdges{runtime_, log_, metrics_, *client_, *instances_, local_executors(runtime_), *lease_, {}, {}},
        cluster);
    management_ = std::make_unique<ManagementServer>(runtime_, log_, metrics_, *dispatcher_, cluster);
    return {};
  }

  Result<void> choose_lease() {
    if (no_lock_) {
      lease_ = make_no_lease();
      return {};
    }
    auto lease = make_postgres_lease(runtime_, log_, config_.cluster.postgresql_connection);
    if (!lease)
      return fail(lease.error().kind,
                  lease.error().message +
                      ". The lock that keeps two dispatchers apart is kept in PostgreSQL; if no other dispatcher runs "
                      "for this cluster, --no-lock does without");
    lease_ = std::move(*lease);
    return {};
  }

  static awaitable<void> dispatch(Dispatcher& dispatcher, Logger log) {
    const auto started = co_await dispatcher.start();
    if (!started) log.error("the dispatcher lock cannot be had", {{"Reason", started.error().message}});
  }

  /// The first plain InternalURLs entry that can be bound (facts §1.6).
  Result<void> listen() {
    std::string problems;
    for (const auto& [url, listen_url] : config_.cluster.services.dispatch_cloud) {
      const auto text = plain_address(listen_url.empty() ? url : listen_url);
      const auto address =
          text ? parse_listen_address(*text) : fail(ErrorKind::invalid, url + ": want http://ADDRESS:PORT");
      if (!address) {
        problems += "; " + address.error().message;
        continue;
      }
      HttpServerOptions options;
      options.address = address->host;
      options.port = address->port;
      auto server = std::make_unique<HttpServer>(runtime_, log_, std::move(options), management_->handler());
      if (auto started = server->start()) {
        http_server_ = std::move(server);
        return {};
      } else {
        problems += "; " + started.error().message;
      }
    }
    return fail(ErrorKind::failed, "no usable entry in Services.DispatchCloud.InternalURLs" + problems);
  }

  RealRuntime& runtime_;
  const LoadedConfig config_;
  const bool no_lock_;
  const Logger log_;
  Metrics metrics_;
  std::unique_ptr<HttpClient> http_client_;
  std::unique_ptr<ContainerApi> client_;
  std::unique_ptr<InstanceSet> instances_;
  std::unique_ptr<Lease> lease_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<ManagementServer> management_;
  std::unique_ptr<HttpServer> http_server_;
  TaskGroup tasks_;
};

}  // namespace

awaitable<int> run_cluster(RealRuntime& runtime, Arguments arguments) {
  LoadedConfig config = load_config_file(arguments.config);
  print_diagnostics(config);
  if (!config.ok()) co_return 1;
  TerminationSignals signals(runtime);
  ClusterDaemon daemon(runtime, co_await asio::this_coro::executor, std::move(config), arguments.no_lock);
  const auto started = daemon.start();
  if (started) {
    notify_service_manager("READY=1");
    co_await signals.wait();
    notify_service_manager("STOPPING=1");
  }
  co_await daemon.stop();
  if (!started) std::fprintf(stderr, "berthd: %s\n", started.error().message.c_str());
  co_return started ? 0 : 1;
}

}  // namespace berth
