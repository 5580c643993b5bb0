#include "session_lease.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>
#include <utility>

#include <boost/asio/post.hpp>

#include "berth/base/call_on.hpp"
#include "berth/base/deadline.hpp"
#include "berth/base/task_group.hpp"

#include "lock_machine.hpp"

namespace berth {
namespace {

constexpr std::int64_t kNotHeld = std::numeric_limits<std::int64_t>::min();

class LeaseLoop : public std::enable_shared_from_this<LeaseLoop> {
 public:
  LeaseLoop(Runtime& runtime, Logger log, std::unique_ptr<LockSession> session, BootClock clock)
      : runtime_(runtime),
        clock_(std::move(clock)),
        log_(std::move(log)),
        session_(std::move(session)),
        strand_(runtime.make_strand()),
        tasks_(strand_) {}

  /// A number that is read too late is that of a later term: so its validity is asked first.
  std::uint64_t term() const { return clock_().count() < valid_until_ ? terms_.load() : 0; }
  Signal& changed() { return changed_; }
  const asio::any_io_executor& strand() const { return strand_; }
  std::string detail() const {
    const std::lock_guard lock(mutex_);
    return detail_;
  }

  static awaitable<void> begin(std::shared_ptr<LeaseLoop> self) {
    if (self->tasks_.size() == 0) self->tasks_.spawn(run(self));
    co_return;
  }
  static awaitable<void> end(std::shared_ptr<LeaseLoop> self) {
    co_await self->tasks_.stop();
    self->session_->close();
    self->move_to(LockState{}, "given up");
  }

 private:
  LockTime now() const { return LockTime(clock_()); }

  static awaitable<void> run(std::shared_ptr<LeaseLoop> self) {
    for (;;) {
      const Duration left = std::max(self->state_.next, LockTime(Duration::zero())) - self->now();
      if (self->state_.stage == LockStage::apart) {
        co_await self->runtime_.sleep_for(left);
      } else if (auto alive = co_await self->session_->idle_for(left); !alive) {
        self->failed(alive.error());
        continue;
      }
      co_await self->step();
    }
  }

  awaitable<void> step() {
    switch (next_step(state_.stage)) {
      case LockStep::connect:
        return connect();
      case LockStep::try_lock:
        return try_lock();
      case LockStep::ping:
        return ping();
    }
    return connect();
  }

  awaitable<void> connect() {
    auto opened = co_await session_->open();
    if (!opened)
      failed(opened.error());
    else
      move_to(after_connect(state_, now()), "connected");
  }

  awaitable<void> try_lock() {
    const LockTime sent = now();
    auto locked = co_await with_deadline(runtime_, times_.answer_limit(), session_->try_lock());
    if (!locked) co_return failed(locked.error());
    const LockState next = after_try(state_, sent, *locked, times_);
    std::string words = "held";
    if (!*locked) {
      auto holder = co_await with_deadline(runtime_, times_.answer_limit(), session_->holder());
      if (!holder) co_return failed(holder.error());
      words = "held by another" + (holder->empty() ? std::string() : ": " + *holder);
    } else if (next.stage != LockStage::holding) {
      words = "locked; waiting until an earlier holder has surely stopped";
    }
    move_to(next, std::move(words));
  }

  awaitable<void> ping() {
    const LockTime sent = now();
    auto answered = co_await with_deadline(runtime_, times_.answer_limit(), session_->ping());
    if (!answered) co_return failed(answered.error());
    move_to(after_ping(state_, sent, times_), "held");
  }

  void failed(const Error& error) {
    const double chance = static_cast<double>(runtime_.random() >> 11) * 0x1p-53;
    move_to(after_failure(state_, now(), chance, times_), "PostgreSQL: " + error.message);
    session_->close();
  }

  /// The one place where the state changes: what others see, and the log, follow from it.
  void move_to(const LockState& next, std::string words) {
    const bool was_held = term() != 0;  // after a stall or a sleep the time may have run out without anyone being told
    const bool was_holding = state_.stage == LockStage::holding;
    const bool holds = next.stage == LockStage::holding;
    state_ = next;
    if (holds && !was_holding) ++terms_;  // as long as the session lives nobody else can have had it
    valid_until_ = holds ? next.valid_until.time_since_epoch().count() : kNotHeld;
    const bool news = set_detail(words);
    if (holds && !was_holding) {
      log_.info("dispatcher lock acquired: this dispatcher is active");
    } else if (was_holding && !holds && next.failures == 0) {
      log_.info("dispatcher lock given up");
    } else if (was_holding && !holds) {
      log_.warn("dispatcher lock lost: nothing is done until it is held again", {{"Reason", words}});
    } else if (news && !holds && next.stage == LockStage::apart && next.failures > 0) {
      log_.warn("no session for the dispatcher lock; trying again", {{"Reason", words}});
    } else if (news && next.stage == LockStage::waiting && words != "connected") {
      log_.info("waiting for the dispatcher lock", {{"Reason", words}});
    }
    if (holds != was_holding || (term() != 0) != was_held) changed_.notify();
  }

  /// Whether it says something new. The passing moment between connection and first answer is nothing to tell.
  bool set_detail(const std::string& words) {
    const std::lock_guard lock(mutex_);
    if (words == detail_ || words == "connected") return false;
    detail_ = words;
    return true;
  }

  Runtime& runtime_;
  const BootClock clock_;
  const Logger log_;
  const LockTimes times_;
  const std::unique_ptr<LockSession> session_;
  const asio::any_io_executor strand_;
  TaskGroup tasks_;
  LockState state_;
  std::atomic<std::int64_t> valid_until_ = kNotHeld;
  std::atomic<std::uint64_t> terms_ = 0;  // so far
  Signal changed_;
  mutable std::mutex mutex_;
  std::string detail_ = "not asked for yet";
};

class SessionLease final : public Lease {
 public:
  explicit SessionLease(std::shared_ptr<LeaseLoop> loop) : loop_(std::move(loop)) {}

  awaitable<Result<void>> acquire() override {
    auto changed = loop_->changed().subscribe();
    co_await call_on(loop_->strand(), LeaseLoop::begin(loop_));
    while (!held()) co_await changed.wait();
    co_return Result<void>{};
  }
  std::uint64_t term() const override { return loop_->term(); }
  Signal& changed() override { return loop_->changed(); }
  awaitable<void> release() override { return call_on(loop_->strand(), LeaseLoop::end(loop_)); }
  std::string detail() const override { return loop_->detail(); }

 private:
  const std::shared_ptr<LeaseLoop> loop_;
};

}  // namespace

std::unique_ptr<Lease> make_session_lease(Runtime& runtime, Logger log, std::unique_ptr<LockSession> session,
                                          BootClock clock) {
  return std::make_unique<SessionLease>(
      std::make_shared<LeaseLoop>(runtime, std::move(log), std::move(session), std::move(clock)));
}

}  // namespace berth
