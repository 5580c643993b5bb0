#include "cost_ride.hpp"

#include <algorithm>
#include <utility>

#include "seconds.hpp"

namespace berth {
namespace {

/// What an instance of its own costs besides the run: the boot, the idle time, and the wait that is saved; seconds.
constexpr double kOwnInstance = 300;
constexpr double kRounding = 1e-5;
constexpr Duration kWindow = std::chrono::seconds(10);

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

Rides::Rides(const CostNeeds& classes)
    : classes_(classes),
      input_(classes.input()),
      window_begin_(input_.cost.steady_now),
      window_end_(window_begin_),
      put_(input_.instances.size()),
      fares_(input_.instances.size()),
      ended_in_window_(input_.instances.size()),
      ended_now_(input_.instances.size()) {
  for (const PlanType& type : input_.types) dearest_ = std::max(dearest_, type.price);
}

bool Rides::begin_pass() {
  put_.resize(input_.instances.size());
  fares_.resize(input_.instances.size());
  ended_in_window_.resize(input_.instances.size());
  ended_now_.resize(input_.instances.size());
  for (const std::uint32_t instance : asked_now_) ended_now_[instance].reset();
  asked_now_.clear();
  for (const std::uint32_t instance : touched_) forget(instance);
  touched_.clear();
  const SteadyTime now = input_.cost.steady_now;
  const std::uint64_t learned = input_.cost.learned ? input_.cost.learned->run_times.version() : 0;
  if (learned_ == learned && now >= window_begin_ && now < window_end_) return false;
  learned_ = learned;
  window_begin_ = now;
  window_end_ = now + kWindow;
  by_key_.clear();
  for (std::uint32_t i = 0; i < fares_.size(); ++i) forget(i);
  return true;
}

void Rides::forget(std::uint32_t instance) {
  put_[instance].clear();
  fares_[instance] = {};
  ended_in_window_[instance].reset();
}

/// Seconds.
double Rides::window_left() const {
  return std::max(0.0, seconds(window_end_ - input_.cost.steady_now));
}

Rides::Rider Rides::rider(std::uint32_t need, std::uint32_t key) {
  Rider rider;
  const LearnedTimes* learned = input_.cost.learned;
  if (!learned || learned->run_times.empty()) return rider;
  rider.run_ = &expected(key);
  rider.own_cost_ = classes_.own_price(need) * (rider.run_->mean + kOwnInstance);
  rider.too_much_ = rider.own_cost_ + kRounding * dearest_ * rider.run_->mean;
  return rider;
}

RideAnswer Rides::allows(const Rider& rider, std::uint32_t instance) {
  if (!rider.run_) return RideAnswer::no;
  const Expected& run = *rider.run_;
  if (least_fare(run.seconds, fares(instance)) > rider.too_much_) return RideAnswer::no;
  const double price = input_.types[input_.instances[instance].type].price;
  if (price * run.mean <= rider.own_cost_) return RideAnswer::yes;  // it cannot extend by more than it runs
  const double window = window_left();
  if (window > 0 && price * extension(run.alive, all_ended(ended_in_window_, instance, window)) > rider.too_much_)
    return RideAnswer::no;
  if (!ended_now_[instance]) asked_now_.push_back(instance);
  const double extends = extension(run.alive, all_ended(ended_now_, instance, 0));
  return price * extends <= rider.own_cost_ ? RideAnswer::yes : RideAnswer::not_yet;
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
  for (const AllEnded* known : {&ended_in_window_, &ended_now_})
    if ((*known)[instance]) end_together(*(*known)[instance], expected(key).alive);
}

const Rides::Expected& Rides::expected(std::uint32_t key) {
  if (key >= by_key_.size()) by_key_.resize(key + 1);
  std::unique_ptr<Expected>& known = by_key_[key];
  if (known) return *known;
  known = std::make_unique<Expected>();
  known->alive = input_.cost.learned->run_times.survival(key, 0);
  Survival always;
  always.fill(1);
  known->mean = extension(known->alive, always);
  for (int b = 0; b < kRunTimeBins; ++b) known->seconds[b / kBinsInStep] += known->alive[b] * run_time_widths()[b];
  return *known;
}

/// Or less, at any of the next `window` seconds.
const Survival& Rides::all_ended(AllEnded& known, std::uint32_t instance, double window) {
  std::unique_ptr<Survival>& ended = known[instance];
  if (ended) return *ended;
  ended = std::make_unique<Survival>();
  ended->fill(1);
  for (const std::uint32_t c : input_.instances[instance].containers) {
    const PlanContainer& other = input_.containers[c];
    const double ran = time_run(input_, other);
    end_together(*ended, input_.cost.learned->run_times.survival(other.run_time_key, ran, window));
  }
  for (const std::uint32_t key : put_[instance]) end_together(*ended, expected(key).alive);
  return *ended;
}

const SurvivalSteps& Rides::fares(std::uint32_t instance) {
  SurvivalSteps& fares = fares_[instance].by_step;
  if (fares[0] >= 0) return fares;
  fares.fill(static_cast<float>(input_.types[input_.instances[instance].type].price));
  for (const std::uint32_t c : input_.instances[instance].containers) {
    const PlanContainer& other = input_.containers[c];
    const double ran = time_run(input_, other);
    end_together(fares, input_.cost.learned->run_times.survival_steps(other.run_time_key, ran, window_left()));
  }
  for (const std::uint32_t key : put_[instance]) end_together(fares, expected(key).alive);
  return fares;
}

}  // namespace berth
