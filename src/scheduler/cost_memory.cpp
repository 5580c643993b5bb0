#include "cost_memory.hpp"

#include <algorithm>

#include "seconds.hpp"

namespace berth {
namespace {

constexpr std::size_t kMostKeys = 20'000;  // after that all run times are learned anew

}  // namespace

void CostMemory::complete(PlanInput& input, const MatchedQueue& queue, const PoolSnapshot& pool, SteadyTime now,
                          WallTime wall_now) {
  constexpr std::size_t spare_entries = 1000;
  if (key_by_entry_.size() > 2 * queue.rows.size() + spare_entries) key_by_entry_.clear();
  if (keys_.size() > kMostKeys) {
    keys_.clear();
    key_by_entry_.clear();
    runs_.clear();
    learned_.run_times = {};
  }
  input.cost = {rules_, wall_now, &learned_, std::nullopt};
  for (std::size_t i = 0; i < queue.rows.size(); ++i) {
    PlanContainer& container = input.containers[i];
    const MatchedQueue::Row& row = queue.rows[i];
    container.run_time_key = run_time_key(**row.entry, input.needs[container.need].need);
    if (row.process && row.process->started) container.ran = now - *row.process->started;
  }
  for (std::size_t i = 0; i < pool.instances.size(); ++i) {
    input.instances[i].age = now - pool.instances[i].created;
    input.instances[i].idle = wall_now - pool.instances[i].last_busy;
  }
  if (pool_version_ != pool.version) {
    learn_run_times(input, queue, pool);
    learn_instances(input, pool, now);
    pool_version_ = pool.version;
  }
  if (!guard_) return;
  const auto container = queue.find(guard_->first);
  const auto instance = std::find_if(pool.instances.begin(), pool.instances.end(),
                                     [&](const PoolInstance& i) { return i.number == guard_->second; });
  if (container && instance != pool.instances.end())
    input.cost.guard = PlanGuard{*container, static_cast<std::uint32_t>(instance - pool.instances.begin())};
}

std::uint32_t CostMemory::run_time_key(const QueueEntry& entry, const Resources& need) {
  const auto [known, fresh] = key_by_entry_.emplace(entry.id, 0);
  if (!fresh) return known->second;
  const auto next = static_cast<std::uint32_t>(keys_.size());
  return known->second = keys_.try_emplace({entry.container.container_image, need}, next).first->second;
}

void CostMemory::learn_run_times(const PlanInput& input, const MatchedQueue& queue, const PoolSnapshot& pool) {
  for (auto run = runs_.begin(); run != runs_.end();) {
    const auto process = pool.running.find(run->first);
    if (process != pool.running.end() && !process->second.exited) {
      ++run;
      continue;
    }
    if (process != pool.running.end())
      learned_.run_times.add(run->second.key, seconds(*process->second.exited - run->second.started));
    run = runs_.erase(run);
  }
  for (std::size_t i = 0; i < queue.rows.size(); ++i) {
    const MatchedQueue::Row& row = queue.rows[i];
    if (row.process && row.process->started && !row.process->exited)
      runs_.try_emplace(row.container().uuid, Run{input.containers[i].run_time_key, *row.process->started});
  }
}

void CostMemory::learn_instances(const PlanInput& input, const PoolSnapshot& pool, SteadyTime now) {
  std::vector<Seen> seen;
  seen.reserve(pool.instances.size());
  auto before = seen_.begin();
  for (std::size_t i = 0; i < pool.instances.size(); ++i) {
    const PoolInstance& shown = pool.instances[i];
    for (; before != seen_.end() && before->number < shown.number; ++before) leave(*before);
    if (before != seen_.end() && before->number == shown.number) {
      seen.push_back(see(*before++, shown, now));
      continue;
    }
    Seen fresh{shown.number, input.instances[i].type, shown.state, std::nullopt, !shown.containers.empty()};
    if (shown.state == WorkerState::booting && fresh.type != kNoType)
      learned_.idle_gaps.created(fresh.type, shown.created);
    seen.push_back(fresh);
  }
  for (; before != seen_.end(); ++before) leave(*before);
  seen_ = std::move(seen);
}

CostMemory::Seen CostMemory::see(const Seen& before, const PoolInstance& shown, SteadyTime now) {
  Seen after = before;
  after.state = shown.state;
  const bool ready = shown.state == WorkerState::idle || shown.state == WorkerState::running;
  if (before.state == WorkerState::booting && ready) learned_.add_boot(seconds(now - shown.created));
  if (shown.state == WorkerState::shutdown) {
    if (before.state != WorkerState::shutdown) leave(before);
    after.idle_since.reset();
  } else if (!shown.containers.empty()) {
    if (before.idle_since && before.type != kNoType) learned_.idle_gaps.reused(before.type, *before.idle_since, now);
    after.idle_since.reset();
    after.used = true;
  } else if (ready && after.used && !before.idle_since) {
    after.idle_since = now;
  }
  return after;
}

void CostMemory::leave(const Seen& gone) {
  if (gone.idle_since && gone.type != kNoType) learned_.idle_gaps.ended(gone.type, *gone.idle_since);
}

void CostMemory::remember(const Plan& plan, const MatchedQueue& queue, const PoolSnapshot& pool) {
  guard_.reset();
  if (plan.guard)
    guard_.emplace(queue.rows[plan.guard->container].container().uuid, pool.instances[plan.guard->instance].number);
}

std::map<std::string, Duration> CostMemory::new_idle_timeouts(const Plan& plan, const PlanInputBuilder& names) {
  std::map<std::string, Duration> changed;
  for (std::uint32_t type = 0; type < plan.idle_timeouts.size(); ++type) {
    const auto [known, fresh] = idle_timeouts_.try_emplace(names.type_name(type), rules_.timeout_idle);
    if (known->second == plan.idle_timeouts[type]) continue;
    known->second = plan.idle_timeouts[type];
    changed.insert(*known);
  }
  return changed;
}

}  // namespace berth
