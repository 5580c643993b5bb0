#pragma once

#include <chrono>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "berth/base/call_on.hpp"
#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// A coroutine under way on a SimRuntime, for tests that look at it half-way. Dies cancelled, never leaves a task
/// behind.
template <class T>
class SimTask {
 public:
  SimTask(SimRuntime& runtime, asio::any_io_executor executor, awaitable<T> operation)
      : runtime_(runtime), state_(std::make_shared<State>()) {
    auto slot = state_->cancel.slot();
    if constexpr (std::is_void_v<T>) {
      asio::co_spawn(executor, std::move(operation),
                     asio::bind_cancellation_slot(slot, [s = state_](std::exception_ptr e) { s->end(e, true); }));
    } else {
      asio::co_spawn(executor, detail::boxed(std::move(operation)),
                     asio::bind_cancellation_slot(slot, [s = state_](std::exception_ptr e, std::optional<T> value) {
                       s->end(e, std::move(value));
                     }));
    }
  }
  SimTask(SimRuntime& runtime, awaitable<T> operation) : SimTask(runtime, runtime.executor(), std::move(operation)) {}
  SimTask(const SimTask&) = delete;
  SimTask& operator=(const SimTask&) = delete;
  ~SimTask() {
    if (done()) return;
    cancel();
    runtime_.settle();
  }

  bool done() const { return state_->done; }
  /// As a TaskGroup does it.
  void cancel() { state_->cancel.emit(asio::cancellation_type::terminal); }
  /// Its value, or the exception that it threw; it must be done.
  T get() {
    if (!done()) throw std::logic_error("the coroutine has not ended");
    if (state_->exception) std::rethrow_exception(state_->exception);
    if constexpr (!std::is_void_v<T>) return std::move(*state_->value);
  }

 private:
  using Value = std::conditional_t<std::is_void_v<T>, bool, T>;
  struct State {
    asio::cancellation_signal cancel;
    bool done = false;
    std::exception_ptr exception;
    std::optional<Value> value;
    void end(std::exception_ptr e, std::optional<Value> v) {
      exception = std::move(e);
      if (v) value.emplace(std::move(*v));
      done = true;
    }
  };
  SimRuntime& runtime_;
  std::shared_ptr<State> state_;
};

/// Runs `operation` in simulated time to its end and returns its value or throws its exception. Throws
/// std::runtime_error if it has not ended after `limit` of simulated time.
template <class T>
T run_on(SimRuntime& runtime, awaitable<T> operation, Duration limit = std::chrono::hours(1)) {
  SimTask<T> task(runtime, std::move(operation));
  if (!runtime.run_until([&] { return task.done(); }, limit)) {
    throw std::runtime_error("run_on: the coroutine has not ended within the limit");
  }
  return task.get();
}

/// Collects lines. `log()` makes a logger that writes here.
class LineSink final : public LogSink, public std::enable_shared_from_this<LineSink> {
 public:
  void write(const LogRecord& record) override {
    const std::lock_guard lock(mutex_);
    lines_.emplace_back(record.line);
  }
  std::vector<std::string> lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
  }
  /// Whether some line contains `text`.
  bool contains(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    for (const auto& line : lines_) {
      if (line.find(text) != std::string::npos) return true;
    }
    return false;
  }
  Logger log(LogLevel level = LogLevel::trace, LogFormat format = LogFormat::json) {
    return Logger(shared_from_this(), level, format);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> lines_;
};

inline std::shared_ptr<LineSink> make_line_sink() {
  return std::make_shared<LineSink>();
}

}  // namespace berth
