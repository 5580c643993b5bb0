#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "berth/base/result.hpp"

namespace berth {

/// The highest priority that a request may have (facts §2.4).
constexpr std::int64_t kMaxPriority = 1000;

struct SubmitOptions {
  std::vector<std::string> command;
  std::string name;  ///< empty: the command's first word
  std::int64_t vcpus = 1;
  std::string ram = "128MiB";
  std::string scratch = "0";
  std::int64_t priority = 500;           ///< 0: held back
  std::int64_t max_run_time = 0;         ///< seconds; 0 = no limit
  std::vector<std::string> environment;  ///< KEY=value
  std::string cwd;
  bool wait = false;
};

/// Attributes of the container request. Errors: invalid, naming the option.
Result<nlohmann::json> request_attributes(const SubmitOptions& options);

}  // namespace berth
