#include "poller.hpp"

#include <algorithm>
#include <chrono>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/summary.h>
#include <utility>

#include "berth/base/seconds.hpp"

#include "lists.hpp"

namespace berth {

namespace {

using namespace std::chrono_literals;

constexpr Duration filter_retry = 10min;  // until a server that could not list by modification is asked to again
constexpr Duration backlog_pause = 100ms;
constexpr Duration least_doubt_distance = 5s;
constexpr Duration most_doubt_distance = 1min;
// So many new containers may be on their way before the sweep waits for them, or what was modified is left to it.
constexpr std::size_t max_sweep_backlog = 1000;
constexpr std::size_t most_arrivals = 5000;
constexpr std::size_t most_fetched_together = 1000;

// Whether the server does not understand, as opposed to being unable just now.
bool is_about_the_question(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::conflict:
    case ErrorKind::denied:
    case ErrorKind::not_found:
    case ErrorKind::failed:
    case ErrorKind::undecodable:
    case ErrorKind::type_mismatch:
      return true;
    default:
      return false;
  }
}

void add_arrivals(std::vector<Arrival>& out, const std::vector<const Container*>& records, Arrival::Origin origin) {
  for (const Container* record : records)
    if (record->unreadable.empty()) out.push_back({record->uuid, origin, record->locked_by_uuid});
}

}  // namespace

Poller::Poller(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, const QueueOptions& options,
               Cache& cache, FirstSight& first_sight, Changes& changes, const Exclusion& exclusion)
    : runtime_(runtime),
      log_(std::move(log)),
      poll_problem_(runtime, log_, "cannot update the container queue", "the container queue is up to date again"),
      sweep_problem_(runtime, log_, "cannot list the containers beyond the scheduling window",
                     "the containers beyond the scheduling window are listed again"),
      api_(api),
      options_(options),
      cache_(cache),
      first_sight_(first_sight),
      changes_(changes),
      exclusion_(exclusion),
      poll_seconds_(metrics.plain_summary("berth_queue_poll_seconds", "Duration of polls of the container queue.")),
      poll_failures_(metrics.counter("berth_queue_poll_failures_total", "Polls of the container queue that failed.")),
      poll_lag_(metrics.gauge("berth_queue_poll_lag_seconds",
                              "How late the last poll may have shown a change: from the start of the poll before it to "
                              "its end.")),
      sweep_seconds_(metrics.gauge("berth_queue_sweep_seconds",
                                   "Duration of the last whole list of the containers beyond the scheduling window.")),
      soon_(Signal().subscribe()),
      tail_appeared_(Signal().subscribe()),
      hurry_(Signal().subscribe()),
      doubted_(Signal().subscribe()) {}

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
    poll_problem_.worked();
    polled_ = true;
    poll_lag_.Set(seconds(runtime_.now() - last_poll_.value_or(started)));
    last_poll_ = started;
    cache_.set_updated(started);
    cache_.publish();
    co_return true;
  }
  poll_failures_.Increment();
  poll_problem_.failed(result.error());
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
    std::vector<Arrival> held;
    add_arrivals(held, merge.arrive_held, Arrival::Origin::held);
    auto settled = co_await first_sight_.settle_all(std::move(held));
    if (!settled) co_return settled;
  }
  window_complete_ = polled->window_complete;
  const PollMerge merge = merge_poll(cache_.known(), *polled, hands_off(watch));
  UuidSet to_come = polled->unreadable();
  for (const Container* record : merge.arrive_held) to_come.insert(record->uuid);
  cache_.set_to_come(std::move(to_come));
  apply(merge);
  changes_.set_newcomers_to_tail(!window_complete_);
  if (!window_complete_) {
    tail_appeared_.wake();
    co_await poll_tail();
  }
  co_return Result<void>{};
}

