#include "submission.hpp"

#include "berth/base/units.hpp"

namespace berth {

Result<nlohmann::json> request_attributes(const SubmitOptions& options) {
  using Json = nlohmann::json;
  const auto ram = parse_bytes(options.ram);
  if (!ram) return fail(ram.error().within("--ram"));
  const auto scratch = parse_bytes(options.scratch);
  if (!scratch) return fail(scratch.error().within("--scratch"));
  Json environment = Json::object();
  for (const std::string& pair : options.environment) {
    const auto equals = pair.find('=');
    if (equals == std::string::npos || equals == 0)
      return fail(ErrorKind::invalid, "--env " + pair + ": want KEY=value");
    environment[pair.substr(0, equals)] = pair.substr(equals + 1);
  }
  Json attributes = {{"state", "Committed"},
                     {"name", options.name.empty() ? options.command.front() : options.name},
                     {"command", options.command},
                     {"environment", std::move(environment)},
                     {"priority", options.priority},
                     {"container_count_max", 1},
                     {"runtime_constraints", {{"vcpus", options.vcpus}, {"ram", *ram}}},
                     {"scheduling_parameters", {{"max_run_time", options.max_run_time}}}};
  if (!options.cwd.empty()) attributes["cwd"] = options.cwd;
  if (*scratch > 0) attributes["mounts"] = {{"/tmp", {{"kind", "tmp"}, {"capacity", *scratch}}}};
  return attributes;
}

}  // namespace berth
