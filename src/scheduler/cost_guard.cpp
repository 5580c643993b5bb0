#include "cost_guard.hpp"

#include <algorithm>
#include <limits>

#include "cost_learned.hpp"
#include "seconds.hpp"

namespace berth {
namespace {

constexpr double kEndQuantile = 0.7;
constexpr double kUnknownRest = 3600;  // s that something runs on if nothing is known, besides as long as it has run

double until_empty(const PlanInput& input, const PlanInstance& instance) {
  double longest = 0;
  for (const std::uint32_t c : instance.containers) {
    const PlanContainer& container = input.containers[c];
    const double ran = time_run(input, container);
    const auto rest = input.cost.learned
                          ? input.cost.learned->run_times.remaining(container.run_time_key, ran, kEndQuantile)
                          : std::nullopt;
    longest = std::max(longest, rest.value_or(kUnknownRest + ran));
  }
  return longest;
}

std::optional<std::uint32_t> empty_first(const PlanInput& input, const CostFleet& fleet) {
  std::optional<std::uint32_t> best;
  double least = std::numeric_limits<double>::max();
  for (std::uint32_t i = 0; i < input.instances.size(); ++i) {
    const PlanInstance& instance = input.instances[i];
    const bool ready = instance.state == WorkerState::idle || instance.state == WorkerState::running;
    if (instance.gone || !ready || instance.idle_behavior != IdleBehavior::run || instance.unknown_containers > 0)
      continue;
    const double time = until_empty(input, instance);
    if (time > least || (best && time == least && fleet.list_key(i) > fleet.list_key(*best))) continue;
    least = time;
    best = i;
  }
  return best;
}

}  // namespace

GuardDecision guard(const PlanInput& input, const CostFleet& fleet, const std::vector<std::uint32_t>& blocked) {
  const Duration patience = input.cost.rules.guard;
  const std::optional<PlanGuard>& last = input.cost.guard;
  if (patience <= Duration::zero()) return {};
  if (last && std::find(blocked.begin(), blocked.end(), last->container) != blocked.end()) return {last, std::nullopt};
  const std::uint32_t first = blocked.front();
  const Duration left = patience - (input.cost.now - input.containers[first].first_seen);
  if (left > Duration::zero()) return {std::nullopt, left};
  const auto instance = empty_first(input, fleet);
  if (!instance) return {};
  return {PlanGuard{first, *instance}, std::nullopt};
}

}  // namespace berth
