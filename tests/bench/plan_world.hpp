#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <deque>
#include <map>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_learned.hpp"

namespace berth::bench {

enum class PoolLoad { empty, half, full };
enum class Needs {
  equal,     ///< all the same, and so little that two or three fit on most instances
  classes,   ///< at most 1,000 different ones
  distinct,  ///< all different
};

struct WorldSize {
  std::uint32_t containers = 0;
  std::uint32_t instances = 0;
  std::uint32_t types = 0;
  PoolLoad load = PoolLoad::empty;
  Needs needs = Needs::classes;
  friend bool operator==(const WorldSize&, const WorldSize&) = default;
};

/// A made-up cluster: Locked containers in scheduling order and ready instances, reproducible.
class PlanWorld {
 public:
  explicit PlanWorld(const WorldSize& size) {
    add_types(size.types);
    const std::uint32_t classes = size.needs == Needs::equal     ? 1
                                  : size.needs == Needs::classes ? std::min(1000u, size.containers)
                                                                 : size.containers;
    if (size.needs == Needs::equal) add_need({1, kGiB, kGiB, 0, 0});
    while (input.needs.size() < classes) add_need();
    for (std::uint32_t i = 0; i < size.instances; ++i) add_instance(size.load);
    const auto in_pool = static_cast<std::uint32_t>(input.containers.size());
    for (std::uint32_t i = 0; i < size.containers; ++i) add_container(size.needs == Needs::distinct ? i : any_need());
    input.limits.running = in_pool;
    input.limits.total_instances = size.instances;
    input.limits.blocked_types.assign(size.types, false);
  }

  PlanInput input;

  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(high - low + 1));
  }
  std::uint32_t any_need() {
    return static_cast<std::uint32_t>(between(0, static_cast<std::int64_t>(input.needs.size()) - 1));
  }
  std::uint32_t add_container(std::uint32_t need) {
    PlanContainer container;
    container.uuid = strings_.emplace_back("zzzzz-dz642-" + std::to_string(100000000000000 + input.containers.size()));
    container.need = need;
    container.state = ContainerState::locked;
    container.priority = 500;
    container.first_seen = WallTime(Duration(input.containers.size()));
    input.containers.push_back(container);
    return static_cast<std::uint32_t>(input.containers.size() - 1);
  }

  std::uint32_t add_need() {
    for (;;) {
      const std::int64_t vcpus = pick({1, 1, 1, 1, 2, 2, 4, 4, 8, 16});
      const double ram = static_cast<double>(vcpus) * (0.4 + 5 * fraction() * fraction()) * static_cast<double>(kGiB);
      const Resources need{vcpus, static_cast<std::int64_t>(ram), between(0, 100 * kGiB), 0, 0};
      if (add_need(need)) return static_cast<std::uint32_t>(input.needs.size() - 1);
    }
  }

 private:
  static constexpr std::int64_t kGiB = std::int64_t{1} << 30;

  /// False: it fits on no type.
  bool add_need(const Resources& need) {
    auto list = eligible(need, 1.5);
    if (list.empty()) return false;
    const std::uint32_t within_ceiling = number_of(std::move(list));
    input.needs.push_back({need, within_ceiling, number_of(eligible(need, 1e300))});
    return true;
  }
  double fraction() { return static_cast<double>(random_() >> 11) * 0x1p-53; }
  template <std::size_t N>
  std::int64_t pick(const std::int64_t (&of)[N]) {
    return of[between(0, N - 1)];
  }
  void add_types(std::uint32_t count) {
    const std::int64_t usual[] = {2, 2, 2, 2, 3, 4, 4, 4, 6, 8, 12, 16, 24, 32, 64};
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::int64_t vcpus = i < 4 ? std::int64_t{64} >> (2 * i) : pick(usual);  // the first can hold anything
      const std::int64_t ram_per_vcpu = i < 4 ? 8 : pick({2, 3, 4, 4, 6, 8});
      const double price = (static_cast<double>(vcpus) * 0.02 + static_cast<double>(vcpus * ram_per_vcpu) * 0.004) *
                           (0.95 + 0.1 * fraction());
      input.types.push_back(
          {price, {vcpus, vcpus * ram_per_vcpu * kGiB, pick({100, 150, 200, 400, 800, 1600}) * kGiB, 0, 0}});
    }
  }

  std::uint32_t number_of(std::vector<std::uint32_t> list) {
    const auto [known, fresh] = lists_.emplace(std::move(list), input.type_lists.size());
    if (fresh) input.type_lists.push_back(known->first);
    return known->second;
  }

  /// Facts §4.2, §4.3.
  std::vector<std::uint32_t> eligible(const Resources& need, double maximum_price_factor) const {
    const auto fits = [&](const Resources& size) {
      return size.vcpus >= need.vcpus && size.ram >= need.ram && size.scratch >= need.scratch;
    };
    std::vector<std::uint32_t> list;
    double lowest = 1e300;
    for (std::uint32_t t = 0; t < input.types.size(); ++t) {
      if (!fits(input.types[t].size)) continue;
      list.push_back(t);
      lowest = std::min(lowest, input.types[t].price);
    }
    std::erase_if(list, [&](std::uint32_t t) { return input.types[t].price > lowest * maximum_price_factor; });
    std::sort(list.begin(), list.end(), [&](std::uint32_t a, std::uint32_t b) {
      return std::tuple(input.types[a].price, a) < std::tuple(input.types[b].price, b);
    });
    return list;
  }

  void add_instance(PoolLoad load) {
    PlanInstance instance;
    instance.id = strings_.emplace_back("i-" + std::to_string(random_()));
    const auto& list = input.type_lists[input.needs[any_need()].type_list];
    instance.type = list[static_cast<std::size_t>(between(0, static_cast<std::int64_t>(list.size()) - 1))];
    const Resources size = input.types[instance.type].size;
    Resources left = size;
    for (int tries = 0; load != PoolLoad::empty && tries < 30; ++tries) {
      if (load == PoolLoad::half && 2 * left.vcpus <= size.vcpus) break;
      const std::uint32_t need = any_need();
      const Resources& r = input.needs[need].need;
      if (r.vcpus > left.vcpus || r.ram > left.ram || r.scratch > left.scratch) continue;
      left = {left.vcpus - r.vcpus, left.ram - r.ram, left.scratch - r.scratch, 0, 0};
      add_container(need);
      input.containers.back().in_pool = true;
      input.containers.back().state = ContainerState::running;
      instance.containers.push_back(static_cast<std::uint32_t>(input.containers.size() - 1));
    }
    instance.state = instance.containers.empty() ? WorkerState::idle : WorkerState::running;
    input.instances.push_back(std::move(instance));
  }

  std::mt19937_64 random_{1};
  std::map<std::vector<std::uint32_t>, std::uint32_t> lists_;
  std::deque<std::string> strings_;
};

/// What policy `cost` has learned of a thousand kinds of containers, and how long those have run that run.
inline LearnedTimes learn(PlanWorld& world) {
  constexpr std::uint32_t kinds = 1000;
  constexpr std::int64_t ends_of_each = 20;
  LearnedTimes learned;
  for (std::uint32_t kind = 0; kind < kinds; ++kind)
    for (std::int64_t i = 0; i < ends_of_each; ++i)
      learned.run_times.add(kind, std::exp2(static_cast<double>(world.between(20, 160)) / 10));
  for (PlanContainer& container : world.input.containers) {
    container.run_time_key = container.need % kinds;
    if (container.in_pool)
      container.started = world.input.cost.steady_now - std::chrono::seconds(world.between(0, 9000));
  }
  return learned;
}

}  // namespace berth::bench
