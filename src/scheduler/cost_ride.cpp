#include "cost_ride.hpp"

#include <algorithm>

#include "seconds.hpp"

namespace berth {
namespace {

/// What an instance of its own costs besides the run: the boot, the idle time, and the wait that is saved; seconds.
constexpr double kOwnInstance = 300;

void end_together(Survival& all_ended, const Survival& alive) {
  for (int b = 0; b < kRunTimeBins; ++b) all_ended[b] *= 1 - alive[b];
}

/// Seconds by which it outlives the others: the integral of P(it still runs) × P(all others have ended).
double extension(const Survival& alive, const Survival& others_ended) {
  constexpr int lanes = 8;
  const Survival& widths = run_time_widths();
  float sums[lanes] = {};
  for (int b = 0; b < kRunTimeBins; b += lanes)
    for (int i = 0; i < lanes; ++i) sums[i] += alive[b + i] * others_ended[b + i] * widths[b + i];
  double sum = 0;
  for (const float part : sums) sum += static_cast<double>(part);
  return sum;
}

}  // namespace

Rides::Rides(const CostNeeds& classes) : classes_(classes), input_(classes.input()) {
  begin_pass();
}

void Rides::begin_pass() {
  for (const std::uint32_t instance : touched_) {
    put_[instance].clear();
    all_ended_[instance].reset();
  }
  touched_.clear();
  put_.resize(input_.instances.size());
  all_ended_.resize(input_.instances.size());
  const std::uint64_t learned = input_.cost.learned ? input_.cost.learned->run_times.version() : 0;
  if (learned_ != learned) by_key_.clear();
  learned_ = learned;
}

bool Rides::allows(std::uint32_t container, std::uint32_t instance) {
  const LearnedTimes* learned = input_.cost.learned;
  if (!learned || learned->run_times.empty()) return false;
  const PlanContainer& rider = input_.containers[container];
  const double price = input_.types[input_.instances[instance].type].price;
  const Expected& run = expected(rider.run_time_key);
  const double own_cost = classes_.own_price(rider.need) * (run.mean + kOwnInstance);
  if (price * run.mean <= own_cost) return true;  // it cannot extend by more than it runs
  return price * extension(run.alive, all_ended(instance)) <= own_cost;
}

bool Rides::allows_group(std::uint32_t type, const std::vector<std::uint32_t>& group) {
  const LearnedTimes* learned = input_.cost.learned;
  if (!learned || learned->run_times.empty()) return true;
  Survival none_ended;
  none_ended.fill(1);
  Survival all_ended = none_ended;
  double own_cost = 0;
  for (const std::uint32_t c : group) {
    const PlanContainer& container = input_.containers[c];
    const Expected& run = expected(container.run_time_key);
    const double waited = std::max(0.0, seconds(input_.cost.now - container.first_seen));
    own_cost += classes_.own_price(container.need) * (run.mean + kOwnInstance + waited);
    end_together(all_ended, run.alive);
  }
  Survival any_runs;
  for (int b = 0; b < kRunTimeBins; ++b) any_runs[b] = 1 - all_ended[b];
  const double factor = std::max(input_.cost.rules.maximum_price_factor, 1.0);
  return input_.types[type].price * extension(any_runs, none_ended) <= factor * own_cost;
}

void Rides::put(std::uint32_t container, std::uint32_t instance) {
  if (!input_.cost.learned) return;
  const std::uint32_t key = input_.containers[container].run_time_key;
  touched_.push_back(instance);
  put_[instance].push_back(key);
  if (all_ended_[instance]) end_together(*all_ended_[instance], expected(key).alive);
}

const Rides::Expected& Rides::expected(std::uint32_t key) {
  const auto [at, fresh] = by_key_.try_emplace(key);
  if (!fresh) return at->second;
  at->second.alive = input_.cost.learned->run_times.survival(key, 0);
  Survival always;
  always.fill(1);
  at->second.mean = extension(at->second.alive, always);
  return at->second;
}

const Survival& Rides::all_ended(std::uint32_t instance) {
  std::unique_ptr<Survival>& ended = all_ended_[instance];
  if (ended) return *ended;
  touched_.push_back(instance);
  ended = std::make_unique<Survival>();
  ended->fill(1);
  for (const std::uint32_t c : input_.instances[instance].containers) {
    const PlanContainer& other = input_.containers[c];
    end_together(*ended, input_.cost.learned->run_times.survival(other.run_time_key, time_run(input_, other)));
  }
  for (const std::uint32_t key : put_[instance]) end_together(*ended, expected(key).alive);
  return *ended;
}

}  // namespace berth
