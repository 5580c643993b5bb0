#include "berth/base/task_group.hpp"

#include <atomic>
#include <cassert>
#include <exception>
#include <map>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/bind_executor.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/multiple_exceptions.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/system_error.hpp>

#include "berth/base/signal.hpp"
#include "berth/base/task_count.hpp"

namespace berth {

namespace {
using Task = std::shared_ptr<asio::cancellation_signal>;

bool is_cancellation(const std::exception_ptr& exception) {
  try {
    std::rethrow_exception(exception);
  } catch (const boost::system::system_error& e) {
    return e.code() == asio::error::operation_aborted;
  } catch (const asio::multiple_exceptions& e) {  // what `a() || b()` throws when both were cancelled
    return is_cancellation(e.first_exception());
  } catch (...) {
    return false;
  }
}

/// One for each loop.
class TaskCount final : public asio::execution_context::service {
 public:
  using key_type = TaskCount;
  static inline asio::execution_context::id id;
  explicit TaskCount(asio::execution_context& context) : service(context) {}
  void shutdown() override {}

  static TaskCount& of(const asio::any_io_executor& executor) {
    return asio::use_service<TaskCount>(asio::query(executor, asio::execution::context));
  }
  std::atomic<std::int64_t> live = 0;
};
}  // namespace

std::int64_t live_tasks(const asio::any_io_executor& executor) {
  return TaskCount::of(executor).live;
}

struct TaskGroup::State {
  explicit State(asio::any_io_executor ex) : executor(std::move(ex)), count(TaskCount::of(executor)) {}

  void ended(std::uint64_t number, const std::exception_ptr& exception);
  static awaitable<void> stop(std::shared_ptr<State> self);

  const asio::any_io_executor executor;
  TaskCount& count;
  std::map<std::uint64_t, Task> tasks;  // by number, so that they are stopped in the order of their start
  std::uint64_t started = 0;
  bool stopping = false;
  Signal task_ended;
};

void TaskGroup::State::ended(std::uint64_t number, const std::exception_ptr& exception) {
  tasks.erase(number);
  --count.live;
  if (stopping) task_ended.notify();
  if (exception && !is_cancellation(exception)) std::rethrow_exception(exception);
}

awaitable<void> TaskGroup::State::stop(std::shared_ptr<State> self) {
  self->stopping = true;
  auto ended = self->task_ended.subscribe();
  const auto running = self->tasks;
  for (const auto& [number, task] : running) task->emit(asio::cancellation_type::terminal);
  while (!self->tasks.empty()) co_await ended.wait();
}

TaskGroup::TaskGroup(asio::any_io_executor executor) : state_(std::make_shared<State>(std::move(executor))) {}

TaskGroup::~TaskGroup() {
  assert((size() == 0 || std::uncaught_exceptions() > 0) && "stop() the group before it dies");
}

void TaskGroup::spawn(awaitable<void> task) {
  if (state_->stopping) return;
  auto signal = std::make_shared<asio::cancellation_signal>();
  const std::uint64_t number = state_->started++;
  state_->tasks.emplace(number, signal);
  ++state_->count.live;
  auto on_end = [state = state_, number, signal](const std::exception_ptr& exception) {
    state->ended(number, exception);
  };
  asio::co_spawn(
      state_->executor, std::move(task),
      asio::bind_cancellation_slot(signal->slot(), asio::bind_executor(state_->executor, std::move(on_end))));
}

awaitable<void> TaskGroup::stop() {
  // A slot of its own: stopping goes on even if whoever asked for it is cancelled.
  return asio::co_spawn(state_->executor, State::stop(state_),
                        asio::bind_cancellation_slot(asio::cancellation_slot(), asio::use_awaitable));
}

std::size_t TaskGroup::size() const {
  return state_->tasks.size();
}
const asio::any_io_executor& TaskGroup::executor() const {
  return state_->executor;
}

}  // namespace berth
