#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

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

/// Stdin of a stream while it runs, from its caller to its executor. Thread-safe.
class StreamInput {
 public:
  static constexpr std::size_t most_waiting = std::size_t{64} << 10;  ///< bytes that the command has not taken yet

  /// Queues the bytes. False, and nothing is queued, if more than `most_waiting` would wait.
  bool write(std::string_view bytes) {
    std::function<void()> tell;
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() + bytes.size() > most_waiting) return false;
      waiting_ += bytes;
      tell = on_write_;
    }
    if (tell) tell();
    return true;
  }
  /// For executors: takes what waits.
  std::string take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(waiting_, {});
  }
  /// For executors: what to call after each write, on the writer's thread.
  void on_write(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    on_write_ = std::move(call);
  }

 private:
  std::mutex mutex_;
  std::string waiting_;
  std::function<void()> on_write_;
};

/// Bytes that copies of a command share: a runner of 100 MB goes to many workers at a time.
class SharedBytes {
 public:
  SharedBytes() = default;
  SharedBytes(std::string bytes)  // NOLINT(google-explicit-constructor)
      : bytes_(bytes.empty() ? nullptr : std::make_shared<const std::string>(std::move(bytes))) {}
  SharedBytes(std::shared_ptr<const std::string> bytes)  // NOLINT(google-explicit-constructor)
      : bytes_(std::move(bytes)) {}
  std::string_view view() const { return bytes_ ? std::string_view(*bytes_) : std::string_view(); }

 private:
  std::shared_ptr<const std::string> bytes_;
};

struct Command {
  std::string text;  ///< for `sh -c` on the worker
  SharedBytes stdin_data;
  Duration deadline = std::chrono::minutes(1);
  std::size_t max_output = std::size_t{1} << 20;  ///< bytes, stdout and stderr together
  bool background = false;  ///< gives way to the worker's other commands: large transfers, such as the runner's
  std::shared_ptr<StreamInput> input;  ///< of a stream: more stdin, after stdin_data; it stays open until the end
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
