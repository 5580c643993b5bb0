#include <exception>
#include <mutex>
#include <openssl/rand.h>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/handler_times.hpp"
#include "berth/base/runtime.hpp"

#include "timed_executor.hpp"

namespace berth {

namespace {
constexpr int blocking_threads = 4;

std::mt19937_64 seeded_generator() {
  std::random_device device;
  std::seed_seq seed{device(), device(), device(), device()};
  return std::mt19937_64(seed);
}
}  // namespace

struct RealRuntime::Impl {
  explicit Impl(int thread_count) : threads(thread_count), io(thread_count) {}

  void run_one_thread();

  const int threads;
  asio::io_context io;
  HandlerTimes& times = asio::use_service<HandlerTimes>(io);
  asio::thread_pool blocking{blocking_threads};  // destroyed, and so joined, before `io`, to which its work reports
  std::mutex mutex;
  std::mt19937_64 generator = seeded_generator();  // guarded by `mutex`
  std::exception_ptr escaped;                      // guarded by `mutex`
};

void RealRuntime::Impl::run_one_thread() {
  try {
    io.run();
  } catch (...) {
    const std::lock_guard lock(mutex);
    if (!escaped) escaped = std::current_exception();
    io.stop();
  }
}

RealRuntime::RealRuntime(int threads) : impl_(std::make_unique<Impl>(threads)) {}
RealRuntime::~RealRuntime() = default;

asio::any_io_executor RealRuntime::executor() {
  return TimedExecutor(impl_->io.get_executor(), impl_->times);
}
asio::any_io_executor RealRuntime::blocking_executor() {
  return impl_->blocking.get_executor();
}

SteadyTime RealRuntime::now() const {
  return std::chrono::steady_clock::now();
}
WallTime RealRuntime::wall_now() const {
  return std::chrono::system_clock::now();
}

awaitable<void> RealRuntime::sleep_until(SteadyTime when) {
  asio::steady_timer timer(co_await asio::this_coro::executor, when);
  co_await timer.async_wait(asio::use_awaitable);
}

std::uint64_t RealRuntime::random() {
  const std::lock_guard lock(impl_->mutex);
  return impl_->generator();
}

void RealRuntime::secret_bytes(unsigned char* out, std::size_t size) {
  if (RAND_bytes(out, static_cast<int>(size)) != 1) throw std::runtime_error("OpenSSL has no random bytes");
}

void RealRuntime::run() {
  if (impl_->io.stopped()) impl_->io.restart();
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < impl_->threads; ++i) others.emplace_back([this] { impl_->run_one_thread(); });
    impl_->run_one_thread();
  }
  if (impl_->escaped) std::rethrow_exception(std::exchange(impl_->escaped, nullptr));
}

void RealRuntime::stop() {
  impl_->io.stop();
}

Duration take_longest_handler(Runtime& runtime) {
  return asio::use_service<HandlerTimes>(asio::query(runtime.executor(), asio::execution::context)).take_longest();
}

}  // namespace berth
