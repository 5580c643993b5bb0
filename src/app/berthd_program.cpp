#include "berthd_program.hpp"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>

#include "berth/base/heap.hpp"

#include "daemon.hpp"

namespace berth {
namespace {

int check_config(const Arguments& arguments, const Additions& additions) {
  const LoadedConfig config = load_and_check(arguments, additions);
  if (!config.ok()) return 1;
  const std::size_t types = config.cluster.instance_types.size();
  std::printf("%s: cluster %s, %zu instance type%s, driver %s\n", config.file.c_str(), config.cluster.id.c_str(), types,
              types == 1 ? "" : "s", config.cluster.containers.cloud_vms.driver.c_str());
  return 0;
}

/// Shells often allow 1024 descriptors, fewer than the connections that are served at once.
void raise_descriptor_limit() {
  constexpr rlim_t enough = 8192;
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= enough) return;
  limit.rlim_cur = std::min(limit.rlim_max, enough);
  (void)::setrlimit(RLIMIT_NOFILE, &limit);
}

int dump_config(const Arguments& arguments) {
  const LoadedConfig config = load_config_file(arguments.config, read_api_environment());
  for (const Diagnostic& d : config.diagnostics) std::fprintf(stderr, "%s\n", to_string(d).c_str());
  if (!config.ok()) return 1;
  std::fputs(dump_config(config, arguments.unmask).c_str(), stdout);
  return 0;
}

int run_daemon(const Arguments& arguments, const Additions& additions) {
  raise_descriptor_limit();
  merge_freed_memory_at_once();
  RealRuntime runtime(arguments.threads);
  int exit_code = 1;
  boost::asio::co_spawn(
      runtime.make_strand(),
      arguments.standalone ? run_standalone(runtime, arguments, additions) : run_cluster(runtime, arguments, additions),
      [&](const std::exception_ptr& error, int code) {
        exit_code = code;
        runtime.stop();
        if (error) std::rethrow_exception(error);
      });
  runtime.run();
  // All is stopped. What may be left is the look-up of a name that nobody answers, and its thread cannot be
  // interrupted.
  std::fflush(nullptr);
  std::_Exit(exit_code);
}

}  // namespace

int run_berthd(int argc, const char* const* argv, const Additions& additions) {
  std::signal(SIGPIPE, SIG_IGN);  // a reader of stdout, stderr or a pipe may go at any time: writes then fail
  const ParsedArguments parsed = parse_arguments(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  const Arguments& arguments = parsed.arguments;
  for (const std::string& ignored : arguments.ignored)
    std::fprintf(stderr, "berthd: warning: %s has no effect\n", ignored.c_str());
  try {
    if (arguments.version) {
      std::puts("berthd " BERTH_VERSION);
    } else if (arguments.config_reference) {
      std::fputs(config_reference().c_str(), stdout);
    } else if (arguments.dump_config) {
      return dump_config(arguments);
    } else {
      return arguments.check_config ? check_config(arguments, additions) : run_daemon(arguments, additions);
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "berthd: %s\n", error.what());
    return 1;
  }
}

}  // namespace berth
