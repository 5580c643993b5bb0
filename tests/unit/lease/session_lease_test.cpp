// The lease over a scripted session, in simulated time.
#include "session_lease.hpp"

#include <gtest/gtest.h>

#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// A PostgreSQL with one lock. Sessions come and go; a test makes it silent, drops it, or takes the lock away.
struct FakeDatabase {
  explicit FakeDatabase(SimRuntime& r) : runtime(r) {}
  SimRuntime& runtime;
  bool refuses = false;  ///< connections
  bool silent = false;   ///< nothing is answered
  Duration latency = 10ms;
  const void* owner = nullptr;  ///< session that has the lock
  bool another = false;         ///< the lock is another program's
  std::vector<SteadyTime> opens, tries, pings;
  Signal ended;  ///< every session is over

  void drop_sessions() {
    owner = nullptr;
    ended.notify();
  }
  awaitable<void> answer() {
    co_await runtime.sleep_for(latency);
    while (silent) co_await runtime.sleep_for(10ms);
  }
};

class FakeSession final : public LockSession {
 public:
  explicit FakeSession(FakeDatabase& database) : db_(database) {}

  awaitable<Result<void>> open() override {
    db_.opens.push_back(db_.runtime.now());
    co_await db_.runtime.sleep_for(db_.latency);
    if (db_.refuses) co_return fail(ErrorKind::network, "connection refused");
    ended_ = db_.ended.subscribe();
    co_return Result<void>{};
  }
  awaitable<Result<bool>> try_lock() override {
    db_.tries.push_back(db_.runtime.now());
    co_await db_.answer();
    if (!db_.another && !db_.owner) db_.owner = this;
    co_return db_.owner == this;
  }
  awaitable<Result<void>> ping() override {
    db_.pings.push_back(db_.runtime.now());
    co_await db_.answer();
    if (db_.owner != this) co_return fail(ErrorKind::network, "no such session");
    co_return Result<void>{};
  }
  awaitable<Result<std::string>> holder() override { co_return "client 10.0.0.7:1234"; }
  awaitable<Result<void>> idle_for(Duration duration) override {
    if (co_await ended_.wait_until(db_.runtime, db_.runtime.now() + duration))
      co_return fail(ErrorKind::network, "server closed");
    co_return Result<void>{};
  }
  void close() override {
    if (db_.owner == this) db_.owner = nullptr;
  }

 private:
  FakeDatabase& db_;
  Subscription ended_;
};

class SessionLease : public testing::Test {
 protected:
  SessionLease() : lease(another_lease()) {}
  ~SessionLease() override { run_on(runtime, lease->release()); }

  std::unique_ptr<Lease> another_lease() {
    return make_session_lease(runtime, sink->log(), std::make_unique<FakeSession>(database),
                              [this] { return runtime.now().time_since_epoch() + asleep; });
  }
  Duration since(SteadyTime start) const { return runtime.now() - start; }

  SimRuntime runtime;
  Duration asleep{0};  ///< how long the machine was suspended, which no timer and no other clock tells
  std::shared_ptr<LineSink> sink = make_line_sink();
  FakeDatabase database{runtime};
  std::unique_ptr<Lease> lease;
};

TEST_F(SessionLease, IsAcquiredAtOnceAndPingedEveryTwoSeconds) {
  const SteadyTime start = runtime.now();
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  EXPECT_TRUE(lease->held());
  EXPECT_LE(since(start), 50ms);
  runtime.run_for(20s);
  EXPECT_TRUE(lease->held());
  EXPECT_EQ(database.opens.size(), 1U);
  ASSERT_EQ(database.pings.size(), 10U) << "one each 2 s after the try";
  EXPECT_EQ(database.pings[1] - database.pings[0], 2s);
}

TEST_F(SessionLease, AStandbyTakesOverWithinTwoSecondsOfTheRelease) {
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  auto standby = another_lease();
  SimTask<Result<void>> acquiring(runtime, standby->acquire());
  runtime.run_for(1min);
  EXPECT_FALSE(acquiring.done());
  EXPECT_NE(standby->detail().find("10.0.0.7:1234"), std::string::npos) << standby->detail();
  run_on(runtime, lease->release());
  EXPECT_FALSE(lease->held());
  EXPECT_TRUE(runtime.run_until([&] { return acquiring.done(); }, 2s));
  EXPECT_TRUE(standby->held());
  run_on(runtime, standby->release());
}

TEST_F(SessionLease, ASilentServerEndsItFourSecondsAfterTheLastAnsweredRequest) {
  for (const Duration moment : {100ms, 1900ms, 2005ms, 3000ms}) {
    auto other = another_lease();
    ASSERT_TRUE(run_on(runtime, other->acquire()));
    const SteadyTime began = runtime.now();
    runtime.run_for(moment);
    database.silent = true;
    const SteadyTime cut = runtime.now();
    auto changed = other->changed().subscribe();
    run_on(runtime, changed.wait());
    EXPECT_FALSE(other->held());
    EXPECT_LE(since(cut), 4s);
    EXPECT_GE(since(cut), 1900ms) << "a hiccup of less than the answer's limit is nothing";
    EXPECT_LE(since(began), moment + 4s);
    database.silent = false;
    run_on(runtime, other->release());
  }
}

TEST_F(SessionLease, AShortSilenceIsNoLoss) {
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  auto changed = lease->changed().subscribe();
  for (int i = 0; i < 10; ++i) {
    database.silent = true;
    runtime.run_for(1800ms);
    database.silent = false;
    runtime.run_for(2200ms);
    EXPECT_TRUE(lease->held());
  }
  EXPECT_EQ(database.opens.size(), 1U);
  EXPECT_FALSE(run_on(runtime, changed.wait_until(runtime, runtime.now() + 1s))) << "nothing has changed";
}

