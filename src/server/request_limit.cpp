#include "request_limit.hpp"

#include <algorithm>
#include <prometheus/gauge.h>
#include <prometheus/summary.h>

#include "berth/base/seconds.hpp"

namespace berth {
namespace {

constexpr const char* kQueue = "api";

}  // namespace

struct RequestLimit::Waiting {
  Signal turn;
  bool admitted = false;  // under the limit's mutex
};

RequestLimit::RequestLimit(Runtime& runtime, Metrics& metrics, std::int64_t at_once, std::int64_t waiting)
    : runtime_(runtime),
      at_once_(at_once),
      most_waiting_(waiting),
      active_gauge_(
          metrics.gauge("arvados_concurrent_requests", "Requests that are being answered.", {{"queue", kQueue}})),
      queued_gauge_(metrics.gauge("arvados_queued_requests", "Requests that wait to be answered.",
                                  {{"queue", kQueue}, {"priority", "normal"}})),
      delay_(metrics.summary("arvados_queue_delay_seconds", "How long answered requests waited.",
                             {{"queue", kQueue}, {"priority", "normal"}})),
      timeout_(metrics.summary("arvados_queue_timeout_seconds", "How long requests waited that gave up.",
                               {{"queue", kQueue}, {"priority", "normal"}})) {
  for (const char* priority : {"low", "high"})
    metrics.gauge("arvados_queued_requests", "Requests that wait to be answered.",
                  {{"queue", kQueue}, {"priority", priority}});
  metrics
      .gauge("arvados_max_concurrent_requests", "Most requests answered at a time; 0: no limit.", {{"queue", kQueue}})
      .Set(static_cast<double>(at_once));
  metrics.gauge("arvados_max_queued_requests", "Most requests that wait.", {{"queue", kQueue}})
      .Set(static_cast<double>(waiting));
}

awaitable<RequestLimit::Slot> RequestLimit::enter() {
  const SteadyTime since = runtime_.now();
  auto waiting = std::make_shared<Waiting>();
  Subscription turn = waiting->turn.subscribe();
  {
    const std::lock_guard lock(mutex_);
    if (at_once_ == 0 || active_ < at_once_) {
      ++active_;
      show();
      co_return Slot(this);
    }
    if (static_cast<std::int64_t>(queue_.size()) >= most_waiting_) co_return Slot();
    queue_.push_back(waiting);
    show();
  }
  // Left by cancellation (the client is gone, or time is up) it gives its place back.
  struct Place {
    RequestLimit& limit;
    std::shared_ptr<Waiting> waiting;
    SteadyTime since;
    ~Place() {
      if (waiting) limit.give_up(waiting, since);
    }
  } place{*this, waiting, since};
  co_await turn.wait();
  place.waiting.reset();
  delay_.Observe(seconds(runtime_.now() - since));
  co_return Slot(this);
}

void RequestLimit::leave() {
  const std::lock_guard lock(mutex_);
  if (queue_.empty()) {
    --active_;
  } else {  // the slot goes to the first that waits
    queue_.front()->admitted = true;
    queue_.front()->turn.notify();
    queue_.pop_front();
  }
  show();
}

void RequestLimit::give_up(const std::shared_ptr<Waiting>& waiting, SteadyTime since) {
  timeout_.Observe(seconds(runtime_.now() - since));
  {
    const std::lock_guard lock(mutex_);
    if (!waiting->admitted) {
      queue_.erase(std::find(queue_.begin(), queue_.end(), waiting));
      return show();
    }
  }
  leave();
}

void RequestLimit::show() {
  active_gauge_.Set(static_cast<double>(active_));
  queued_gauge_.Set(static_cast<double>(queue_.size()));
}

}  // namespace berth
