// The stages of a daemon's life.
#include <gtest/gtest.h>
#include <optional>

#include <boost/asio/co_spawn.hpp>

#include "daemon.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// Keeps what was asked of it.
class FakeDaemon final : public Daemon {
 public:
  explicit FakeDaemon(Runtime& runtime) : runtime_(runtime) {}

  awaitable<Result<void>> prepare() override {
    calls += "prepare ";
    co_return prepared;
  }
  awaitable<Result<void>> activate() override {
    calls += "activate ";
    co_await runtime_.sleep_for(activation);
    calls += "active ";
    co_return activated;
  }
  awaitable<void> watch() override {
    fed = true;
    co_await runtime_.sleep_for(24h * 365);
  }
  Result<void> reload_certificate() override {
    calls += "reload ";
    return fail(ErrorKind::failed, "no such file");
  }
  awaitable<void> stop() override {
    calls += "stop";
    co_await runtime_.sleep_for(stopping);
  }

  std::string calls;
  bool fed = false;
  Result<void> prepared;
  Result<void> activated;
  Duration activation = 1s;
  Duration stopping = 1s;

 private:
  Runtime& runtime_;
};

class RunUntilSignal : public testing::Test {
 protected:
  void start() {
    asio::co_spawn(runtime_.make_strand(), run_until_signal(runtime_, Logger(), signals_, daemon_),
                   [this](const std::exception_ptr& error, Result<void> result) {
                     ASSERT_FALSE(error);
                     outcome_ = std::move(result);
                   });
    runtime_.settle();
  }

  SimRuntime runtime_;
  ProcessSignals signals_{runtime_};
  FakeDaemon daemon_{runtime_};
  std::optional<Result<void>> outcome_;
};

TEST_F(RunUntilSignal, EndsWhenItIsTold) {
  start();
  runtime_.run_for(10min);
  EXPECT_EQ(daemon_.calls, "prepare activate active ");
  EXPECT_TRUE(daemon_.fed);
  EXPECT_FALSE(outcome_);
  signals_.end();
  runtime_.run_for(2s);
  EXPECT_EQ(daemon_.calls, "prepare activate active stop");
  ASSERT_TRUE(outcome_);
  EXPECT_TRUE(*outcome_);
}

TEST_F(RunUntilSignal, ASignalDuringStartUpIsNotLost) {
  signals_.end();
  start();
  runtime_.run_for(2s);
  EXPECT_EQ(daemon_.calls, "prepare activate stop");
  ASSERT_TRUE(outcome_);
  EXPECT_TRUE(*outcome_);
}

TEST_F(RunUntilSignal, EndsWhileItWaitsForTheLock) {
  daemon_.activation = 24h * 365;
  start();
  runtime_.run_for(1min);
  signals_.end();
  runtime_.run_for(2s);
  EXPECT_EQ(daemon_.calls, "prepare activate stop");
  EXPECT_TRUE(outcome_ && *outcome_);
}

TEST_F(RunUntilSignal, WhatFailsIsReportedAndStopped) {
  daemon_.prepared = fail(ErrorKind::failed, "no address");
  start();
  runtime_.run_for(2s);
  EXPECT_EQ(daemon_.calls, "prepare stop");
  ASSERT_TRUE(outcome_ && !*outcome_);
  EXPECT_EQ(outcome_->error().message, "no address");
}

TEST_F(RunUntilSignal, ALockThatCanNeverBeHadEndsIt) {
  daemon_.activated = fail(ErrorKind::denied, "no right to lock");
  start();
  runtime_.run_for(3s);
  EXPECT_EQ(daemon_.calls, "prepare activate active stop");
  ASSERT_TRUE(outcome_ && !*outcome_);
  EXPECT_EQ(outcome_->error().message, "no right to lock");
}

TEST_F(RunUntilSignal, CertificatesAreReadEveryHourEvenWhileWaiting) {
  daemon_.activation = 24h;
  start();
  runtime_.run_for(150min);
  EXPECT_EQ(daemon_.calls, "prepare activate reload reload ");
  signals_.end();
  runtime_.run_for(2s);
  EXPECT_TRUE(outcome_);
}

TEST(RunUntilSignalDeathTest, PartsThatDoNotStopAreLeft) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(
      {
        SimRuntime runtime;
        ProcessSignals signals(runtime);
        FakeDaemon daemon(runtime);
        daemon.stopping = 1h;
        signals.end();
        asio::co_spawn(runtime.make_strand(), run_until_signal(runtime, Logger(), signals, daemon),
                       [](const std::exception_ptr&, Result<void>) {});
        runtime.run_for(10s);
      },
      testing::ExitedWithCode(1), "not every part has stopped in time");
}

}  // namespace
}  // namespace berth
