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
  if (key_by_entry_.size() > 2 * queue.rows().size() + spare_entries) key_by_entry_.clear();
  if (keys_.size() > kMostKeys) {
    keys_.clear();
    key_by_entry_.clear();
    runs_.clear();
    known_.clear();
    learned_.run_times.clear();
  }
  input.cost = {rules_, wall_now, now, &learned_, last_guard(queue)};
  for (std::size_t i = 0; i < queue.rows().size(); ++i) {
    const MatchedQueue::Row& row = queue.rows()[i];
    PlanContainer& container = input.containers[i];
    if (!row.entry) continue;
    container.run_time_key = run_time_key(*row.entry, input.needs[container.need].need);
  }
  if (pool_version_ == pool.version) return;
  pool_version_ = pool.version;
  learn_run_times(input, queue, pool);
  learn_instances(input, queue, now);
}

/// If both still exist.
std::optional<PlanGuard> CostMemory::last_guard(const MatchedQueue& queue) const {
  if (!guard_) return std::nullopt;
  const auto container = queue.find(guard_->first);
  const auto instance = std::find_if(queue.instances().begin(), queue.instances().end(),
                                     [&](const auto& i) { return i && i->number == guard_->second; });
  if (!container || !queue.rows()[*container].entry || instance == queue.instances().end()) return std::nullopt;
  return PlanGuard{*container, static_cast<std::uint32_t>(instance - queue.instances().begin())};
}

std::uint32_t CostMemory::run_time_key(const QueueEntry& entry, const Resources& need) {
  const auto [known, fresh] = key_by_entry_.emplace(entry.id, 0);
  if (!fresh) return known->second;
  const auto next = static_cast<std::uint32_t>(keys_.size());
  return known->second = keys_.try_emplace({entry.spec->container.container_image, need}, next).first->second;
}

void CostMemory::learn_run_times(const PlanInput& input, const MatchedQueue& queue, const PoolSnapshot& pool) {
  std::size_t going_on = 0;
  known_.resize(queue.rows().size());
  for (std::size_t i = 0; i < queue.rows().size(); ++i) {
    const MatchedQueue::Row& row = queue.rows()[i];
    KnownProcess& known = known_[i];
    const bool has_entry = row.entry != nullptr;
    if (known.process != row.process || known.has_entry != has_entry) {
      known = {row.process, has_entry, false};
      if (row.process) known.runs = look_at(*row.process, has_entry, input.containers[i].run_time_key);
    }
    going_on += known.runs ? 1 : 0;
  }
  if (runs_.size() > going_on) std::erase_if(runs_, [&](const auto& run) { return !pool.running.contains(run.first); });
}

/// Whether it is one of runs_ now.
bool CostMemory::look_at(const PoolProcessEntry& process, bool has_entry, std::uint32_t key) {
  const auto& [uuid, shown] = process;
  if (shown.exited) {
    if (const auto run = runs_.extract(uuid))
      learned_.run_times.add(run.mapped().key, seconds(*shown.exited - run.mapped().started));
    return false;
  }
  if (has_entry && shown.started) runs_.try_emplace(uuid, Run{key, *shown.started});
  return runs_.contains(uuid);
}

void CostMemory::learn_instances(const PlanInput& input, const MatchedQueue& queue, SteadyTime now) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> numbers;  // the pool's, the input's
  for (std::uint32_t i = 0; i < queue.instances().size(); ++i)
    if (queue.instances()[i]) numbers.emplace_back(queue.instances()[i]->number, i);
  std::sort(numbers.begin(), numbers.end());
  std::vector<Seen> seen;
  seen.reserve(numbers.size());
  auto before = seen_.begin();
  for (const auto& [number, i] : numbers) {
    const PoolInstance& shown = *queue.instances()[i];
    for (; before != seen_.end() && before->number < number; ++before) leave(*before);
    if (before != seen_.end() && before->number == number) {
      seen.push_back(see(*before++, shown, now));
      continue;
    }
    const std::uint32_t type = input.instances[i].type;
    seen.push_back({number, type, shown.state, std::nullopt, !shown.containers.empty()});
    if (shown.state == WorkerState::booting && type != kNoType) learned_.idle_gaps.created(type, shown.created);
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

void CostMemory::remember(const Plan& plan, const MatchedQueue& queue) {
  guard_.reset();
  if (plan.guard)
    guard_.emplace(*queue.rows()[plan.guard->container].uuid, queue.instances()[plan.guard->instance]->number);
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
