#include <atomic>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <unistd.h>

#include <boost/asio/this_coro.hpp>

#include "berth/arvados/client.hpp"
#include "berth/base/task_group.hpp"
#include "berth/base/units.hpp"
#include "berth/config/data_dir.hpp"
#include "berth/lease/lease.hpp"
#include "berth/server/server.hpp"
#include "berth/standalone/installation.hpp"
#include "berth/standalone/server.hpp"

#include "daemon.hpp"

namespace berth {
namespace {

constexpr Duration kLeastTimeBetweenPolls = std::chrono::milliseconds(25);
/// A record holds at most 1 MiB of JSON, which a form may write as three times as much.
constexpr std::size_t kMaxBody = std::size_t{4} << 20;

int complain(const std::string& message) {
  std::fprintf(stderr, "berthd: %s\n", message.c_str());
  return 1;
}

/// The runner beside this program.
std::string default_runner_path() {
  char path[PATH_MAX];
  const ssize_t size = ::readlink("/proc/self/exe", path, sizeof path);
  const std::string self(path, size > 0 ? static_cast<std::size_t>(size) : 0);
  return self.substr(0, self.rfind('/') + 1) + "berth-run";
}

/// What clients on this machine dial.
std::string client_address(const std::string& host, std::uint16_t port) {
  const std::string reachable = host == "0.0.0.0" ? "127.0.0.1" : host == "::" ? "::1" : host;
  const bool v6 = reachable.find(':') != std::string::npos;
  return (v6 ? '[' + reachable + ']' : reachable) + ':' + std::to_string(port);
}

Result<Machine> pretended_machine(const Arguments& arguments, const std::string& data_dir) {
  Machine machine = this_machine(data_dir);
  if (arguments.vcpus > 0) machine.vcpus = arguments.vcpus;
  if (!arguments.ram.empty()) {
    const auto ram = parse_bytes(arguments.ram);
    if (!ram) return fail(ram.error().within("--ram"));
    machine.ram = *ram;
  }
  return machine;
}

/// Nothing here is far away, and instances are cheap.
void adjust_to_one_machine(QueueOptions& queue, PoolOptions& pool, SchedulerOptions& scheduler) {
  queue.page_size = 2 * queue.window;
  queue.tail_page_interval = std::chrono::milliseconds(250);
  pool.command_deadline = std::chrono::seconds(10);
  pool.cloud_deadline = std::chrono::seconds(30);
  scheduler.quota_limits_containers = false;
}

bool is_management(std::string_view path) {
  return path.starts_with("/arvados/v1/dispatch/") || path.starts_with("/_health/") || path.starts_with("/_inspect/") ||
         path == "/metrics" || path == "/metrics.json";
}

/// The parts of a standalone daemon, in the order in which they are made.
class Standalone {
 public:
  /// `strand`: where start() and stop() are called.
  Standalone(RealRuntime& runtime, asio::any_io_executor strand, Installation installation, Logger log)
      : runtime_(runtime), installation_(std::move(installation)), log_(std::move(log)), tasks_(std::move(strand)) {}

  awaitable<Result<void>> start(Arguments arguments, Lease& lease) {
    auto opened = co_await open_api();
    if (!opened) co_return opened;
    if (auto listening = listen(arguments); !listening) co_return listening;
    if (auto built = build(arguments, lease); !built) co_return built;
    auto started = co_await dispatcher_->start();
    if (!started) co_return started;
    tasks_.spawn(forward_changes(runtime_, api_->changed().subscribe(), *dispatcher_));
    if (auto written = write_env_file(installation_, address_); !written) co_return written;
    log_.info("ready", {{"Address", address_}, {"DataDir", installation_.data_dir}});
    co_return Result<void>{};
  }

  awaitable<void> stop() {
    co_await tasks_.stop();
    if (dispatcher_) co_await dispatcher_->stop();
    if (http_server_) co_await http_server_->stop();
    if (api_) co_await api_->close();
    if (instances_) co_await instances_->stop();
  }

  const std::string& address() const { return address_; }

 private:
  awaitable<Result<void>> open_api() {
    StandaloneOptions options;
    options.data_dir = installation_.data_dir;
    options.cluster_id = installation_.cluster_id;
    options.root_token = installation_.root_token;
    auto api = co_await StandaloneApi::open(runtime_, log_, std::move(options));
    if (!api) co_return fail(api.error());
    api_ = std::move(*api);
    co_return Result<void>{};
  }

  Result<void> listen(const Arguments& arguments) {
    const auto address = parse_listen_address(arguments.listen);
    if (!address) return fail(address.error());
    HttpServerOptions options;
    options.address = address->host;
    options.port = address->port;
    options.tls_certificate = installation_.tls_certificate;
    options.tls_key = installation_.tls_key;
    options.max_body_bytes = kMaxBody;
    http_server_ = std::make_unique<HttpServer>(runtime_, log_, std::move(options), handler());
    if (auto started = http_server_->start(); !started)
      return fail(started.error().within("listen on " + arguments.listen));
    address_ = client_address(address->host, http_server_->port());
    return {};
  }

