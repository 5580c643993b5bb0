#pragma once

#include <cstdint>
#include <string>

#include "connection.hpp"
#include "submission.hpp"

namespace berth {

// Each verb prints to stdout, and what a human should know besides to stderr; an Error is what went wrong. `uuid` is of
// a container or of a request.

/// The exit code: of the container if it waited.
Result<int> submit(DaemonConnection& connection, const SubmitOptions& options);
Result<void> show_queue(DaemonConnection& connection, bool all);
Result<void> show_instances(DaemonConnection& connection);
/// With `follow` until the container is final, over restarts of the daemon.
Result<void> show_logs(DaemonConnection& connection, const std::string& uuid, bool follow);
Result<void> set_priority(DaemonConnection& connection, const std::string& uuid, std::int64_t priority);
Result<void> cancel(DaemonConnection& connection, const std::string& uuid);
/// `verb`: hold, drain, run, kill.
Result<void> change_instance(DaemonConnection& connection, const std::string& verb, const std::string& instance);

}  // namespace berth