TEST_F(SessionLease, AnEndedSessionIsNoticedAtOnceAndItComesBackWhenNobodyCanStillAct) {
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  runtime.run_for(5s);
  database.refuses = true;
  database.drop_sessions();
  runtime.settle();
  EXPECT_FALSE(lease->held());
  EXPECT_TRUE(sink->contains("lock lost"));
  runtime.run_for(30s);
  EXPECT_FALSE(lease->held());
  EXPECT_NE(lease->detail().find("connection refused"), std::string::npos) << lease->detail();
  EXPECT_GE(database.opens.size(), 12U);
  EXPECT_LE(database.opens.size(), 30U) << "with back-off";
  database.refuses = false;
  const SteadyTime back = runtime.now();
  EXPECT_TRUE(runtime.run_until([&] { return lease->held(); }, 10s));
  EXPECT_EQ(lease->term(), 2U) << "another may have had it";
  EXPECT_GE(since(back), 1500ms) << "an earlier holder acts on for up to 4 s after the last failure";
  EXPECT_LE(since(back), 7s);
}

TEST_F(SessionLease, NeverTwoHoldersWhateverHappens) {
  auto other = another_lease();
  SimTask<Result<void>> first(runtime, lease->acquire());
  SimTask<Result<void>> second(runtime, other->acquire());
  int held = 0;
  for (int i = 0; i < 3000; ++i) {
    runtime.run_for(std::chrono::milliseconds(runtime.random() % 2000));
    switch (runtime.random() % 12) {
      case 0:
        database.silent = !database.silent;
        break;
      case 1:
        database.refuses = !database.refuses;
        break;
      case 2:
        database.drop_sessions();
        break;
      case 3:
        database.another = !database.another;
        break;
      default:
        database.silent = database.refuses = database.another = false;
    }
    runtime.settle();
    ASSERT_FALSE(lease->held() && other->held()) << "step " << i;
    held += lease->held() || other->held() ? 1 : 0;
  }
  EXPECT_GT(held, 500) << "and it is held often enough for that to mean something";
  database.silent = false;
  run_on(runtime, other->release());
}

TEST_F(SessionLease, AStallEndsItBeforeAnythingHasRun) {
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  runtime.run_for(1s);
  database.latency = 1900ms;  // the ping of second 2 is answered just in time
  runtime.run_for(2800ms);
  EXPECT_TRUE(lease->held());
  database.silent = true;
  EXPECT_TRUE(runtime.run_until([&] { return !lease->held(); }, 5s));
}

TEST_F(SessionLease, SleepOfTheMachineEndsItUntilTheNextAnswer) {
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  runtime.run_for(5s);
  asleep += 3s;  // 1 s has passed since the last answered request
  EXPECT_FALSE(lease->held()) << "before anything has run in this process";
  const std::size_t pings = database.pings.size();
  EXPECT_TRUE(runtime.run_until([&] { return lease->held(); }, 2s)) << "the session lives, so the lock is still ours";
  EXPECT_EQ(lease->term(), 1U) << "nobody else has had it";
  EXPECT_GT(database.pings.size(), pings);
}

TEST_F(SessionLease, SleepWhileAnAnswerIsOnItsWayMakesItOld) {
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  database.latency = 500ms;
  const std::size_t pings = database.pings.size();
  ASSERT_TRUE(runtime.run_until([&] { return database.pings.size() > pings; }, 5s));
  asleep += 1h;
  runtime.run_for(600ms);
  EXPECT_FALSE(lease->held()) << "what was asked an hour ago says nothing about now";
  EXPECT_TRUE(runtime.run_until([&] { return lease->held(); }, 2s));
}

TEST_F(SessionLease, WhoSleptWhileAnotherTookTheLockDoesNothing) {
  ASSERT_TRUE(run_on(runtime, lease->acquire()));
  runtime.run_for(5s);
  auto standby = another_lease();
  database.drop_sessions();  // PostgreSQL has given the sleeper up, who has not heard of it
  asleep += 1min;
  EXPECT_FALSE(lease->held());
  ASSERT_TRUE(run_on(runtime, standby->acquire()));
  for (int i = 0; i < 200; ++i) {
    runtime.run_for(100ms);
    ASSERT_FALSE(lease->held());
  }
  run_on(runtime, standby->release());
}

TEST_F(SessionLease, AcquiringCanBeCancelledAndReleasedWhileOutOfReach) {
  database.refuses = true;
  {
    SimTask<Result<void>> acquiring(runtime, lease->acquire());
    runtime.run_for(10s);
    EXPECT_FALSE(acquiring.done());
    acquiring.cancel();
    runtime.settle();
    EXPECT_TRUE(acquiring.done());
  }
  run_on(runtime, lease->release());
  const std::size_t opens = database.opens.size();
  runtime.run_for(1min);
  EXPECT_EQ(database.opens.size(), opens);
  EXPECT_EQ(runtime.pending_timers(), 0U);
}

TEST_F(SessionLease, TheLogTellsOfChangesAlone) {
  database.another = true;
  SimTask<Result<void>> acquiring(runtime, lease->acquire());
  runtime.run_for(1min);
  EXPECT_LE(sink->lines().size(), 2U);
  EXPECT_TRUE(sink->contains("waiting for the dispatcher lock"));
  database.another = false;
  runtime.run_for(2s);
  EXPECT_TRUE(sink->contains("this dispatcher is active"));
  runtime.run_for(1min);
  EXPECT_LE(sink->lines().size(), 3U);
}

}  // namespace
}  // namespace berth