  /// Tells the queue at once what the embedded API knows.
  /// A burst of changes makes few polls.
  static awaitable<void> forward_changes(Runtime& runtime, Subscription changes, const Dispatcher& dispatcher) {
    for (;;) {
      co_await changes.wait();
      dispatcher.queue()->poll_soon();
      co_await runtime.sleep_for(kLeastTimeBetweenPolls);
    }
  }

  /// API and management API on one port; the latter answers once the dispatcher is made.
  RequestHandler handler() {
    return [this, api = api_->handler()](ServerRequest request) -> awaitable<ServerResponse> {
      return is_management(request.path) ? manage(std::move(request)) : api(std::move(request));
    };
  }
  awaitable<ServerResponse> manage(ServerRequest request) {
    if (management_ready_) return management_->handler()(std::move(request));
    return starting();
  }
  static awaitable<ServerResponse> starting() {
    ServerResponse response;
    response.status = 503;
    response.body = "starting\n";
    co_return response;
  }

  Result<void> build(const Arguments& arguments, Lease& lease) {
    const auto machine = pretended_machine(arguments, installation_.data_dir);
    if (!machine) return fail(machine.error());
    const std::string runner = arguments.runner.empty() ? default_runner_path() : arguments.runner;
    if (::access(runner.c_str(), X_OK) != 0)
      return fail(ErrorKind::failed, runner + ": the runner is not there; see --runner");
    const std::string api_url = "http://" + address_;
    config_ = load_config_text(standalone_cluster_text(installation_, *machine, api_url, runner), "standalone");
    if (!config_.ok()) return fail(ErrorKind::internal, to_string(config_.diagnostics.front()));
    const Cluster& cluster = config_.cluster;
    set_service_metrics(metrics_, runtime_, config_);

    HttpClientOptions http_options;
    http_options.use_proxy_environment = false;
    http_client_ = std::make_unique<HttpClient>(runtime_, http_options);
    ArvadosClientOptions client_options;
    client_options.base_url = api_url;
    client_options.token = installation_.root_token;
    client_ = make_arvados_client(runtime_, log_, *http_client_, client_options);

    auto instances = make_instance_set(runtime_, log_, metrics_, cluster);
    if (!instances) return fail(instances.error());
    instances_ = std::move(*instances);
    DispatcherEdges edges{runtime_,
                          log_,
                          metrics_,
                          *client_,
                          *instances_,
                          local_executors(runtime_),
                          lease,
                          {{"BERTH_API_URL", api_url}},
                          adjust_to_one_machine};
    dispatcher_ = std::make_unique<Dispatcher>(std::move(edges), cluster);
    management_ = std::make_unique<ManagementServer>(runtime_, log_, metrics_, *dispatcher_, cluster);
    management_ready_ = true;
    return {};
  }

  RealRuntime& runtime_;
  const Installation installation_;
  const Logger log_;
  Metrics metrics_;
  LoadedConfig config_;
  std::string address_;
  std::unique_ptr<StandaloneApi> api_;
  std::unique_ptr<HttpServer> http_server_;
  std::unique_ptr<HttpClient> http_client_;
  std::unique_ptr<ContainerApi> client_;
  std::unique_ptr<InstanceSet> instances_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<ManagementServer> management_;
  std::atomic<bool> management_ready_ = false;
  TaskGroup tasks_;
};

awaitable<int> serve(RealRuntime& runtime, const Arguments& arguments, const std::string& data_dir, Lease& lease) {
  TerminationSignals signals(runtime);
  auto installation = open_installation(runtime, data_dir);
  if (!installation) co_return complain(installation.error().message);
  Standalone daemon(runtime, co_await boost::asio::this_coro::executor, std::move(*installation),
                    Logger(make_log_sink("berthd"), LogLevel::info, LogFormat::text));
  auto started = co_await daemon.start(arguments, lease);
  if (started) {
    std::printf("berthd: listening on %s; clients: set -a; . %s/env\n", daemon.address().c_str(), data_dir.c_str());
    std::fflush(stdout);
    notify_service_manager("READY=1");
    co_await signals.wait();
    notify_service_manager("STOPPING=1");
  }
  co_await daemon.stop();
  co_return started ? 0 : complain(started.error().message);
}

}  // namespace

awaitable<int> run_standalone(RealRuntime& runtime, Arguments arguments) {
  const std::string data_dir =
      std::filesystem::absolute(arguments.data_dir.empty() ? default_data_dir() : arguments.data_dir)
          .lexically_normal();
  if (auto made = make_data_dir(data_dir); !made) co_return complain(made.error().message);
  const auto lease = make_file_lease(data_dir + "/lock");
  auto acquired = co_await lease->acquire();
  if (!acquired) co_return complain(data_dir + " is in use: " + acquired.error().message);
  co_return co_await serve(runtime, arguments, data_dir, *lease);
}

}  // namespace berth
