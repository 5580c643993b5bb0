// plan() on made-up clusters, from nothing. Rows: plan/<containers>/<instances>/<types>/<pool>/<needs>[/create]
// [/reference | /cost [/scarce]]; with `create`, as many instances may be created as are wanted, with `scarce` 50:
// fewer than are wanted, so that containers are grouped. Policy `cost` has learned run times. Containers come in
// scheduling order; order/<containers> is what sorting them anew costs. Each row checks what was planned before it
// counts.
#include <algorithm>
#include <benchmark/benchmark.h>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "capacity.hpp"
#include "plan_world.hpp"
#include "scheduling_order.hpp"

namespace berth::bench {
namespace {

struct Row {
  WorldSize size;
  bool create = false;
  Policy policy = Policy::greedy;
  std::optional<std::int64_t> instances_left{};
};

std::string name_of(const Row& row) {
  const char* loads[] = {"empty", "half", "full"};
  const char* needs[] = {"equal", "classes", "distinct"};
  return "plan/" + std::to_string(row.size.containers) + "/" + std::to_string(row.size.instances) + "/" +
         std::to_string(row.size.types) + "/" + loads[static_cast<int>(row.size.load)] + "/" +
         needs[static_cast<int>(row.size.needs)] + (row.create ? "/create" : "") +
         (row.policy == Policy::greedy ? ""
          : row.policy == Policy::cost ? "/cost"
                                       : "/reference") +
         (row.instances_left ? "/scarce" : "");
}

/// Plays the starts back; null if none exceeds its instance, else what is wrong.
const char* play_back(const PlanInput& input, const Plan& plan, std::vector<Capacity>& left) {
  for (const PlanInstance& instance : input.instances) {
    left.push_back({input.types[instance.type].size, false});
    for (std::uint32_t c : instance.containers)
      left.back().subtract(input.needs[input.containers[c].need].need, GpuMemory::per_device);
  }
  for (const PlanStart& start : plan.starts) {
    const Resources& need = input.needs[input.containers[start.container].need].need;
    if (!left[start.instance].accommodates(need)) return "an instance got more than fits";
    left[start.instance].subtract(need, GpuMemory::per_device);
  }
  return nullptr;
}

/// Null if what waits for new instances fits on those that are created, by type and all in all.
const char* check_creates(const PlanInput& input, const Plan& plan) {
  std::vector<Resources> left(input.types.size());
  const auto add = [&](std::uint32_t type, const Resources& more, std::int64_t times) {
    left[type].vcpus += times * more.vcpus;
    left[type].ram += times * more.ram;
    left[type].scratch += times * more.scratch;
    left[type].gpus += times * more.gpus;
  };
  for (const std::uint32_t type : plan.creates) add(type, input.types[type].size, 1);
  for (std::uint32_t c = 0; c < input.containers.size(); ++c) {
    const ContainerStatus& status = plan.statuses[c];
    if (status.reason != Reason::new_instance) continue;
    const Resources& need = input.needs[input.containers[c].need].need;
    if (!Capacity{input.types[status.type].size, false}.accommodates(need))
      return "a container waits for a new instance that it does not fit on";
    add(status.type, need, -1);
  }
  for (const Resources& of_type : left)
    if (of_type.vcpus < 0 || of_type.ram < 0 || of_type.scratch < 0 || of_type.gpus < 0)
      return "more waits for new instances than fits on them";
  return nullptr;
}

bool fits_somewhere(const PlanInput& input, const std::vector<Capacity>& left, std::uint32_t container) {
  const NeedClass& need = input.needs[input.containers[container].need];
  std::vector<bool> eligible(input.types.size());
  for (std::uint32_t type : input.type_lists[need.type_list]) eligible[type] = true;
  for (std::size_t i = 0; i < left.size(); ++i)
    if (eligible[input.instances[i].type] && left[i].accommodates(need.need)) return true;
  return false;
}

/// Null if everything placeable was placed (of what was not placed, up to 1,000 are looked at).
const char* check(const PlanInput& input, const Plan& plan, bool create) {
  std::vector<Capacity> left;
  if (const char* wrong = play_back(input, plan, left)) return wrong;
  if (const char* wrong = check_creates(input, plan)) return wrong;
  std::vector<std::uint32_t> waiting;
  for (std::uint32_t c = 0; c < input.containers.size(); ++c) {
    const Reason reason = plan.statuses[c].reason;
    if (!input.containers[c].in_pool && reason != Reason::preparing && reason != Reason::new_instance)
      waiting.push_back(c);
  }
  if (create && !waiting.empty()) return "a container got neither an instance nor a new one";
  for (std::size_t i = 0; i < waiting.size(); i += 1 + waiting.size() / 1000)
    if (fits_somewhere(input, left, waiting[i])) return "a container that fits somewhere was not placed";
  return nullptr;
}

/// The world of the row that runs, kept because the library calls a row several times.
class CurrentWorld {
 public:
  PlanWorld& of(const WorldSize& size) {
    if (!world_ || !(size == size_)) world_ = std::make_unique<PlanWorld>(size);
    size_ = size;
    return *world_;
  }

