#include "first_sight.hpp"

#include <algorithm>
#include <chrono>
#include <prometheus/summary.h>
#include <utility>

#include "count_guard.hpp"
#include "judge.hpp"

namespace berth {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t batch_size = 50;
constexpr std::size_t max_workers = 4;          // of each line
constexpr std::size_t most_told = 1000;         // that wait
constexpr Duration failure_retry = 1s;          // of what was told
constexpr int most_failures = 3;                // after which it is left to polling
constexpr Duration longest_vain_pause = 250ms;  // of each worker
constexpr Duration unknown_time = 10s;
constexpr std::size_t most_unknown = 10'000;

// Whether one container of the batch may be what made it fail.
bool may_be_the_content(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::type_mismatch:
    case ErrorKind::undecodable:
    case ErrorKind::exhausted:
    case ErrorKind::server_error:
    case ErrorKind::timeout:
      return true;
    default:
      return false;
  }
}

bool may_be_added(const Container& record, Arrival::Origin origin) {
  const bool waiting = record.state == ContainerState::queued && record.priority > 0;
  return waiting || origin == Arrival::Origin::held;
}

// Gives back what is no longer on its way, however the work on it ends.
class Arriving {
 public:
  Arriving(UuidSet& all, std::vector<std::string> uuids) : all_(all), uuids_(std::move(uuids)) {}
  ~Arriving() {
    for (const std::string& uuid : uuids_) all_.erase(uuid);
  }
  Arriving(const Arriving&) = delete;
  Arriving& operator=(const Arriving&) = delete;

 private:
  UuidSet& all_;
  std::vector<std::string> uuids_;
};

}  // namespace

FirstSight::FirstSight(Runtime& runtime, Logger log, ContainerApi& api, const QueueOptions& options, Cache& cache,
                       Canceller& canceller, TaskGroup& tasks, prometheus::Summary& news_seconds)
    : runtime_(runtime),
      log_(std::move(log)),
      api_(api),
      options_(options),
      cache_(cache),
      canceller_(canceller),
      tasks_(tasks),
      news_seconds_(news_seconds),
      unknown_(unknown_time, most_unknown),
      vain_(longest_vain_pause) {}

bool FirstSight::add(std::vector<Arrival> arrivals) {
  bool room = true;
  for (Arrival& arrival : arrivals) room = add_one(std::move(arrival)) && room;
  spawn_workers(listed_);
  spawn_workers(told_);
  return room;
}

void FirstSight::spawn_workers(Line& line) {
  const std::size_t batches = (line.waiting.size() + batch_size - 1) / batch_size;
  const std::size_t workers = std::min(batches, max_workers - line.workers);
  for (std::size_t i = 0; i < workers; ++i) tasks_.spawn(work(line));
}

bool FirstSight::add_one(Arrival arrival) {
  const std::string uuid = arrival.uuid;
  const bool told = arrival.told_at.has_value();
  if (is_settled(uuid)) return true;
  if (arriving_.contains(uuid)) {
    if (!told) show(uuid);
    return true;
  }
  if (told && told_.waiting.size() >= most_told) return false;
  arriving_.insert(uuid);
  (told ? told_ : listed_).waiting.push_back({std::move(arrival), runtime_.wall_now()});
  return true;
}

// What was told and waits need wait no longer than what lists have shown.
void FirstSight::show(const std::string& uuid) {
  const auto waiting =
      std::ranges::find(told_.waiting, uuid, [](const Pending& pending) { return pending.arrival.uuid; });
  if (waiting == told_.waiting.end()) return;
  waiting->arrival.told_at.reset();
  listed_.waiting.push_back(std::move(*waiting));
  told_.waiting.erase(waiting);
}

bool FirstSight::is_in_backlog(std::string_view uuid) const {
  const auto is_it = [&](const Pending& pending) { return pending.arrival.uuid == uuid; };
  return arriving_.contains(uuid) && std::ranges::none_of(told_.waiting, is_it);
}

bool FirstSight::is_settled(const std::string& uuid) const {
  return cache_.entries().find(uuid) || canceller_.contains(uuid);
}

awaitable<void> FirstSight::work(Line& line) {
  const CountGuard working(line.workers);
  const bool told = &line == &told_;
  while (!line.waiting.empty()) {
    Batch batch = next_batch(line);
    Batch failed = co_await try_batch(batch);
    if (!told) continue;
    for (Pending& pending : failed)
      if (arriving_.insert(pending.arrival.uuid).second) line.waiting.push_back(std::move(pending));
    const Duration pause = failed.empty() ? pause_after(batch) : Duration{};
    if (pause > Duration{}) co_await runtime_.sleep_for(pause);
  }
}

// Those that are to be tried again, now that some time has passed.
awaitable<FirstSight::Batch> FirstSight::try_batch(Batch batch) {
  std::vector<std::string> uuids;
  for (const Pending& pending : batch) uuids.push_back(pending.arrival.uuid);
  const Arriving arriving(arriving_, std::move(uuids));
  const auto settled = co_await settle_batch(batch);
  cache_.publish();
  if (settled) {
    for (const Pending& pending : batch)
      if (const auto& told_at = pending.arrival.told_at)
        news_seconds_.Observe(std::chrono::duration<double>(runtime_.now() - *told_at).count());
    co_return Batch{};
  }
  std::erase_if(batch, [&](Pending& pending) {
    return !pending.arrival.told_at || ++pending.failures >= most_failures || is_settled(pending.arrival.uuid);
  });
  if (!batch.empty()) co_await runtime_.sleep_for(failure_retry);
  co_return batch;
}

