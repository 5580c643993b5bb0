#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "berth/base/asio.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// Time, chance and threads, handed to everything that needs them. Nothing outside src/base calls a clock, sleeps or
/// draws a random number itself, so that the whole daemon also runs in simulated time, one seed = one history.
///
/// Cancellation (of a task in a TaskGroup, or by with_deadline) reaches a waiting coroutine as
/// boost::system::system_error with asio::error::operation_aborted; everything else that is expected to fail is a
/// Result.
class Runtime {
 public:
  virtual ~Runtime() = default;

  /// The event loop. Several threads may run it: own your state on a strand.
  virtual asio::any_io_executor executor() = 0;
  asio::any_io_executor make_strand();
  /// Where calls go that may block: files, SQLite, DNS. See run_blocking in base/blocking.hpp.
  virtual asio::any_io_executor blocking_executor() = 0;

  virtual SteadyTime now() const = 0;
  virtual WallTime wall_now() const = 0;
  /// Waits on the caller's executor until `when`; returns at once if that has passed.
  virtual awaitable<void> sleep_until(SteadyTime when) = 0;
  awaitable<void> sleep_for(Duration duration);

  /// 64 random bits, thread-safe. Not for secrets.
  virtual std::uint64_t random() = 0;
  /// Random bytes fit for secrets (reproducible in simulation).
  virtual void secret_bytes(unsigned char* out, std::size_t size) = 0;
  /// Uniform in [0, bound).
  Duration random_below(Duration bound);
};

/// Real time: an io_context run by `threads` threads.
class RealRuntime final : public Runtime {
 public:
  explicit RealRuntime(int threads = 2);
  ~RealRuntime() override;
  asio::any_io_executor executor() override;
  asio::any_io_executor blocking_executor() override;
  SteadyTime now() const override;
  WallTime wall_now() const override;
  awaitable<void> sleep_until(SteadyTime when) override;
  std::uint64_t random() override;
  void secret_bytes(unsigned char* out, std::size_t size) override;

  /// Runs the loop on `threads` threads, this one included, until stop() or until it runs out of work.
  /// Rethrows the first exception that escapes a handler, after stopping the loop.
  void run();
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Simulated time in one thread: when nothing is left to run, time jumps to the earliest timer. Timers of the same
/// moment fire in the order in which they were set.
class SimRuntime final : public Runtime {
 public:
  explicit SimRuntime(std::uint64_t seed = 1);
  ~SimRuntime() override;
  asio::any_io_executor executor() override;
  asio::any_io_executor blocking_executor() override;
  SteadyTime now() const override;
  WallTime wall_now() const override;
  awaitable<void> sleep_until(SteadyTime when) override;
  std::uint64_t random() override;
  void secret_bytes(unsigned char* out, std::size_t size) override;

  /// Runs everything that is due within `duration` of simulated time.
  void run_for(Duration duration);
  /// Runs what is ready now, without moving time. Throws std::logic_error if that takes more handlers than the limit:
  /// something loops without ever waiting.
  void settle();
  /// 20,000,000 unless set.
  void set_settle_limit(std::size_t handlers);
  /// Runs until `done` holds (checked whenever nothing is ready) or `limit` of simulated time passed; says which.
  bool run_until(const std::function<bool()>& done, Duration limit);
  /// Moves wall time alone, as an administrator or NTP may.
  void step_wall_clock(Duration by);
  /// Timers set and not yet fired.
  std::size_t pending_timers() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace berth
