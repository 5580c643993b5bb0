#include "poller.hpp"

#include <algorithm>
#include <chrono>
#include <prometheus/counter.h>
#include <prometheus/summary.h>
#include <utility>

#include "lists.hpp"

namespace berth {

namespace {

using namespace std::chrono_literals;

// So many new containers may be on their way before the sweep waits for them.
constexpr std::size_t max_sweep_backlog = 1000;

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

}  // namespace

Poller::Poller(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, const QueueOptions& options,
               Cache& cache, FirstSight& first_sight, const Exclusion& exclusion)
    : runtime_(runtime),
      log_(std::move(log)),
      api_(api),
      options_(options),
      cache_(cache),
      first_sight_(first_sight),
      exclusion_(exclusion),
      poll_seconds_(metrics.plain_summary("berth_queue_poll_seconds", "Duration of polls of the container queue.")),
      poll_failures_(metrics.counter("berth_queue_poll_failures_total", "Polls of the container queue that failed.")),
      soon_(Signal().subscribe()),
      tail_appeared_(Signal().subscribe()) {}

awaitable<void> Poller::poll_loop() {
  const Duration retry = std::max<Duration>(1s, options_.poll_interval / 10);
  while (!co_await poll()) co_await soon_.wait_until(runtime_, runtime_.now() + retry);
  for (;;) {
    const SteadyTime started = runtime_.now();
    co_await poll();
    const Duration took = runtime_.now() - started;
    co_await soon_.wait_until(runtime_, started + std::max(options_.poll_interval, took));
  }
}

awaitable<bool> Poller::poll() {
  const SteadyTime started = runtime_.now();
  const auto result = co_await poll_once();
  poll_seconds_.Observe(seconds(runtime_.now() - started));
  if (result) {
    polled_ = true;
    cache_.set_updated(started);
    cache_.publish();
    co_return true;
  }
  poll_failures_.Increment();
  log_.warn("cannot update the container queue", {{"error", result.error().message}});
  co_return false;
}

awaitable<Result<void>> Poller::poll_once() {
  const Cache::Watch watch(cache_);
  auto polled = co_await fetch();
  if (!polled) co_return fail(polled.error());
  // Until the first success nothing of ours may be unknown: a process on a worker whose container is not in the queue
  // would be killed.
  if (!polled_) {
    const PollMerge merge = merge_poll(cache_.known(), *polled, hands_off(watch));
    auto settled = co_await first_sight_.settle_all(merge.arrive_held);
    if (!settled) co_return settled;
  }
  window_complete_ = polled->window_complete;
  cache_.set_unreadable(polled->unreadable());
  apply(merge_poll(cache_.known(), *polled, hands_off(watch)));
  if (!window_complete_) tail_appeared_.wake();
  co_return Result<void>{};
}

awaitable<Result<PolledRecords>> Poller::fetch() {
  if (!token_uuid_) {
    auto uuid = co_await api_.current_token_uuid();
    if (!uuid) co_return fail(uuid.error());
    token_uuid_ = std::move(*uuid);
  }
  PolledRecords out;
  auto held = co_await list_held(api_, *token_uuid_, options_.page_size);
  if (!held) co_return fail(held.error());
  out.held = std::move(*held);
  auto window = co_await list_window(api_, options_.window, options_.page_size);
  if (!window) co_return fail(window.error());
  out.window = std::move(window->records);
  out.window_complete = window->complete;
  auto missing = co_await list_missing(api_, missing_uuids(cache_.known(), out));
  if (!missing) co_return fail(missing.error());
  out.missing = std::move(missing->records);
  for (const std::string& uuid : missing->deleted)
    log_.warn("container is gone from the database", {{"ContainerUUID", uuid}});
  co_return out;
}

UuidSet Poller::hands_off(const Cache::Watch& watch) const {
  UuidSet out = watch.changed();
  out.insert(exclusion_.busy().begin(), exclusion_.busy().end());
  return out;
}

void Poller::apply(const PollMerge& merge) {
  for (const std::string& uuid : merge.drop) cache_.drop(uuid);
  for (const Container& record : merge.update) cache_.update(record);
  for (const std::string& uuid : merge.enter_tail) cache_.enter_tail(uuid);
  for (const std::string& uuid : merge.leave_tail) cache_.leave_tail(uuid);
  std::vector<Arrival> arrivals;
  for (const Container& record : merge.arrive_held) arrivals.push_back({record, Arrival::Origin::held});
  for (const Container& record : merge.arrive) arrivals.push_back({record, Arrival::Origin::window});
  first_sight_.add(std::move(arrivals));
}

awaitable<void> Poller::sweep_loop() {
  for (;;) {
    while (window_complete_) {
      swept_.clear();
      co_await tail_appeared_.wait();
    }
    const SteadyTime started = runtime_.now();
    bool fine = true;
    if (first_sight_.backlog() < max_sweep_backlog) fine = co_await sweep_page();
    co_await runtime_.sleep_until(started + (fine ? options_.tail_page_interval : options_.poll_interval));
  }
}

awaitable<bool> Poller::sweep_page() {
  const Cache::Watch watch(cache_);
  auto page = co_await list_tail_page(api_, swept_, options_.page_size);
  if (!page) {
    log_.warn("cannot list the containers beyond the scheduling window", {{"error", page.error().message}});
    co_return false;
  }
  apply(merge_tail_page(cache_.known(), swept_, *page, hands_off(watch)));
  swept_ = page->empty() ? std::string() : page->back().uuid;
  co_return true;
}

void Poller::apply(const TailMerge& merge) {
  for (const std::string& uuid : merge.drop) cache_.drop(uuid);
  for (const Container& record : merge.update) cache_.update(record);
  std::vector<Arrival> arrivals;
  for (const Container& record : merge.arrive) arrivals.push_back({record, Arrival::Origin::tail});
  first_sight_.add(std::move(arrivals));
  if (!merge.drop.empty() || !merge.update.empty()) cache_.publish();
}

}  // namespace berth
