#include "daemon.hpp"

#include <cstdio>
#include <cstdlib>
#include <systemd/sd-daemon.h>

#include <boost/asio/this_coro.hpp>

#include "berth/base/task_group.hpp"

#include "service_environment.hpp"
#include "startup_check.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration kCertificateInterval = 1h;
/// Shutdown takes 10 s at most (facts §1.6 knows no orderly end, so an abrupt one is safe).
constexpr Duration kLongestStop = 9s;

void print_diagnostics(const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& diagnostic : diagnostics) std::fprintf(stderr, "%s\n", to_string(diagnostic).c_str());
}

awaitable<void> activate(Daemon& daemon, ProcessSignals& signals, Result<void>& outcome) {
  outcome = co_await daemon.activate();
  if (!outcome) signals.end();
}

awaitable<void> reload_certificates(Runtime& runtime, Logger log, ProcessSignals& signals, Daemon& daemon) {
  for (;;) {
    const bool asked = co_await signals.reload().wait_until(runtime, runtime.now() + kCertificateInterval);
    const auto reloaded = daemon.reload_certificate();
    if (!reloaded)
      log.error("certificate not reloaded, the old one stays in use", {{"error", reloaded.error().message}});
    else if (asked)
      log.info("certificate reloaded");
  }
}

awaitable<void> end_by_force(Runtime& runtime) {
  co_await runtime.sleep_for(kLongestStop);
  std::fputs("berthd: not every part has stopped in time: ending all the same\n", stderr);
  std::_Exit(1);
}

awaitable<void> stop_in_time(Runtime& runtime, Daemon& daemon) {
  TaskGroup guard(co_await boost::asio::this_coro::executor);
  guard.spawn(end_by_force(runtime));
  co_await daemon.stop();
  co_await guard.stop();
}

}  // namespace

LoadedConfig load_and_check(const Arguments& arguments, const Additions& additions) {
  LoadedConfig config = load_config_file(arguments.config, read_api_environment());
  if (config.ok()) {
    StartupConditions conditions;
    conditions.takes_lock = !arguments.no_lock;
    for (const auto& [name, factory] : additions.drivers) conditions.added_drivers.insert(name);
    conditions.environment = read_service_environment();
    for (Diagnostic& found : check_startup(config, conditions)) config.diagnostics.push_back(std::move(found));
  }
  print_diagnostics(config.diagnostics);
  return config;
}

awaitable<Result<void>> run_until_signal(Runtime& runtime, Logger log, ProcessSignals& signals, Daemon& daemon) {
  Result<void> outcome = co_await daemon.prepare();
  if (outcome) {
    sd_notify(0, "READY=1");
    TaskGroup tasks(co_await boost::asio::this_coro::executor);
    tasks.spawn(activate(daemon, signals, outcome));
    tasks.spawn(daemon.watch());
    tasks.spawn(reload_certificates(runtime, log, signals, daemon));
    co_await signals.wait_for_end();
    sd_notify(0, "STOPPING=1");
    co_await tasks.stop();
  }
  co_await stop_in_time(runtime, daemon);
  co_return outcome;
}

}  // namespace berth
