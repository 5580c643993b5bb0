#include "parameters.hpp"

#include <nlohmann/json.hpp>

#include "berth/base/units.hpp"

#include "files.hpp"

namespace berth::loopback {
namespace {

using nlohmann::json;

tl::unexpected<Error> bad(std::string what) {
  return fail(ErrorKind::invalid, std::move(what));
}

Result<std::int64_t> parse_count(const json& value) {
  if (!value.is_number_integer() || value.get<std::int64_t>() < 0 || value.get<std::int64_t>() > 1'000'000)
    return bad("must be an integer from 0 to 1000000");
  return value.get<std::int64_t>();
}

Result<void> parse_types(const json& value, Parameters& parameters) {
  if (!value.is_object()) return bad("must map names of instance types to counts");
  for (const auto& [type, count] : value.items()) {
    const auto parsed = parse_count(count);
    if (!parsed) return fail(parsed.error().within(type));
    parameters.max_per_type[type] = *parsed;
  }
  return {};
}

Result<void> parse_one(const std::string& key, const json& value, Parameters& parameters) {
  if (key == "MaxInstances" || key == "MaxVCPUs") {
    const auto count = parse_count(value);
    if (!count) return fail(count.error());
    (key == "MaxVCPUs" ? parameters.max_vcpus : parameters.max_instances) = *count;
    return {};
  }
  if (key == "InstanceTypes") return parse_types(value, parameters);
  if (key == "StateDirectory") {
    if (!value.is_string() || !value.get_ref<const std::string&>().starts_with('/'))
      return bad("must be an absolute path");
    parameters.state_directory = value.get<std::string>();
    return {};
  }
  if (key == "BootDelay") {
    const auto delay = value.is_string() ? parse_duration(value.get_ref<const std::string&>())
                                         : Result<Duration>(bad("must be a duration, like 10s"));
    if (!delay) return fail(delay.error());
    if (*delay < Duration::zero()) return bad("must not be negative");
    parameters.boot_delay = *delay;
    return {};
  }
  return bad("unknown; known: MaxInstances, MaxVCPUs, InstanceTypes, StateDirectory, BootDelay");
}

}  // namespace

Result<Parameters> parse_parameters(const json& json) {
  Parameters parameters;
  if (json.is_null() || (json.is_object() && json.empty())) return parameters;
  if (!json.is_object()) return fail(ErrorKind::invalid, "DriverParameters: must be a map");
  parameters.single = false;
  for (const auto& [key, value] : json.items()) {
    const auto parsed = parse_one(key, value, parameters);
    if (!parsed) return fail(parsed.error().within("DriverParameters." + key));
  }
  return parameters;
}

std::vector<ParameterProblem> check_parameters(const json& json) {
  if (json.is_null()) return {};
  if (!json.is_object()) return {{"", "must be a map"}};
  std::vector<ParameterProblem> problems;
  Parameters parameters;
  for (const auto& [key, value] : json.items())
    if (const auto parsed = parse_one(key, value, parameters); !parsed)
      problems.push_back({key, parsed.error().message});
  if (!problems.empty() || json.empty()) return problems;
  if (const auto usable = check_state_directory(parameters.state_directory); !usable)
    problems.push_back({"StateDirectory", usable.error().message});
  return problems;
}

}  // namespace berth::loopback