awaitable<void> Poller::poll_tail() {
  if (cannot_filter_until_ && runtime_.now() < *cannot_filter_until_) {
    hurry_sweeps();
    co_return;
  }
  auto looked = co_await look_for_changes();
  if (looked) {
    cannot_filter_until_.reset();
    co_return;
  }
  const bool cannot = is_about_the_question(looked.error().kind);
  log_.warn(cannot ? "the server cannot list containers by when they were modified: every poll lists all of them"
                   : "cannot list what was modified",
            {{"error", looked.error().message}});
  if (cannot) cannot_filter_until_ = runtime_.now() + filter_retry;
  hurry_sweeps();
}

awaitable<Result<void>> Poller::look_for_changes() {
  const WallTime now = runtime_.wall_now();
  const SteadyTime asked = runtime_.now();
  if (!containers_since_) {
    requests_since_ = {now - modified_look_back};
    containers_since_ = requests_since_;
  }
  UuidSet changed;
  auto containers = co_await look_for_changes_of(ModifiedQuery::Of::containers, containers_since_->since, changed);
  if (!containers) co_return fail(containers.error());
  auto requests = co_await look_for_changes_of(ModifiedQuery::Of::requests, requests_since_.since, changed);
  if (!requests) co_return fail(requests.error());
  auto fetched = co_await changes_.fetch(std::move(changed));
  if (!fetched) co_return fetched;
  containers_since_ = after_list(*containers_since_, *containers, now, asked);
  requests_since_ = after_list(requests_since_, *requests, now, asked);
  co_return Result<void>{};
}

awaitable<Result<std::optional<WallTime>>> Poller::look_for_changes_of(ModifiedQuery::Of of, WallTime since,
                                                                       UuidSet& changed) {
  ModifiedQuery query;
  query.of = of;
  query.since = since;
  query.limit = options_.page_size;
  std::optional<WallTime> newest;
  for (;;) {
    auto page = co_await api_.list_modified(query);
    if (!page) co_return fail(page.error());
    if (page->empty()) co_return newest;
    if (query.after.empty()) newest = std::ranges::max_element(*page, {}, &ModifiedRecord::modified_at)->modified_at;
    query.after = page->back().uuid;
    for (const ModifiedRecord& record : *page) choose_for_fetch(of, record, changed);
    if (changed.size() < most_fetched_together) continue;
    auto fetched = co_await changes_.fetch(std::exchange(changed, {}));
    if (!fetched) co_return fail(fetched.error());
  }
}

// The core is listed anyhow. A request tells of a container that had priority 0 and was unknown, too. Those that are
// more than may be on their way are left to the sweep.
void Poller::choose_for_fetch(ModifiedQuery::Of of, const ModifiedRecord& record, UuidSet& out) {
  const bool request = of == ModifiedQuery::Of::requests;
  const std::string& uuid = request ? record.container_uuid : record.uuid;
  if (uuid.empty()) return;
  if (cache_.known().tail.contains(uuid)) {
    out.insert(uuid);
  } else if ((request || record.waiting) && !cache_.entries().contains(uuid) && !first_sight_.is_in_backlog(uuid)) {
    if (first_sight_.backlog() + out.size() < most_arrivals)
      out.insert(uuid);
    else if (hurried_sweeps_ < 2)
      hurry_sweeps();
  }
}

awaitable<void> Poller::doubt_loop() {
  Duration distance = least_doubt_distance;
  for (;;) {
    co_await doubted_.wait();
    hurry_sweeps();
    soon_.wake();
    const SteadyTime next = runtime_.now() + distance;
    co_await runtime_.sleep_until(next);
    const bool again = co_await doubted_.wait_until(runtime_, next);
    distance = again ? std::min(distance * 2, most_doubt_distance) : least_doubt_distance;
    if (again) doubted_.wake();
  }
}

void Poller::hurry_sweeps() {
  hurried_sweeps_ = swept_.empty() ? 1 : 2;
  hurry_.wake();
}