Duration FirstSight::pause_after(const Batch& told) {
  const auto in_vain = std::ranges::count_if(told, [&](const Pending& p) { return !is_settled(p.arrival.uuid); });
  return vain_.after(told.size(), static_cast<std::size_t>(in_vain));
}

FirstSight::Batch FirstSight::next_batch(Line& line) {
  Batch batch;
  for (; !line.waiting.empty() && batch.size() < batch_size; line.waiting.pop_front())
    batch.push_back(std::move(line.waiting.front()));
  return batch;
}

awaitable<Result<void>> FirstSight::settle_all(std::vector<Arrival> held) {
  Batch batch;
  std::vector<Batch> batches;
  for (Arrival& arrival : held) {
    if (cache_.entries().find(arrival.uuid) || canceller_.contains(arrival.uuid)) continue;
    batch.push_back({std::move(arrival), runtime_.wall_now()});
    if (batch.size() == batch_size) batches.push_back(std::exchange(batch, {}));
  }
  if (!batch.empty()) batches.push_back(std::move(batch));
  for (Batch& next : batches) {
    auto result = co_await settle_batch(std::move(next));
    if (!result) co_return result;
  }
  co_return Result<void>{};
}

awaitable<Result<void>> FirstSight::settle_batch(Batch batch) {
  std::map<std::string, Pending> open;
  for (Pending& pending : batch) {
    std::string uuid = pending.arrival.uuid;
    open.emplace(std::move(uuid), std::move(pending));
  }
  Batch alone;
  while (!open.empty()) {
    ContainerQuery query;
    query.with_mounts = true;
    query.order = "uuid";
    query.limit = static_cast<std::int64_t>(batch_size);
    query.filters.push_back({"uuid", "in", "", {}});
    for (const auto& [uuid, pending] : open) query.filters.back().uuids.push_back(uuid);
    auto page = co_await api_.list_containers(std::move(query));
    if (page && page->empty()) {  // what is left is gone from the database
      for (const auto& [uuid, pending] : open)
        if (pending.arrival.told_at) unknown_.add(uuid, runtime_.now());
      break;
    }
    const std::size_t before = open.size();
    if (page) {
      for (Container& container : *page)
        if (auto asked = open.extract(container.uuid)) {
          if (container.unreadable.empty())
            settle(asked.mapped(), std::move(container));
          else
            alone.push_back(std::move(asked.mapped()));
        }
      if (open.size() < before) continue;
    }
    if (!page && !may_be_the_content(page.error().kind)) {
      log_.warn("cannot get the mounts of new containers",
                {{"Containers", open.size()}, {"error", page.error().message}});
      co_return fail(page.error());
    }
    for (auto& [uuid, pending] : open) alone.push_back(std::move(pending));
    break;
  }
  co_return co_await settle_each(std::move(alone));
}

awaitable<Result<void>> FirstSight::settle_each(Batch batch) {
  Result<void> first_failure;
  for (Pending& pending : batch) {
    auto result = co_await settle_alone(std::move(pending));
    if (!result && first_failure) first_failure = std::move(result);
  }
  co_return first_failure;
}

awaitable<Result<void>> FirstSight::settle_alone(Pending pending) {
  const std::string uuid = pending.arrival.uuid;
  auto record = co_await record_of(pending);
  if (!record) co_return fail(record.error());
  const bool readable = !record->uuid.empty() && record->unreadable.empty();
  if (!readable || !may_be_added(*record, pending.arrival.origin)) co_return Result<void>{};
  auto mounts = co_await api_.get_mounts(uuid);
  if (mounts) {
    record->mounts = std::move(*mounts);
    settle(pending, std::move(*record));
    co_return Result<void>{};
  }
  if (mounts.error().kind == ErrorKind::type_mismatch) {
    refuse(pending, record->state, mounts.error().message);
    co_return Result<void>{};
  }
  if (mounts.error().kind == ErrorKind::not_found) co_return Result<void>{};
  log_.warn("cannot get the mounts of a new container", {{"ContainerUUID", uuid}, {"error", mounts.error().message}});
  co_return fail(mounts.error());
}

// Without a uuid if it is gone.
awaitable<Result<Container>> FirstSight::record_of(const Pending& pending) {
  ContainerQuery query;
  query.order = "uuid";
  query.filters.push_back({"uuid", "in", "", {pending.arrival.uuid}});
  auto page = co_await api_.list_containers(std::move(query));
  if (!page) co_return fail(page.error());
  co_return page->empty() ? Container{} : std::move(page->front());
}

// A record that is no longer waiting is left to the next poll: it was cancelled, or somebody has locked it.
void FirstSight::settle(const Pending& pending, Container with_mounts) {
  const Arrival& arrival = pending.arrival;
  if (cache_.entries().find(with_mounts.uuid) || !may_be_added(with_mounts, arrival.origin)) return;
  if (with_mounts.state == ContainerState::locked || with_mounts.state == ContainerState::running)
    with_mounts.locked_by_uuid = arrival.locked_by_uuid;
  const std::string uuid = with_mounts.uuid;
  const ContainerState state = with_mounts.state;
  auto judgement = judge(std::move(with_mounts), options_);
  if (const auto* refusal = std::get_if<Refusal>(&judgement)) return refuse(pending, state, refusal->reason);
  auto& entry = std::get<QueueEntry>(judgement);
  entry.first_seen = pending.seen;
  cache_.add(std::move(entry));
  if (arrival.origin == Arrival::Origin::tail) cache_.enter_tail(uuid);
}

void FirstSight::refuse(const Pending& pending, ContainerState state, const std::string& reason) {
  canceller_.cancel(pending.arrival.uuid, state, reason);
}

}  // namespace berth
