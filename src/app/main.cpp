#include <algorithm>
#include <cstdio>
#include <exception>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>

#include "berth/config/private_key.hpp"

#include "daemon.hpp"

namespace {

int check_config(const berth::Arguments& arguments) {
  const berth::LoadedConfig config = berth::load_config_file(arguments.config);
  berth::print_diagnostics(config);
  if (!config.ok()) return 1;
  if (const auto key = berth::read_private_key(config.cluster.containers.dispatch_private_key); !key) {
    std::fprintf(stderr, "%s: error: Containers.DispatchPrivateKey: %s\n", arguments.config.c_str(),
                 key.error().message.c_str());
    return 1;
  }
  std::printf("%s: cluster %s, %zu instance types, driver %s\n", arguments.config.c_str(), config.cluster.id.c_str(),
              config.cluster.instance_types.size(), config.cluster.containers.cloud_vms.driver.c_str());
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

int run_daemon(const berth::Arguments& arguments) {
  raise_descriptor_limit();
  berth::RealRuntime runtime(arguments.threads);
  int exit_code = 1;
  boost::asio::co_spawn(
      runtime.make_strand(),
      arguments.standalone ? berth::run_standalone(runtime, arguments) : berth::run_cluster(runtime, arguments),
      [&](const std::exception_ptr& error, int code) {
        exit_code = code;
        runtime.stop();
        if (error) std::rethrow_exception(error);
      });
  runtime.run();
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  const berth::ParsedArguments parsed = berth::parse_arguments(argc, argv);
  if (parsed.exit_code) return *parsed.exit_code;
  if (parsed.arguments.version) {
    std::puts("berthd " BERTH_VERSION);
    return 0;
  }
  try {
    return parsed.arguments.check_config ? check_config(parsed.arguments) : run_daemon(parsed.arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "berthd: %s\n", error.what());
    return 1;
  }
}
