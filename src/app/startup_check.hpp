#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "berth/config/load.hpp"

#include "runner_binary.hpp"
#include "service_environment.hpp"

namespace berth {

struct StartupConditions {
  bool takes_lock = true;
  ServiceEnvironment environment;
  std::set<std::string> added_drivers;  ///< Additions::drivers
  std::span<const std::string_view> packaged_runners = berth::packaged_runners();
};

/// Everything that would keep a cluster's daemon from starting with a configuration that loads, each with its key:
/// addresses, tokens, driver and its parameters, instance types, key, certificate, runner, and the variables by which
/// the machine says how the API server is reached. Reads files and touches nothing. `--check-config` and the daemon ask
/// the same.
std::vector<Diagnostic> check_startup(const LoadedConfig& config, const StartupConditions& conditions);

}  // namespace berth
