#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "berth/base/asio.hpp"

namespace berth {

/// The tasks of one component. All of them run on its executor (a strand); every method is called there, too.
/// An exception that escapes a task, other than cancellation, is a bug: it leaves the loop's run().
class TaskGroup {
 public:
  explicit TaskGroup(asio::any_io_executor executor);
  /// Stop first: a group that dies with live tasks is a bug (asserted).
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  /// Starts a task. After stop() was called, does nothing.
  void spawn(awaitable<void> task);
  /// Cancels all tasks and waits until the last has ended.
  awaitable<void> stop();
  std::size_t size() const;
  const asio::any_io_executor& executor() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth
