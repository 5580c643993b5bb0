#include "changes.hpp"

#include <algorithm>
#include <chrono>
#include <prometheus/counter.h>
#include <prometheus/summary.h>
#include <utility>

#include "lists.hpp"

namespace berth {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t max_hints = 10'000;
constexpr Duration batch_time = 2ms;    // so much news may come together
constexpr Duration busy_retry = 20ms;   // what changes from here just now is looked at after that
constexpr Duration failure_retry = 1s;  // a poll may come first
constexpr Duration longest_vain_pause = 200ms;

}  // namespace

Changes::Changes(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, Cache& cache,
                 FirstSight& first_sight, const Canceller& canceller, const Exclusion& exclusion,
                 prometheus::Summary& news_seconds, std::function<void()> on_doubt)
    : runtime_(runtime),
      problem_(runtime, std::move(log), "cannot look at what changed", "what changed can be looked at again"),
      api_(api),
      cache_(cache),
      first_sight_(first_sight),
      canceller_(canceller),
      exclusion_(exclusion),
      on_doubt_(std::move(on_doubt)),
      looked_at_(metrics.counter("berth_queue_news_total",
                                 "Changes that the queue was told of: fetched, or known already.",
                                 {{"outcome", "fetched"}})),
      nothing_new_(metrics.counter("berth_queue_news_total",
                                   "Changes that the queue was told of: fetched, or known already.",
                                   {{"outcome", "known"}})),
      overflows_(
          metrics.counter("berth_queue_news_overflows_total",
                          "Times that more changes were told than are kept, so that the queue was polled instead.")),
      seconds_(news_seconds),
      hints_(max_hints),
      vain_(longest_vain_pause) {}

awaitable<void> Changes::look_loop() {
  for (;;) {
    co_await hints_.wait();
    co_await runtime_.sleep_for(batch_time);
    if (hints_.take_overflow()) doubt();
    const Hints::Map hints = hints_.take();
    Sorted sorted = sort(hints);
    const bool busy = !sorted.later.empty();
    if (busy) hints_.put_back(sorted.later);
    looks_ = news_ = 0;
    auto looked = co_await look_at(std::move(sorted));
    if (looked) {
      problem_.worked();
      if (looks_ > 0)
        if (const Duration pause = vain_.after(1, news_ > 0 ? 0 : 1); pause > Duration{})
          co_await runtime_.sleep_for(pause);
    } else {
      problem_.failed(looked.error());
      hints_.put_back(hints);
      co_await runtime_.sleep_for(failure_retry);
    }
    if (busy) co_await runtime_.sleep_for(busy_retry);
    if (busy || !looked) hints_.wake();
  }
}

void Changes::doubt() {
  overflows_.Increment();
  on_doubt_();
}

Changes::Sorted Changes::sort(const Hints::Map& hints) {
  Sorted out;
  for (const auto& [uuid, hint] : hints) {
    const bool changing = exclusion_.busy().contains(uuid) || first_sight_.is_arriving(uuid);
    if (!is_container_uuid(uuid)) {
      out.requests.emplace(uuid, hint.since);
    } else if (changing) {
      out.later.emplace(uuid, hint);
    } else if (says_nothing_new(uuid, hint)) {
      nothing_new_.Increment();
    } else {
      looked_at_.Increment();
      out.containers.emplace(uuid, hint.since);
    }
  }
  return out;
}

bool Changes::says_nothing_new(const std::string& uuid, const Hints::Hint& hint) const {
  if (canceller_.contains(uuid) || first_sight_.was_unknown(uuid)) return true;
  const QueueEntry* known = cache_.entries().find(uuid);
  if (hint.ended && known && !is_final(known->container.state)) return false;
  if (!hint.changed) return true;
  if (!hint.state) return false;
  return known ? known->container.state == *hint.state : *hint.state != ContainerState::queued;
}

