#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

namespace berth::runner {

/// What the runner needs of a container record (facts §2.3).
struct Record {
  std::string state;
  std::string locked_by_uuid;
  std::int64_t priority = 1;    ///< 0: nobody wants it any more
  std::string runtime_error;    ///< runtime_status.error
  std::string gateway_address;  ///< while Running: which runner's claim it was
  std::string container_image;
  std::vector<std::string> command;
  std::string cwd;
  std::map<std::string, std::string> environment;
  std::map<std::string, std::string> mount_kinds;  ///< by path
  std::int64_t ram = 0;                            ///< bytes
  std::int64_t max_run_time = 0;                   ///< seconds; 0 = no limit
};

/// Errors: type_mismatch, naming the field. Null is as if it were not there.
Result<Record> parse_record(const nlohmann::json& json);
/// Why this runner can never run that record; empty if it can.
std::string find_obstacle(const Record& record);

/// What comes on stdin (facts §6.10).
struct RunnerConfig {
  std::map<std::string, std::string> env;
  double price = 0;  ///< $/hour of the instance; from `Env.InstanceType`

  /// From `env`, else from this process's environment; empty if it is in neither.
  std::string variable(const std::string& name) const;
  /// `BERTH_API_URL`, or plain http to `ARVADOS_API_HOST`.
  std::string api_url() const;
};
/// Errors: undecodable, type_mismatch. Never quotes the text, which holds secrets.
Result<RunnerConfig> parse_config(std::string_view text);

}  // namespace berth::runner
