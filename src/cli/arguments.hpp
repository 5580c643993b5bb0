#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "submission.hpp"

namespace berth {

/// What the command line of `berthctl` asks for.
struct Choice {
  std::string verb;      ///< submit, queue, instances, logs, priority, cancel, instance
  std::string env_file;  ///< empty: the environment, else the default file
  SubmitOptions submit;
  bool all = false;           ///< queue
  bool follow = false;        ///< logs
  std::string uuid;           ///< logs, priority, cancel: of a container or a request
  std::int64_t priority = 0;  ///< priority
  std::string instance_verb;  ///< instance: hold, drain, run, kill
  std::string instance;       ///< instance
};

/// Exit code for a command line that is wrong.
constexpr int kUsageError = 2;

/// Why there is nothing to carry out: help was asked for (exit code 0), or the command line is wrong (2).
struct UsageExit {
  int exit_code = 0;
  std::string out;  ///< for stdout
  std::string err;  ///< for stderr
};

tl::expected<Choice, UsageExit> parse_command_line(int argc, const char* const* argv);

}  // namespace berth
