#include <algorithm>
#include <map>
#include <random>
#include <stdexcept>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/runtime.hpp"

#include "waiter.hpp"

namespace berth {

namespace {
using namespace std::chrono_literals;

// Arbitrary, but not the epoch, which means "unset" in records, and with room below for "an hour ago".
constexpr SteadyTime first_moment{24h};
constexpr WallTime first_wall_moment{std::chrono::sys_days(std::chrono::year(2026) / 1 / 1)};
}  // namespace

struct SimRuntime::Impl {
  /// Deadline, then order of setting.
  using TimerKey = std::pair<SteadyTime, std::uint64_t>;

  explicit Impl(std::uint64_t seed) : generator(seed) {}
  ~Impl() { std::exchange(timers, {}).clear(); }

  template <class Handler>
  void set_timer(SteadyTime when, asio::any_io_executor executor, Handler handler);
  void cancel_timer(TimerKey key);
  bool fire_next(SteadyTime limit);
  void settle();

  asio::io_context io{1};
  SteadyTime now = first_moment;
  Duration wall_step{0};
  std::size_t settle_limit = 20'000'000;
  std::uint64_t timers_set = 0;
  std::map<TimerKey, Waiter> timers;
  std::mt19937_64 generator;
};

template <class Handler>
void SimRuntime::Impl::set_timer(SteadyTime when, asio::any_io_executor executor, Handler handler) {
  const TimerKey key(when, timers_set++);
  const auto it = timers.emplace(key, Waiter{std::move(executor), std::move(handler)}).first;
  // The slot of the erased handler, not of the original: constructing the former took over the latter.
  auto slot = asio::get_associated_cancellation_slot(it->second.handler);
  if (slot.is_connected()) slot.assign([this, key](asio::cancellation_type) { cancel_timer(key); });
}

void SimRuntime::Impl::cancel_timer(TimerKey key) {
  if (auto node = timers.extract(key)) resume(std::move(node.mapped()), asio::error::operation_aborted);
}

bool SimRuntime::Impl::fire_next(SteadyTime limit) {
  if (timers.empty() || timers.begin()->first.first > limit) return false;
  now = std::max(now, timers.begin()->first.first);
  auto node = timers.extract(timers.begin());
  resume(std::move(node.mapped()), {});
  return true;
}

void SimRuntime::Impl::settle() {
  if (io.stopped()) io.restart();
  for (std::size_t handlers = 0; io.poll_one() != 0; ++handlers) {
    if (handlers == settle_limit) throw std::logic_error("simulation: something runs without waiting");
  }
}

SimRuntime::SimRuntime(std::uint64_t seed) : impl_(std::make_unique<Impl>(seed)) {}
SimRuntime::~SimRuntime() = default;

asio::any_io_executor SimRuntime::executor() {
  return impl_->io.get_executor();
}
asio::any_io_executor SimRuntime::blocking_executor() {
  return executor();
}

SteadyTime SimRuntime::now() const {
  return impl_->now;
}
WallTime SimRuntime::wall_now() const {
  return first_wall_moment + (impl_->now - first_moment) + impl_->wall_step;
}

awaitable<void> SimRuntime::sleep_until(SteadyTime when) {
  if (when <= impl_->now) co_return co_await asio::post(asio::use_awaitable);
  const asio::any_io_executor executor = co_await asio::this_coro::executor;
  co_await asio::async_initiate<const asio::use_awaitable_t<>, void(boost::system::error_code)>(
      [impl = impl_.get(), when, executor](auto handler) { impl->set_timer(when, executor, std::move(handler)); },
      asio::use_awaitable);
}

std::uint64_t SimRuntime::random() {
  return impl_->generator();
}

void SimRuntime::secret_bytes(unsigned char* out, std::size_t size) {
  std::generate_n(out, size, [this] { return static_cast<unsigned char>(random()); });
}

void SimRuntime::run_for(Duration duration) {
  run_until([] { return false; }, duration);
}

void SimRuntime::settle() {
  impl_->settle();
}

void SimRuntime::set_settle_limit(std::size_t handlers) {
  impl_->settle_limit = handlers;
}

bool SimRuntime::run_until(const std::function<bool()>& done, Duration limit) {
  const SteadyTime end = impl_->now + limit;
  impl_->settle();
  while (!done()) {
    if (!impl_->fire_next(end)) {
      impl_->now = std::max(impl_->now, end);
      return done();
    }
    impl_->settle();
  }
  return true;
}

void SimRuntime::step_wall_clock(Duration by) {
  impl_->wall_step += by;
}
std::size_t SimRuntime::pending_timers() const {
  return impl_->timers.size();
}

}  // namespace berth
