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

}  // namespace

Changes::Changes(Runtime& runtime, Logger log, Metrics& metrics, ContainerApi& api, Cache& cache,
                 FirstSight& first_sight, const Canceller& canceller, const Exclusion& exclusion,
                 std::function<void()> on_doubt)
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
      seconds_(metrics.plain_summary("berth_queue_news_seconds", "From being told of a change to having fetched it.")),
      hints_(max_hints) {}

awaitable<void> Changes::look_loop() {
  for (;;) {
    co_await hints_.wait();
    co_await runtime_.sleep_for(batch_time);
    if (hints_.take_overflow()) {
      overflows_.Increment();
      on_doubt_();
    }
    const Hints::Map hints = hints_.take();
    Sorted sorted = sort(hints);
    const bool busy = !sorted.later.empty();
    if (busy) hints_.put_back(sorted.later);
    auto looked = co_await look_at(std::move(sorted));
    if (looked) {
      problem_.worked();
      for (const auto& [uuid, hint] : hints)
        seconds_.Observe(std::chrono::duration<double>(runtime_.now() - hint.since).count());
    } else {
      problem_.failed(looked.error());
      hints_.put_back(hints);
      co_await runtime_.sleep_for(failure_retry);
    }
    if (busy) co_await runtime_.sleep_for(busy_retry);
    if (busy || !looked) hints_.wake();
  }
}

Changes::Sorted Changes::sort(const Hints::Map& hints) {
  Sorted out;
  for (const auto& [uuid, hint] : hints) {
    const bool changing = exclusion_.busy().contains(uuid) || first_sight_.is_arriving(uuid);
    if (!is_container_uuid(uuid)) {
      out.requests.insert(uuid);
    } else if (changing) {
      out.later.emplace(uuid, hint);
    } else if (says_nothing_new(uuid, hint)) {
      nothing_new_.Increment();
    } else {
      looked_at_.Increment();
      out.containers.insert(uuid);
    }
  }
  return out;
}

bool Changes::says_nothing_new(const std::string& uuid, const Hints::Hint& hint) const {
  if (canceller_.contains(uuid)) return true;
  const QueueEntry* known = cache_.entries().find(uuid);
  if (hint.ended && known && !is_final(known->container.state)) return false;
  if (!hint.changed) return true;
  if (!hint.state) return false;
  return known ? known->container.state == *hint.state : *hint.state != ContainerState::queued;
}

awaitable<Result<void>> Changes::look_at(Sorted sorted) {
  auto fetched = co_await fetch(sorted.containers);
  if (!fetched || sorted.requests.empty()) co_return fetched;
  auto theirs = co_await containers_of(sorted.requests);
  if (!theirs) co_return fail(theirs.error());
  for (const std::string& uuid : sorted.containers) theirs->erase(uuid);
  co_return co_await fetch(std::move(*theirs));
}

awaitable<Result<UuidSet>> Changes::containers_of(const UuidSet& requests) {
  UuidSet out;
  for (auto next = requests.begin(); next != requests.end();) {
    ModifiedQuery query;
    query.of = ModifiedQuery::Of::requests;
    query.limit = static_cast<std::int64_t>(fetch_batch);
    for (; next != requests.end() && query.uuids.size() < fetch_batch; ++next) query.uuids.push_back(*next);
    auto records = co_await api_.list_modified(std::move(query));
    if (!records) co_return fail(records.error());
    for (const ModifiedRecord& record : *records)
      if (!record.container_uuid.empty()) out.insert(record.container_uuid);
  }
  co_return out;
}

awaitable<Result<void>> Changes::fetch(UuidSet containers) {
  std::vector<std::string> known;
  for (auto uuid = containers.begin(); uuid != containers.end();) {
    const bool is_known = cache_.entries().find(*uuid) != nullptr;
    if (is_known) known.push_back(*uuid);
    uuid = is_known ? containers.erase(uuid) : std::next(uuid);
  }
  add_unknown(containers);
  if (known.empty()) co_return Result<void>{};
  co_return co_await fetch_known(std::move(known));
}

void Changes::add_unknown(const UuidSet& uuids) {
  std::vector<Arrival> arrivals;
  for (const std::string& uuid : uuids) {
    Arrival arrival;
    arrival.uuid = uuid;
    arrival.origin = newcomers_to_tail_ ? Arrival::Origin::tail : Arrival::Origin::window;
    arrivals.push_back(std::move(arrival));
  }
  first_sight_.add(std::move(arrivals));
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
  auto found = co_await list_by_uuid(api_, uuids);
  if (!found) co_return fail(found.error());
  UuidSet hands_off = watch.changed();
  hands_off.insert(exclusion_.busy().begin(), exclusion_.busy().end());
  const FetchMerge merge = merge_fetched(cache_.known(), uuids, found->records, hands_off);
  for (const std::string& uuid : merge.drop) cache_.drop(uuid);
  for (const Container& record : merge.update) cache_.update(record);
  for (const std::string& uuid : merge.leave_tail) cache_.leave_tail(uuid);
  if (!merge.drop.empty() || !merge.update.empty()) cache_.publish();
  co_return Result<void>{};
}

}  // namespace berth
