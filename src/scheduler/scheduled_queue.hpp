#pragma once

#include <functional>
#include <memory>
#include <mutex>

#include "berth/scheduler/plan.hpp"
#include "berth/scheduler/scheduler.hpp"

#include "matched_queue.hpp"
#include "plan_input.hpp"

namespace berth {

/// The sorted queue as others see it. `plan` was made from `queue`.
ScheduledQueue scheduled_queue(const Plan& plan, const MatchedQueue& queue, const PlanInputBuilder& names);

/// A start that the pool refused: its container waits for the instance (facts §5.4).
void refuse_start(Plan& plan, const PlanStart& start, const PlanInput& input);

/// The sorted queue of one pass, worked out when it is first read: most passes are never looked at. Thread-safe.
class PublishedQueue {
 public:
  explicit PublishedQueue(std::function<ScheduledQueue()> make) : make_(std::move(make)) {}
  std::shared_ptr<const ScheduledQueue> read();

 private:
  std::once_flag made_;
  std::function<ScheduledQueue()> make_;
  std::shared_ptr<const ScheduledQueue> queue_;
};

}  // namespace berth
