#include "cost_memory.hpp"

#include <algorithm>

#include "seconds.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr std::size_t kMostKeys = 20'000;  // after that all run times are learned anew
constexpr Duration kLookAtRunning = 1min;  // how often what runs is told to the run times

}  // namespace

bool CostMemory::complete(PlanInput& input, const MatchedQueue& queue, const MatchedQueue::Changes& changes, bool anew,
                          SteadyTime now, WallTime wall_now) {
  const bool other_keys = keys_.size() > kMostKeys;
  if (other_keys) {
    keys_.clear();
    known_.clear();
    learned_.run_times.clear();
    anew = true;
  }
  input.cost = {rules_, wall_now, now, &learned_, last_guard(queue)};
  known_.resize(queue.rows().size());
  const auto look = [&](std::uint32_t container) {
    const MatchedQueue::Row& row = queue.rows()[container];
    if (row.entry) {
      PlanContainer& of = input.containers[container];
      const Resources& need = input.needs[of.need].need;
      of.run_time_key = key_of(row.entry->spec->container.container_image, need);
    }
    learn_run_time(container, row, input.containers[container].run_time_key);
  };
  if (anew)
    for (std::uint32_t c = 0; c < queue.rows().size(); ++c) look(c);
  else
    for (const std::uint32_t c : changes.containers) look(c);
  look_at_running(now);
  learn_instances(input, queue, changes.instances, now);
  return other_keys;
}

void CostMemory::learn(const std::vector<PastRun>& runs) {
  for (const PastRun& run : runs) learned_.run_times.add(key_of(run.image, run.need), run.seconds);
}

std::uint32_t CostMemory::key_of(const std::string& image, const Resources& need) {
  const auto next = static_cast<std::uint32_t>(keys_.size());
  return keys_.try_emplace({image, need}, next).first->second;
}

void CostMemory::complete_again(PlanInput& input, const MatchedQueue& queue, const CostInput& as) const {
  input.cost = as;
  input.cost.guard = last_guard(queue);
  for (std::size_t c = 0; c < queue.rows().size(); ++c) {
    const auto& entry = queue.rows()[c].entry;
    if (!entry) continue;
    PlanContainer& of = input.containers[c];
    const auto known = keys_.find({entry->spec->container.container_image, input.needs[of.need].need});
    if (known != keys_.end()) of.run_time_key = known->second;
  }
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

void CostMemory::learn_run_time(std::uint32_t container, const MatchedQueue::Row& row, std::uint32_t key) {
  KnownProcess& known = known_[container];
  const bool has_entry = row.entry != nullptr;
  if (known.process == row.process && known.has_entry == has_entry) return;
  if (!row.process || !known.process || known.process->first != row.process->first) known.run.reset();
  known.process = row.process;
  known.has_entry = has_entry;
  if (!row.process) return;
  const PoolProcess& shown = row.process->second;
  if (shown.exited) {
    if (const auto run = std::exchange(known.run, std::nullopt))
      learned_.run_times.add(run->key, seconds(*shown.exited - run->started));
  } else if (has_entry && shown.started && !known.run) {
    known.run = {key, *shown.started};
  }
}

void CostMemory::look_at_running(SteadyTime now) {
  if (looked_at_running_ && now - *looked_at_running_ < kLookAtRunning) return;
  looked_at_running_ = now;
  std::vector<RunTimes::Running> running;
  for (const KnownProcess& known : known_)
    if (known.run) running.push_back({known.run->key, seconds(now - known.run->started)});
  learned_.run_times.set_running(running);
}

/// In the order in which they were asked for.
void CostMemory::learn_instances(const PlanInput& input, const MatchedQueue& queue,
                                 const std::vector<std::uint32_t>& changed, SteadyTime now) {
  seen_.resize(queue.instances().size());
  std::vector<std::pair<std::uint64_t, std::uint32_t>> numbers;  // the pool's, the input's
  for (const std::uint32_t i : changed) {
    const auto& shown = queue.instances()[i];
    if (seen_[i] && (!shown || seen_[i]->number != shown->number)) numbers.emplace_back(seen_[i]->number, i);
    if (shown) numbers.emplace_back(shown->number, i);
  }
  std::sort(numbers.begin(), numbers.end());
  for (const auto& [number, i] : numbers) {
    const auto& shown = queue.instances()[i];
    if (!shown || shown->number != number) {
      if (seen_[i] && seen_[i]->number == number) leave(*std::exchange(seen_[i], std::nullopt));
    } else if (seen_[i] && seen_[i]->number == number) {
      seen_[i] = see(*seen_[i], *shown, now);
    } else {
      if (seen_[i]) leave(*seen_[i]);
      const std::uint32_t type = input.instances[i].type;
      seen_[i] = {number, type, shown->state, std::nullopt, !shown->containers.empty()};
      if (shown->state == WorkerState::booting && type != kNoType) learned_.idle_gaps.created(type, shown->created);
    }
  }
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

void CostMemory::remember(const Decisions& plan, const MatchedQueue& queue) {
  guard_.reset();
  if (plan.guard)
    guard_.emplace(*queue.rows()[plan.guard->container].uuid, queue.instances()[plan.guard->instance]->number);
}

std::map<std::string, Duration> CostMemory::new_idle_timeouts(const Decisions& plan, const PlanInputBuilder& names) {
  std::map<std::string, Duration> changed;
  idle_timeouts_.resize(plan.idle_timeouts.size(), rules_.timeout_idle);
  for (std::uint32_t type = 0; type < plan.idle_timeouts.size(); ++type)
    if (std::exchange(idle_timeouts_[type], plan.idle_timeouts[type]) != plan.idle_timeouts[type])
      changed[names.type_name(type)] = plan.idle_timeouts[type];
  return changed;
}

}  // namespace berth