 private:
  WorldSize size_;
  std::unique_ptr<PlanWorld> world_;
};

void run_plan(benchmark::State& state, const Row& row, CurrentWorld& worlds) {
  PlanWorld& world = worlds.of(row.size);
  PlanInput& input = world.input;
  const LearnedTimes learned = learn(world);
  input.cost.learned = &learned;
  input.limits.create_slots = row.create || row.instances_left ? 1 << 30 : 0;
  input.limits.instances_left = row.instances_left;
  const Plan made = plan(input, row.policy);
  if (const char* wrong = check(input, made, row.create)) return state.SkipWithError(wrong);
  for (auto _ : state) benchmark::DoNotOptimize(plan(input, row.policy));
  const double placed = static_cast<double>(made.starts.size()) + static_cast<double>(made.allocated_not_started);
  state.counters["placed"] = placed;
  state.counters["creates"] = static_cast<double>(made.creates.size());
  state.counters["placements/s"] = benchmark::Counter(placed, benchmark::Counter::kIsIterationInvariantRate);
}

void run_order(benchmark::State& state, std::uint32_t count) {
  PlanWorld world({count, 1, 10, PoolLoad::empty, Needs::classes});
  const std::vector<PlanContainer> in_order = world.input.containers;
  std::shuffle(world.input.containers.begin(), world.input.containers.end(), std::mt19937_64(2));
  const std::vector<std::uint32_t> order = scheduling_order(world.input.containers);
  const auto same = [&](std::uint32_t number, const PlanContainer& wanted) {
    return world.input.containers[number].uuid == wanted.uuid;
  };
  if (!std::equal(order.begin(), order.end(), in_order.begin(), in_order.end(), same))
    return state.SkipWithError("not in scheduling order");
  for (auto _ : state) benchmark::DoNotOptimize(scheduling_order(world.input.containers));
}

void add(const std::shared_ptr<CurrentWorld>& worlds, const Row& row) {
  const auto run = [worlds, row](benchmark::State& state) { run_plan(state, row, *worlds); };
  benchmark::RegisterBenchmark(name_of(row).c_str(), run)->Unit(benchmark::kMillisecond);
}

void add_size(const std::shared_ptr<CurrentWorld>& worlds, const WorldSize& size) {
  add(worlds, {size});
  add(worlds, {size, false, Policy::cost});
  if (size.load != PoolLoad::half) return;
  add(worlds, {size, true});
  add(worlds, {size, true, Policy::cost});
  add(worlds, {size, false, Policy::cost, 50});
  if (size.containers > 10000 || size.instances > 1000 || size.types > 100) return;
  if (size.needs == Needs::classes) add(worlds, {size, false, Policy::reference});
}

void add_all() {
  const auto worlds = std::make_shared<CurrentWorld>();
  for (std::uint32_t containers : {1000u, 10000u, 100000u})
    for (std::uint32_t instances : {100u, 1000u, 10000u})
      for (std::uint32_t types : {10u, 100u, 1000u})
        for (Needs needs : {Needs::equal, Needs::classes, Needs::distinct})
          for (PoolLoad load : {PoolLoad::empty, PoolLoad::half, PoolLoad::full})
            add_size(worlds, {containers, instances, types, load, needs});
  for (std::uint32_t count : {10000u, 100000u})
    benchmark::RegisterBenchmark(("order/" + std::to_string(count)).c_str(), run_order, count)
        ->Unit(benchmark::kMillisecond);
}

const bool registered = (add_all(), true);

}  // namespace
}  // namespace berth::bench
