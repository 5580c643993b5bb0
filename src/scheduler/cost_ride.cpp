#include "cost_ride.hpp"

#include <algorithm>

#include "seconds.hpp"

namespace berth {
namespace {

/// What an instance of its own costs besides the run: the boot, the idle time, and the wait that is saved; seconds.
constexpr double kOwnInstance = 300;
constexpr double kRounding = 1e-5;

template <class Times>
void end_together(Times& all_ended, const Times& alive) {
  for (std::size_t b = 0; b < all_ended.size(); ++b) all_ended[b] *= 1 - alive[b];
}

void end_together(SurvivalSteps& all_ended, const Survival& alive) {
  for (std::size_t i = 0; i < all_ended.size(); ++i) all_ended[i] *= 1 - alive[i * kBinsInStep];
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

/// No more than the price × extension(), and most of it: the others end more and more, so that at each time at least as
/// many have ended as when its step began. `seconds` that it runs, by step.
double least_fare(const SurvivalSteps& seconds, const SurvivalSteps& fares) {
  constexpr std::size_t lanes = 4;
  float sums[lanes] = {};
  for (std::size_t b = 0; b < seconds.size(); b += lanes)
    for (std::size_t i = 0; i < lanes; ++i) sums[i] += seconds[b + i] * fares[b + i];
  return static_cast<double>((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

}  // namespace

Rides::Rides(const CostNeeds& classes) : classes_(classes), input_(classes.input()) {
  for (const PlanType& type : input_.types) dearest_ = std::max(dearest_, type.price);
  begin_pass();
}

void Rides::begin_pass() {
  for (const std::uint32_t instance : touched_) {
    put_[instance].clear();
    all_ended_[instance].reset();
    fares_[instance] = {};
  }
  touched_.clear();
  put_.resize(input_.instances.size());
  all_ended_.resize(input_.instances.size());
  fares_.resize(input_.instances.size());
  const std::uint64_t learned = input_.cost.learned ? input_.cost.learned->run_times.version() : 0;
  if (learned_ != learned) by_key_.clear();
  learned_ = learned;
}

Rides::Rider Rides::rider(std::uint32_t number) {
  Rider rider;
  const LearnedTimes* learned = input_.cost.learned;
  if (!learned || learned->run_times.empty()) return rider;
  const PlanContainer& container = input_.containers[number];
  rider.run_ = &expected(container.run_time_key);
  rider.own_cost_ = classes_.own_price(container.need) * (rider.run_->mean + kOwnInstance);
  rider.too_much_ = rider.own_cost_ + kRounding * dearest_ * rider.run_->mean;
  return rider;
}

bool Rides::allows(const Rider& rider, std::uint32_t instance) {
  if (!rider.run_) return false;
  const Expected& run = *rider.run_;
  if (least_fare(run.seconds, fares(instance)) > rider.too_much_) return false;
  const double price = input_.types[input_.instances[instance].type].price;
  if (price * run.mean <= rider.own_cost_) return true;  // it cannot extend by more than it runs
  return price * extension(run.alive, all_ended(instance)) <= rider.own_cost_;
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
  SurvivalSteps& fares = fares_[instance].by_step;
  if (fares[0] >= 0) end_together(fares, expected(key).alive);
  if (all_ended_[instance]) end_together(*all_ended_[instance], expected(key).alive);
}

const Rides::Expected& Rides::expected(std::uint32_t key) {
  const auto [at, fresh] = by_key_.try_emplace(key);
  if (!fresh) return at->second;
  at->second.alive = input_.cost.learned->run_times.survival(key, 0);
  Survival always;
  always.fill(1);
  at->second.mean = extension(at->second.alive, always);
  for (int b = 0; b < kRunTimeBins; ++b)
    at->second.seconds[b / kBinsInStep] += at->second.alive[b] * run_time_widths()[b];
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

const SurvivalSteps& Rides::fares(std::uint32_t instance) {
  SurvivalSteps& fares = fares_[instance].by_step;
  if (fares[0] >= 0) return fares;
  touched_.push_back(instance);
  fares.fill(static_cast<float>(input_.types[input_.instances[instance].type].price));
  for (const std::uint32_t c : input_.instances[instance].containers) {
    const PlanContainer& other = input_.containers[c];
    end_together(fares, input_.cost.learned->run_times.survival_steps(other.run_time_key, time_run(input_, other)));
  }
  for (const std::uint32_t key : put_[instance]) end_together(fares, expected(key).alive);
  return fares;
}

}  // namespace berth
