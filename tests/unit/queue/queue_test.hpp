#pragma once

#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>

#include "berth/base/metrics.hpp"
#include "berth/queue/container_queue.hpp"

#include "fake_container_api.hpp"
#include "sim_test.hpp"

namespace berth {

/// A queue over a fake API, in simulated time.
class QueueTest : public testing::Test {
 protected:
  QueueTest() {
    InstanceType type;
    type.name = "small";
    type.vcpus = 4;
    type.ram = 16'000'000'000;
    type.included_scratch = 100'000'000'000;
    options_.instance_types = {{type.name, type}};
  }

  // Stopping leaves no task and no timer.
  ~QueueTest() override {
    if (queue_) run_on(runtime_, queue_->stop());
    runtime_.settle();
    EXPECT_EQ(runtime_.pending_timers(), 0);
  }

  void start() {
    queue_ = std::make_unique<ContainerQueue>(runtime_, sink_->log(), metrics_, api_, options_);
    queue_->start();
  }
  /// Starts, and waits until all first sights are through and the second poll, which follows at once, is over.
  void start_and_load(std::size_t entries) {
    start();
    ASSERT_TRUE(runtime_.run_until([&] { return queue_->snapshot()->entries.size() == entries && updated(); },
                                   std::chrono::minutes(5)));
    runtime_.run_for(std::chrono::seconds(5));
  }
  std::optional<SteadyTime> updated() const { return queue_->snapshot()->updated; }
  /// Runs until a poll that starts from now on has succeeded.
  void run_next_poll() {
    const SteadyTime now = runtime_.now();
    const auto before = updated();
    const auto done = [&] { return updated() != before && *updated() >= now; };
    ASSERT_TRUE(runtime_.run_until(done, std::chrono::minutes(5)));
    runtime_.settle();
  }
  const QueueEntry* entry(int number) const { return queue_->snapshot()->entries.find(FakeContainerApi::uuid(number)); }
  /// `Queued 5`, or `-` if it is not in the cache.
  std::string seen(int number) const {
    const auto snapshot = queue_->snapshot();
    const QueueEntry* found = snapshot->entries.find(FakeContainerApi::uuid(number));
    if (!found) return "-";
    return std::string(to_string(found->container.state)) + " " + std::to_string(found->container.priority);
  }
  Result<void> lock(int number) { return run_on(runtime_, queue_->lock(FakeContainerApi::uuid(number))); }
  Result<void> unlock(int number) { return run_on(runtime_, queue_->unlock(FakeContainerApi::uuid(number))); }
  Result<void> cancel(int number) {
    return run_on(runtime_, queue_->cancel(FakeContainerApi::uuid(number), "lost", [] { return true; }));
  }

  SimRuntime runtime_;
  std::shared_ptr<LineSink> sink_ = make_line_sink();
  Metrics metrics_;
  FakeContainerApi api_{runtime_};
  QueueOptions options_;
  std::unique_ptr<ContainerQueue> queue_;
};

}  // namespace berth
