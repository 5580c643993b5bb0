#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"
#include "berth/cloud/driver.hpp"

namespace berth::loopback {

/// `DriverParameters` of the loopback driver; docs/loopback.md.
struct Parameters {
  /// No parameters at all: one instance whose tags live in memory (facts §8.4).
  bool single = true;
  std::string state_directory = "/var/lib/berth/instances";
  std::optional<std::int64_t> max_instances;
  std::optional<std::int64_t> max_vcpus;             ///< of all instances together
  std::map<std::string, std::int64_t> max_per_type;  ///< by name or ProviderType; if not empty, other types are refused
  Duration boot_delay{};
};

/// Errors: invalid, naming the parameter.
Result<Parameters> parse_parameters(const nlohmann::json& json);
/// All that is wrong with them, and with the state directory that they name.
std::vector<ParameterProblem> check_parameters(const nlohmann::json& json);

}  // namespace berth::loopback
