#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// What a command did. Kinds of Result error around it: network (no connection, or it broke), timeout, denied (host
/// identity or authentication), exhausted (more output than max_output), unsupported.
struct CommandOutput {
  int exit_status = 0;  ///< as a shell reports it; 128 + signal if it died of one
  std::string stdout_text;
  std::string stderr_text;
};

struct Command {
  std::string text;  ///< for `sh -c` on the worker
  std::string stdin_data;
  Duration deadline = std::chrono::minutes(1);
  std::size_t max_output = std::size_t{1} << 20;  ///< bytes, stdout and stderr together
  bool background = false;  ///< gives way to the worker's other commands: large transfers, such as the runner's
};

/// Runs commands on one worker. Thread-safe; commands run concurrently. Cancelling an execute ends its command.
class Executor {
 public:
  virtual ~Executor() = default;
  virtual awaitable<Result<CommandOutput>> execute(Command command) = 0;
  /// Runs a long-lived command, calling `on_line` for each line of its stdout, until it ends, fails, or is cancelled.
  /// It has no deadline; `max_output` bounds each line; stderr is dropped. Lines arrive on the caller's strand.
  virtual awaitable<Result<int>> stream(Command command, std::function<void(std::string_view)> on_line) = 0;
  /// The worker has a new address (facts §6.3): for the next connection; a live one stays.
  virtual void set_address(std::string address) = 0;
  /// Closes connections and ends what runs.
  virtual void close() = 0;
};

}  // namespace berth
