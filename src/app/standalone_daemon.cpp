#include <atomic>
#include <climits>
#include <cstdio>
#include <filesystem>
#include <unistd.h>

#include "berth/base/shell.hpp"
#include "berth/base/units.hpp"
#include "berth/config/data_dir.hpp"
#include "berth/lease/lease.hpp"
#include "berth/standalone/installation.hpp"
#include "berth/standalone/server.hpp"

#include "daemon.hpp"
#include "dispatcher_stack.hpp"
#include "listen_address.hpp"

namespace berth {
namespace {

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
  // More often than from a cluster's API, which others need, too: a page of this process's own database is small and
  // costs a few milliseconds, and positions in a queue of thousands would else be a minute old.
  queue.tail_page_interval = std::chrono::milliseconds(250);
  pool.command_deadline = std::chrono::seconds(10);
  pool.cloud_deadline = std::chrono::seconds(30);
  scheduler.quota_limits_containers = false;
}

bool is_management(std::string_view path) {
  return path.starts_with("/arvados/v1/dispatch/") || path.starts_with("/_health/") || path.starts_with("/_inspect/") ||
         path == "/metrics" || path == "/metrics.json";
}

/// The API and the dispatcher of one machine, on one port.
class StandaloneDaemon final : public Daemon {
 public:
  StandaloneDaemon(RealRuntime& runtime, Arguments arguments, Additions additions, Installation installation,
                   Logger log, Lease& lease)
      : runtime_(runtime),
        arguments_(std::move(arguments)),
        additions_(std::move(additions)),
        installation_(std::move(installation)),
        log_(std::move(log)),
        lease_(lease),
        stack_(runtime, log_) {}

  /// The lock on the directory is ours already, so that nothing is left to wait for.
  awaitable<Result<void>> prepare() override {
    auto opened = co_await open_api();
    if (!opened) co_return opened;
    if (auto listening = listen(); !listening) co_return listening;
    if (auto built = build(); !built) co_return built;
    auto started = co_await stack_.dispatcher().start();
    if (!started) co_return started;
    if (auto written = write_env_file(installation_, address_); !written) co_return written;
    log_.info("ready", {{"Address", address_}, {"DataDir", installation_.data_dir}});
    co_return Result<void>{};
  }

  awaitable<Result<void>> activate() override {
    std::printf("berthd: listening on %s; clients: set -a; . %s\n", address_.c_str(),
                shell_word(installation_.data_dir + "/env").c_str());
    std::fflush(stdout);
    co_return Result<void>{};
  }

  awaitable<void> watch() override { return stack_.watch(); }

  Result<void> reload_certificate() override { return http_server_->reload_certificate(); }

  awaitable<void> stop() override {
    told_ = false;
    co_await stack_.stop();
    if (http_server_) co_await http_server_->stop();
    if (api_) co_await api_->close();
  }

 private:
  awaitable<Result<void>> open_api() {
    StandaloneOptions options;
    options.data_dir = installation_.data_dir;
    options.cluster_id = installation_.cluster_id;
    options.root_token = installation_.root_token;
    auto api = co_await StandaloneApi::open(runtime_, log_, std::move(options));
    if (!api) co_return fail(api.error());
    api_ = std::move(*api);
    api_->set_listener([this](ApiChange change) {
      if (told_) stack_.dispatcher().queue()->tell(std::move(change));
    });
    co_return Result<void>{};
  }

  Result<void> listen() {
    const auto address = parse_listen_address(arguments_.listen);
    if (!address) return fail(address.error());
    HttpServerOptions options;
    options.address = address->host;
    options.port = address->port;
    options.tls_certificate = installation_.tls_certificate;
    options.tls_key = installation_.tls_key;
    options.max_body_bytes = kMaxBody;
    http_server_ = std::make_unique<HttpServer>(runtime_, log_, std::move(options), handler());
    if (auto started = http_server_->start(); !started) return started;
    address_ = client_address(address->host, http_server_->port());
    return {};
  }

  /// API and management API on one port; the latter answers once the dispatcher is made.
  RequestHandler handler() {
    return [this, api = api_->handler()](ServerRequest request) -> awaitable<ServerResponse> {
      return is_management(request.path) ? manage(std::move(request)) : api(std::move(request));
    };
  }
  awaitable<ServerResponse> manage(ServerRequest request) {
    if (management_ready_) return stack_.management()(std::move(request));
    return starting();
  }
  static awaitable<ServerResponse> starting() {
    ServerResponse response;
    response.status = 503;
    response.body = "starting\n";
    co_return response;
  }

  Result<void> build() {
    const auto machine = pretended_machine(arguments_, installation_.data_dir);
    if (!machine) return fail(machine.error());
    const std::string runner = arguments_.runner.empty() ? default_runner_path() : arguments_.runner;
    if (::access(runner.c_str(), X_OK) != 0)
      return fail(ErrorKind::failed, runner + ": the runner is not there; see --runner");
    const std::string api_url = "http://" + address_;
    config_ = load_config_text(standalone_cluster_text(installation_, *machine, api_url, runner), "standalone");
    if (!config_.ok()) return fail(ErrorKind::internal, to_string(config_.diagnostics.front()));
    if (additions_.adjust_standalone) additions_.adjust_standalone(config_.cluster);
    StackOptions options;
    options.drivers = additions_.drivers;
    options.http.use_proxy_environment = false;
    options.runner_environment = {{"BERTH_API_URL", api_url}};
    options.adjust = adjust_to_one_machine;
    options.listens_to_event_bus = false;  // what it says is told below, without a detour
    if (auto built = stack_.build(config_, lease_, std::move(options)); !built) return built;
    management_ready_ = true;
    told_ = !config_.cluster.services.websocket_url.empty();
    return {};
  }

  RealRuntime& runtime_;
  const Arguments arguments_;
  const Additions additions_;
  const Installation installation_;
  const Logger log_;
  Lease& lease_;
  LoadedConfig config_;
  std::string address_;
  std::unique_ptr<StandaloneApi> api_;
  std::unique_ptr<HttpServer> http_server_;
  DispatcherStack stack_;
  std::atomic<bool> management_ready_ = false;
  std::atomic<bool> told_ = false;  ///< the queue hears of changes at once
};

}  // namespace

awaitable<int> run_standalone(RealRuntime& runtime, Arguments arguments, Additions additions) {
  ProcessSignals signals(runtime);
  const std::string data_dir =
      std::filesystem::absolute(arguments.data_dir.empty() ? default_data_dir() : arguments.data_dir)
          .lexically_normal();
  if (auto made = make_data_dir(data_dir); !made) co_return complain(made.error().message);
  const auto lease = make_file_lease(data_dir + "/lock");
  auto acquired = co_await lease->acquire();
  if (!acquired) co_return complain(data_dir + " is in use: " + acquired.error().message);
  auto installation = open_installation(runtime, data_dir);
  if (!installation) co_return complain(installation.error().message);
  const Logger log(make_log_sink("berthd"), LogLevel::info, LogFormat::text);
  StandaloneDaemon daemon(runtime, std::move(arguments), std::move(additions), std::move(*installation), log, *lease);
  const auto ended = co_await run_until_signal(runtime, log, signals, daemon);
  co_return ended ? 0 : complain(ended.error().message);
}

}  // namespace berth