awaitable<Result<PolledRecords>> Poller::fetch() {
  if (!token_uuid_) {
    auto uuid = co_await api_.current_token_uuid();
    if (!uuid) co_return fail(uuid.error());
    token_uuid_ = std::move(*uuid);
  }
  PolledRecords out;
  auto held = co_await list_held(out);
  if (!held) co_return fail(held.error());
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

awaitable<Result<void>> Poller::list_held(PolledRecords& out) {
  std::vector<std::string> unknown;
  std::string after;
  for (;;) {
    auto page = co_await list_held_page(api_, *token_uuid_, after, options_.page_size);
    if (!page) co_return fail(page.error());
    if (page->empty()) break;
    const std::string before = std::exchange(after, page->back().uuid);
    merge_held_page(cache_.known(), before, std::move(*page), out, unknown);
  }
  auto whole = co_await list_by_uuid(api_, std::move(unknown));
  if (!whole) co_return fail(whole.error());
  for (auto& [uuid, record] : whole->records) record.locked_by_uuid = *token_uuid_;
  out.held.merge(whole->records);
  co_return Result<void>{};
}

UuidSet Poller::hands_off(const Cache::Watch& watch) const {
  UuidSet out = watch.changed();
  out.insert(exclusion_.busy().begin(), exclusion_.busy().end());
  return out;
}

void Poller::apply(const PollMerge& merge) {
  for (const std::string& uuid : merge.drop) cache_.drop(uuid);
  for (const Container* record : merge.update) cache_.update(*record);
  for (const Container* record : merge.update_state) cache_.update_state(*record);
  for (const std::string& uuid : merge.enter_tail) cache_.enter_tail(uuid);
  for (const std::string& uuid : merge.leave_tail) cache_.leave_tail(uuid);
  std::vector<Arrival> arrivals;
  add_arrivals(arrivals, merge.arrive_held, Arrival::Origin::held);
  add_arrivals(arrivals, merge.arrive, Arrival::Origin::window);
  first_sight_.add(std::move(arrivals));
}

awaitable<void> Poller::sweep_loop() {
  for (;;) {
    while (window_complete_) {
      swept_.clear();
      containers_since_.reset();
      hurried_sweeps_ = 1;  // what comes is a tail that nobody has listed
      co_await tail_appeared_.wait();
    }
    const SteadyTime started = runtime_.now();
    const bool hurried = hurried_sweeps_ > 0;
    if (first_sight_.backlog() >= max_sweep_backlog) {
      co_await runtime_.sleep_for(backlog_pause);
    } else if (!co_await sweep_page()) {
      co_await runtime_.sleep_until(started + options_.poll_interval);
    } else if (!hurried) {
      const Duration pause =
          page_pause(cache_.known().tail.size(), last_page_, options_.tail_sweep_time, options_.tail_page_interval);
      co_await hurry_.wait_until(runtime_, started + pause);
    }
  }
}

awaitable<bool> Poller::sweep_page() {
  const SteadyTime asked = runtime_.now();
  const Cache::Watch watch(cache_);
  auto page = co_await list_tail_page(api_, swept_, options_.page_size);
  if (!page) {
    sweep_problem_.failed(page.error());
    co_return false;
  }
  sweep_problem_.worked();
  apply(merge_tail_page(cache_.known(), swept_, *page, hands_off(watch)));
  if (swept_.empty()) sweep_began_ = asked;
  if (!page->empty()) {
    last_page_ = page->size();
    swept_ = page->back().uuid;
    co_return true;
  }
  swept_.clear();
  sweep_seconds_.Set(seconds(runtime_.now() - sweep_began_));
  hurried_sweeps_ = std::max(hurried_sweeps_ - 1, 0);
  co_return true;
}

void Poller::apply(const TailMerge& merge) {
  for (const std::string& uuid : merge.drop) cache_.drop(uuid);
  for (const Container* record : merge.update_state) cache_.update_state(*record);
  std::vector<Arrival> arrivals;
  add_arrivals(arrivals, merge.arrive, Arrival::Origin::tail);
  first_sight_.add(std::move(arrivals));
  if (!merge.drop.empty() || !merge.update_state.empty()) cache_.publish();
}

}  // namespace berth
