#include "cost_running.hpp"

#include <algorithm>

#include "cost_learned.hpp"
#include "seconds.hpp"

namespace berth {
namespace {

constexpr SteadyTime kAskAnyway = SteadyTime::min();
constexpr Duration kRounding = std::chrono::milliseconds(1);
constexpr std::size_t kFew = 32;  // so many are looked at sooner than it is worked out which ages count

}  // namespace

void RunningByKey::instance_changed(std::uint32_t instance) {
  if (instance >= listed_.size() || is_changed_[instance]) return;  // a new one is seen in any case
  is_changed_[instance] = 1;
  changed_.push_back(instance);
}

std::vector<std::uint32_t> RunningByKey::may_end(double quantile, double most) {
  catch_up();
  std::vector<std::uint32_t> instances;
  const RunTimes& run_times = input_.cost.learned->run_times;
  for (std::uint32_t key = 0; key < by_key_.size(); ++key) {
    const std::vector<Run>& runs = by_key_[key];
    RunTimes::Ages ages;
    if (runs.size() > kFew) ages = run_times.ages_that_may_end(key, quantile, most);
    const auto first = std::partition_point(runs.begin(), runs.end(), [&](const Run& r) { return age(r) > ages.most; });
    for (auto run = first; run != runs.end() && age(*run) >= ages.least; ++run) instances.push_back(run->instance);
  }
  std::sort(instances.begin(), instances.end());
  instances.erase(std::unique(instances.begin(), instances.end()), instances.end());
  return instances;
}

bool RunningByKey::any_ends(double quantile, double most) {
  catch_up();
  const Asked now{input_.cost.learned->run_times.version(), quantile, run_time_offset_within(most)};
  if (now != asked_) std::fill(quiet_until_.begin(), quiet_until_.end(), kAskAnyway);
  asked_ = now;
  for (std::uint32_t key = 0; key < by_key_.size(); ++key) {
    if (input_.cost.steady_now < quiet_until_[key]) continue;
    const auto until = quiet_until(key, quantile, most);
    if (!until) return true;
    quiet_until_[key] = *until;
  }
  return false;
}

/// Nothing if any of this key ends; else until when none does.
std::optional<SteadyTime> RunningByKey::quiet_until(std::uint32_t key, double quantile, double most) const {
  const RunTimes& run_times = input_.cost.learned->run_times;
  const std::vector<Run>& runs = by_key_[key];
  const RunTimes::Ages ages = run_times.ages_that_may_end(key, quantile, most);
  if (ages.least > ages.most) return SteadyTime::max();
  const RunTimes::EndsWithin ends = run_times.ends_within(key, quantile, most);
  const auto too_old = [&](const Run& run) { return age(run) > ages.most; };
  const auto first = std::partition_point(runs.begin(), runs.end(), too_old);
  auto run = first;
  for (; run != runs.end() && age(*run) >= ages.least; ++run)
    if (ends(age(*run))) return std::nullopt;
  if (run != first) return input_.cost.steady_now;
  const bool never = run == runs.end() || run->started == SteadyTime::max();
  return never ? SteadyTime::max() : run->started + from_seconds(ages.least) - kRounding;
}

/// As time_run().
double RunningByKey::age(const Run& run) const {
  return run.started == SteadyTime::max() ? 0 : seconds(input_.cost.steady_now - run.started);
}

void RunningByKey::catch_up() {
  on_.resize(input_.containers.size(), kNoType);
  for (auto i = static_cast<std::uint32_t>(listed_.size()); i < input_.instances.size(); ++i) changed_.push_back(i);
  listed_.resize(input_.instances.size());
  is_changed_.resize(input_.instances.size());
  if (changed_.size() > kFew + listed_.size() / 8) return list_anew();
  for (const std::uint32_t i : changed_) withdraw(i);
  for (const std::uint32_t i : changed_) add(i);
  for (const std::uint32_t i : changed_) insert(i);
  changed_.clear();
}

/// Where much has changed: sorted once.
void RunningByKey::list_anew() {
  by_key_.clear();
  quiet_until_.clear();
  std::fill(on_.begin(), on_.end(), kNoType);
  std::fill(is_changed_.begin(), is_changed_.end(), char{});
  changed_.clear();
  for (std::uint32_t i = 0; i < listed_.size(); ++i) {
    listed_[i].clear();
    add(i);
    for (const Listed& listed : listed_[i]) by_key_[listed.key].push_back(listed.run);
  }
  for (std::vector<Run>& runs : by_key_) std::sort(runs.begin(), runs.end());
}

void RunningByKey::withdraw(std::uint32_t instance) {
  is_changed_[instance] = 0;
  for (const Listed& listed : listed_[instance]) {
    std::vector<Run>& runs = by_key_[listed.key];
    runs.erase(std::lower_bound(runs.begin(), runs.end(), listed.run));
    quiet_until_[listed.key] = kAskAnyway;
    on_[listed.container] = kNoType;
  }
  listed_[instance].clear();
}

void RunningByKey::add(std::uint32_t instance) {
  for (const std::uint32_t c : input_.instances[instance].containers) {
    const PlanContainer& container = input_.containers[c];
    const Run run{container.started.value_or(SteadyTime::max()), instance};
    if (container.run_time_key >= by_key_.size()) {
      by_key_.resize(container.run_time_key + 1);
      quiet_until_.resize(by_key_.size(), kAskAnyway);
    }
    listed_[instance].push_back({c, container.run_time_key, run});
    on_[c] = instance;
  }
}

void RunningByKey::insert(std::uint32_t instance) {
  for (const Listed& listed : listed_[instance]) {
    std::vector<Run>& runs = by_key_[listed.key];
    runs.insert(std::upper_bound(runs.begin(), runs.end(), listed.run), listed.run);
    quiet_until_[listed.key] = kAskAnyway;
  }
}

}  // namespace berth
