#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "connection.hpp"

namespace berth {

struct SubmitOptions {
  std::vector<std::string> command;
  std::string name;
  std::int64_t vcpus = 1;
  std::string ram = "128MiB";
  std::string scratch = "0";
  std::int64_t priority = 500;
  std::int64_t max_run_time = 0;         ///< seconds; 0 = no limit
  std::vector<std::string> environment;  ///< KEY=value
  std::string cwd;
  bool wait = false;
};

// Each verb prints to stdout; an Error is what went wrong. submit gives the exit code of the container if it waited.
Result<int> submit(DaemonConnection& connection, const SubmitOptions& options);
Result<void> show_queue(DaemonConnection& connection, bool all);
Result<void> show_instances(DaemonConnection& connection);
/// `uuid`: of a container or of a request.
Result<void> show_logs(DaemonConnection& connection, const std::string& uuid, bool follow);
Result<void> cancel(DaemonConnection& connection, const std::string& uuid);
/// `verb`: hold, drain, run, kill.
Result<void> instance_verb(DaemonConnection& connection, const std::string& verb, const std::string& instance);

}  // namespace berth
