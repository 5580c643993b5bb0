#include "berth/base/signal.hpp"

#include <cassert>
#include <mutex>
#include <optional>
#include <vector>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "waiter.hpp"

namespace berth {

struct Subscription::State : std::enable_shared_from_this<Subscription::State> {
  static awaitable<void> wait(std::shared_ptr<State> self);
  void raise();
  template <class Handler>
  void suspend(asio::any_io_executor executor, Handler handler);
  void cancel(std::uint64_t which);

  std::mutex mutex;
  bool raised = false;
  std::uint64_t waits = 0;  // tells one wait from the next
  std::optional<Waiter> waiter;
};

void Subscription::State::raise() {
  std::unique_lock lock(mutex);
  raised = true;
  if (!waiter) return;
  Waiter woken = std::move(*waiter);
  waiter.reset();
  lock.unlock();
  resume(std::move(woken), {});
}

template <class Handler>
void Subscription::State::suspend(asio::any_io_executor executor, Handler handler) {
  const std::lock_guard lock(mutex);
  assert(!waiter && "one task waits on a subscription at a time");
  waiter.emplace(Waiter{std::move(executor), std::move(handler)});
  auto slot = asio::get_associated_cancellation_slot(waiter->handler);
  const std::uint64_t which = ++waits;
  if (slot.is_connected()) {
    slot.assign([weak = weak_from_this(), which](asio::cancellation_type) {
      if (auto self = weak.lock()) self->cancel(which);
    });
  }
  if (!raised) return;
  Waiter woken = std::move(*waiter);
  waiter.reset();
  resume(std::move(woken), {});
}

void Subscription::State::cancel(std::uint64_t which) {
  std::unique_lock lock(mutex);
  if (!waiter || which != waits) return;
  Waiter woken = std::move(*waiter);
  waiter.reset();
  lock.unlock();
  resume(std::move(woken), asio::error::operation_aborted);
}

awaitable<void> Subscription::State::wait(std::shared_ptr<State> self) {
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(boost::system::error_code)>(
      [self, executor](auto handler) { self->suspend(executor, std::move(handler)); }, asio::use_awaitable);
  const std::lock_guard lock(self->mutex);
  self->raised = false;
}

awaitable<void> Subscription::wait() {
  return State::wait(state_);
}

awaitable<bool> Subscription::wait_until(Runtime& runtime, SteadyTime deadline) {
  auto executor = co_await asio::this_coro::executor;
  auto group =
      asio::experimental::make_parallel_group(asio::co_spawn(executor, State::wait(state_), asio::deferred),
                                              asio::co_spawn(executor, runtime.sleep_until(deadline), asio::deferred));
  auto [order, not_raised, not_slept] =
      co_await group.async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (!not_raised) co_return true;
  if (not_slept) std::rethrow_exception(not_slept);
  co_return false;
}

void Subscription::wake() {
  state_->raise();
}

struct Signal::State {
  std::mutex mutex;
  std::vector<std::weak_ptr<Subscription::State>> subscribers;
};

Signal::Signal() : state_(std::make_shared<State>()) {}
Signal::~Signal() = default;

void Signal::notify() {
  std::vector<std::shared_ptr<Subscription::State>> alive;
  {
    const std::lock_guard lock(state_->mutex);
    std::erase_if(state_->subscribers, [](const auto& weak) { return weak.expired(); });
    for (const auto& weak : state_->subscribers) {
      if (auto subscriber = weak.lock()) alive.push_back(std::move(subscriber));
    }
  }
  for (const auto& subscriber : alive) subscriber->raise();
}

Subscription Signal::subscribe() {
  auto subscriber = std::make_shared<Subscription::State>();
  const std::lock_guard lock(state_->mutex);
  state_->subscribers.push_back(subscriber);
  return Subscription(std::move(subscriber));
}

}  // namespace berth
