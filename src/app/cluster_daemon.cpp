#include <cstdio>
#include <memory>
#include <utility>

#include "berth/lease/lease.hpp"

#include "daemon.hpp"
#include "dispatcher_stack.hpp"
#include "listen_address.hpp"
#include "runner_binary.hpp"
#include "service_environment.hpp"

namespace berth {
namespace {

class ClusterDaemon final : public Daemon {
 public:
  ClusterDaemon(RealRuntime& runtime, Additions additions, LoadedConfig config, Logger log,
                std::unique_ptr<Lease> lease)
      : runtime_(runtime),
        additions_(std::move(additions)),
        config_(std::move(config)),
        log_(std::move(log)),
        lease_(std::move(lease)),
        stack_(runtime, log_) {}

  awaitable<Result<void>> prepare() override {
    StackOptions options;
    options.http.insecure_tls = config_.cluster.tls.insecure;
    options.http.use_proxy_environment = !config_.cluster.tls.insecure;
    options.http.ca_file = environment_.ca_file;
    options.http.connect_to = environment_.server_address;
    options.drivers = additions_.drivers;
    if (auto built = stack_.build(config_, *lease_, std::move(options)); !built) co_return built;
    co_return listen();
  }

  awaitable<Result<void>> activate() override { return stack_.dispatcher().start(); }

  awaitable<void> watch() override { return stack_.watch(); }

  Result<void> reload_certificate() override { return http_server_->reload_certificate(); }

  awaitable<void> stop() override {
    co_await stack_.stop();
    if (http_server_) co_await http_server_->stop();
  }

 private:
  /// On the first address that can be bound (facts §1.6). The others may be those of other hosts.
  Result<void> listen() {
    const Cluster& cluster = config_.cluster;
    std::string problems;
    for (const ListenCandidate& candidate :
         choose_listen_addresses(cluster.services.dispatch_cloud, environment_.internal_url).candidates) {
      if (auto listening = listen_on(candidate); listening) {
        if (!problems.empty()) log_.info("addresses passed over", {{"error", problems.substr(2)}});
        log_.info("listening", {{"URL", candidate.entry}});
        return {};
      } else {
        problems += "; " + listening.error().message;
      }
    }
    return fail(ErrorKind::failed, "no usable entry in Services.DispatchCloud.InternalURLs" + problems);
  }

  Result<void> listen_on(const ListenCandidate& candidate) {
    HttpServerOptions options;
    options.address = candidate.address.host;
    options.port = candidate.address.port;
    options.tls_only = candidate.tls;
    if (candidate.tls) {
      CertificateFiles files = certificate_files(config_.cluster.tls, candidate.entry);
      options.tls_certificate = std::move(files.certificate);
      options.tls_key = std::move(files.key);
    }
    if (const Duration limit = config_.cluster.api.request_timeout; limit > Duration::zero())
      options.request_timeout = limit;
    options.on_own_answer = stack_.own_answers();
    auto server = std::make_unique<HttpServer>(runtime_, log_, std::move(options), stack_.management());
    auto started = server->start();
    if (started) http_server_ = std::move(server);
    return started;
  }

  RealRuntime& runtime_;
  const Additions additions_;
  const LoadedConfig config_;
  const ServiceEnvironment environment_ = read_service_environment();
  const Logger log_;
  const std::unique_ptr<Lease> lease_;
  DispatcherStack stack_;
  std::unique_ptr<HttpServer> http_server_;
};

}  // namespace

awaitable<int> run_cluster(RealRuntime& runtime, Arguments arguments, Additions additions) {
  ProcessSignals signals(runtime);
  LoadedConfig config = load_and_check(arguments, additions);
  if (!config.ok()) co_return 1;
  CloudVmsConfig& vms = config.cluster.containers.cloud_vms;
  vms.deploy_runner_binary = find_runner_binary(vms.deploy_runner_binary).value_or(vms.deploy_runner_binary);
  const Logger log =
      Logger(make_log_sink("berthd"), config.cluster.system_logs.level, config.cluster.system_logs.format)
          .with({{"ClusterID", config.cluster.id}});
  auto lease = arguments.no_lock ? Result<std::unique_ptr<Lease>>(make_no_lease())
                                 : make_postgres_lease(runtime, log, config.cluster.postgresql_connection);
  Result<void> ended = lease ? Result<void>{} : Result<void>(fail(lease.error()));
  if (lease) {
    ClusterDaemon daemon(runtime, std::move(additions), std::move(config), log, std::move(*lease));
    ended = co_await run_until_signal(runtime, log, signals, daemon);
  }
  if (!ended) std::fprintf(stderr, "berthd: %s\n", ended.error().message.c_str());
  co_return ended ? 0 : 1;
}

}  // namespace berth