awaitable<Result<void>> Changes::look_at(Sorted sorted) {
  auto fetched = co_await fetch_all(sorted.containers);
  if (!fetched || sorted.requests.empty()) co_return fetched;
  auto theirs = co_await containers_of(sorted.requests);
  if (!theirs) co_return fail(theirs.error());
  for (const auto& [uuid, told_at] : sorted.containers) theirs->erase(uuid);
  co_return co_await fetch_all(std::move(*theirs));
}

awaitable<Result<Changes::Told>> Changes::containers_of(const Told& requests) {
  Told out;
  for (auto next = requests.begin(); next != requests.end();) {
    ModifiedQuery query;
    query.of = ModifiedQuery::Of::requests;
    query.limit = static_cast<std::int64_t>(fetch_batch);
    for (; next != requests.end() && query.uuids.size() < fetch_batch; ++next) query.uuids.push_back(next->first);
    ++looks_;
    auto records = co_await api_.list_modified(std::move(query));
    if (!records) co_return fail(records.error());
    for (const ModifiedRecord& record : *records)
      if (const auto told = requests.find(record.uuid); told != requests.end() && !record.container_uuid.empty())
        out.emplace(record.container_uuid, told->second);
  }
  co_return out;
}

awaitable<Result<void>> Changes::fetch(UuidSet containers) {
  Told all;
  for (const std::string& uuid : containers) all.emplace(uuid, std::nullopt);
  co_return co_await fetch_all(std::move(all));
}

awaitable<Result<void>> Changes::fetch_all(Told containers) {
  std::vector<std::string> known;
  std::vector<Arrival> unknown;
  for (const auto& [uuid, told_at] : containers) {
    if (cache_.entries().find(uuid))
      known.push_back(uuid);
    else
      unknown.push_back({.uuid = uuid, .told_at = told_at});
  }
  add_unknown(std::move(unknown));
  if (known.empty()) co_return Result<void>{};
  auto fetched = co_await fetch_known(known);
  if (!fetched) co_return fetched;
  for (const std::string& uuid : known)
    if (const auto& told_at = containers.at(uuid))
      seconds_.Observe(std::chrono::duration<double>(runtime_.now() - *told_at).count());
  co_return fetched;
}

void Changes::add_unknown(std::vector<Arrival> arrivals) {
  if (!first_sight_.told_in_vain()) news_ += arrivals.size();
  for (Arrival& arrival : arrivals)
    arrival.origin = newcomers_to_tail_ ? Arrival::Origin::tail : Arrival::Origin::window;
  std::ranges::stable_sort(arrivals, {}, &Arrival::told_at);
  if (!first_sight_.add(std::move(arrivals))) doubt();
}

awaitable<Result<void>> Changes::fetch_known(std::vector<std::string> uuids) {
  for (std::size_t next = 0; next < uuids.size(); next += fetch_batch) {
    const auto begin = uuids.begin() + static_cast<std::ptrdiff_t>(next);
    const auto end = begin + static_cast<std::ptrdiff_t>(std::min(fetch_batch, uuids.size() - next));
    auto fetched = co_await fetch_batch_of_known(std::vector(begin, end));
    if (!fetched) co_return fetched;
  }
  co_return Result<void>{};
}

awaitable<Result<void>> Changes::fetch_batch_of_known(std::vector<std::string> uuids) {
  const Cache::Watch watch(cache_);
  ++looks_;
  auto found = co_await list_by_uuid(api_, uuids);
  if (!found) co_return fail(found.error());
  const std::size_t changed_meanwhile = watch.changed().size();
  UuidSet hands_off = watch.changed();
  hands_off.insert(exclusion_.busy().begin(), exclusion_.busy().end());
  const FetchMerge merge = merge_fetched(cache_.known(), uuids, found->records, hands_off);
  for (const std::string& uuid : merge.drop) cache_.drop(uuid);
  for (const Container& record : merge.update) cache_.update(record);
  for (const std::string& uuid : merge.leave_tail) cache_.leave_tail(uuid);
  news_ += watch.changed().size() - changed_meanwhile;
  if (!merge.drop.empty() || !merge.update.empty()) cache_.publish();
  co_return Result<void>{};
}

}  // namespace berth
