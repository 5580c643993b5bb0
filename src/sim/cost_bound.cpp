#include "cost_bound.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace berth {
namespace {

constexpr std::size_t kResources = 4;  // VCPUs, RAM, scratch, GPUs
using Shares = std::array<double, kResources>;

constexpr int kMostSteps = 1500;
constexpr std::size_t kMostWork = 200'000'000;  // class × type × step: a second or so

/// One way to run a class: on this type, taking these shares of it.
struct Choice {
  std::size_t type = 0;
  double price = 0;
  Shares shares{};
};
struct Class {
  double hours = 0;
  std::vector<Choice> choices;
};

double share(std::int64_t need, std::int64_t size) {
  if (need <= 0) return 0;
  return size <= 0 ? std::numeric_limits<double>::infinity() : static_cast<double>(need) / static_cast<double>(size);
}

Shares shares_of(const Resources& need, const Resources& size) {
  return {share(need.vcpus, size.vcpus), share(need.ram, size.ram), share(need.scratch, size.scratch),
          share(need.gpus, size.gpus)};
}

/// Nearest point with non-negative coordinates of sum 1 (Held, Wolfe, Crowder 1974).
void project(Shares& split) {
  Shares sorted = split;
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  double sum = 0;
  double shift = 0;
  for (std::size_t i = 0; i < kResources; ++i) {
    sum += sorted[i];
    const double candidate = (sum - 1) / static_cast<double>(i + 1);
    if (sorted[i] > candidate) shift = candidate;
  }
  for (double& part : split) part = std::max(0.0, part - shift);
}

double cost_of(const Choice& choice, const Shares& split) {
  double cost = 0;
  for (std::size_t r = 0; r < kResources; ++r) cost += split[r] * choice.shares[r];
  return choice.price * cost;
}

std::vector<Class> classes_of(const std::vector<WorkOfClass>& work, const std::map<std::string, InstanceType>& types,
                              const std::map<std::string, double>& prices) {
  std::vector<Class> classes;
  for (const WorkOfClass& one : work) {
    Class made;
    made.hours = one.hours;
    std::size_t number = 0;
    for (const auto& [name, type] : types) {
      const Shares shares = shares_of(one.need, type.resources());
      const bool fits = std::all_of(shares.begin(), shares.end(), [](double part) { return part <= 1; });
      const auto price = prices.find(name);
      if (fits && type.preemptible == one.preemptible)
        made.choices.push_back({number, price == prices.end() ? type.price : price->second, shares});
      ++number;
    }
    if (!made.choices.empty()) classes.push_back(std::move(made));
  }
  return classes;
}

}  // namespace

double cost_lower_bound(const std::vector<WorkOfClass>& work, const std::map<std::string, InstanceType>& types,
                        const std::map<std::string, double>& prices) {
  const std::vector<Class> classes = classes_of(work, types, prices);
  std::size_t choices = 1;
  for (const Class& one : classes) choices += one.choices.size();
  const int steps = static_cast<int>(std::clamp<std::size_t>(kMostWork / choices, 20, kMostSteps));
  std::vector<Shares> split(types.size(), Shares{0.5, 0.5, 0, 0});
  std::vector<Shares> slope(types.size());
  double bound = 0;
  for (int step = 0; step < steps; ++step) {
    std::fill(slope.begin(), slope.end(), Shares{});
    double value = 0;
    for (const Class& one : classes) {
      const Choice* best = nullptr;
      double least = std::numeric_limits<double>::infinity();
      for (const Choice& choice : one.choices)
        if (const double cost = cost_of(choice, split[choice.type]); cost < least) {
          least = cost;
          best = &choice;
        }
      value += one.hours * least;
      for (std::size_t r = 0; r < kResources; ++r) slope[best->type][r] += one.hours * best->price * best->shares[r];
    }
    bound = std::max(bound, value);
    double steepest = 1e-12;
    for (const Shares& s : slope) {
      const auto [low, high] = std::minmax_element(s.begin(), s.end());
      steepest = std::max(steepest, *high - *low);
    }
    const double length = 0.3 / std::sqrt(step + 1.0) / steepest;
    for (std::size_t t = 0; t < split.size(); ++t) {
      for (std::size_t r = 0; r < kResources; ++r) split[t][r] += length * slope[t][r];
      project(split[t]);
    }
  }
  return bound;
}

}  // namespace berth
