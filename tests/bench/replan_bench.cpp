// plan(input, memo) after one change. Rows: replan/<containers>/<instances>/<types>/full/<needs>/<change>[/cost], the
// pool as full as it gets. A change is told and planned; that its outcome is carried out, and the pass after that, is
// not in the figure. Each row checks now and then that the plan from nothing decides the same, and `finished` and
// `ready` each time that the room is used: another container with the needs of one that ends has been waiting.
#include <benchmark/benchmark.h>
#include <memory>
#include <string>

#include "cost_memo.hpp"
#include "plan_memo.hpp"
#include "plan_world.hpp"

namespace berth::bench {
namespace {

enum class Change {
  finished,  ///< a container has ended, which makes room
  queued,    ///< a container has come
  priority,  ///< a container that waits has got another priority
  ready,     ///< an empty instance has become ready
};

Decisions pass_with(const PlanInput& input, PlanMemo& memo) {
  return plan(input, memo);
}
Decisions pass_with(const PlanInput& input, CostMemo& memo) {
  WaitReasons reasons;
  return plan(input, memo, reasons);
}
Decisions from_nothing(const PlanInput& input, const PlanMemo& /*memo*/) {
  return plan(input, Policy::greedy);
}
Decisions from_nothing(const PlanInput& input, const CostMemo& /*memo*/) {
  return plan(input, Policy::cost);
}

/// With policy `cost`, time passes from change to change, and what has ended is learned from.
template <class Memo>
class ReplanWorld {
 public:
  explicit ReplanWorld(const WorldSize& size)
      : size_(size), world_(size), learned_(learn(world_)), memo_(world_.input) {
    world_.input.cost.learned = &learned_;
    settle();
  }

  PlanInput& input() { return world_.input; }
  Decisions pass() { return pass_with(world_.input, memo_); }
  Decisions pass_from_nothing() { return from_nothing(world_.input, memo_); }
  void settle() {
    for (bool settled = false; !settled;) {
      const Decisions made = pass();
      carry_out(made);
      settled = made.starts.empty();
    }
  }
  void carry_out(const Decisions& made) {
    for (const PlanStart& start : made.starts) {
      input().containers[start.container].in_pool = true;
      input().containers[start.container].state = ContainerState::running;
      input().containers[start.container].started = input().cost.steady_now;
      input().instances[start.instance].containers.push_back(start.container);
      memo_.container_changed(start.container);
      memo_.instance_changed(start.instance);
      ++input().limits.running;
    }
  }

  /// What is there before the change that is timed; returns the number of what will change.
  std::uint32_t prepare(Change change) {
    if (change == Change::queued) return size_.needs == Needs::distinct ? world_.add_need() : world_.any_need();
    if (change == Change::priority) return any_waiting();
    const std::uint32_t instance = any_wanted_instance();
    if (change == Change::finished) return instance;
    while (!input().instances[instance].containers.empty()) finish_one(instance);
    input().instances[instance].state = WorkerState::shutdown;
    memo_.instance_changed(instance);
    pass();
    return instance;
  }
  void make(Change change, std::uint32_t number) {
    constexpr auto time = std::chrono::milliseconds(100);
    input().cost.now += time;
    input().cost.steady_now += time;
    switch (change) {
      case Change::finished:
        return finish_one(number);
      case Change::queued:
        return memo_.container_changed(world_.add_container(number));
      case Change::priority:
        input().containers[number].priority = world_.between(1, 1000);
        return memo_.container_changed(number);
      case Change::ready:
        input().instances[number].state = WorkerState::idle;
        return memo_.instance_changed(number);
    }
  }

 private:
  std::uint32_t any(std::size_t count) {
    return static_cast<std::uint32_t>(world_.between(0, static_cast<std::int64_t>(count) - 1));
  }
  std::uint32_t need_of_last(std::uint32_t instance) {
    return input().containers[input().instances[instance].containers.back()].need;
  }
  /// One whose last container might be started there again: a made-up pool runs some on types that are not theirs.
  std::uint32_t any_busy_instance() {
    for (;;) {
      const std::uint32_t number = any(input().instances.size());
      const PlanInstance& instance = input().instances[number];
      if (instance.containers.empty()) continue;
      const auto& types = input().type_lists[input().needs[need_of_last(number)].type_list];
      if (std::find(types.begin(), types.end(), instance.type) != types.end()) return number;
    }
  }
  /// One whose last container has the needs of another, new one that finds no room.
  std::uint32_t any_wanted_instance() {
    for (;;) {
      const std::uint32_t instance = any_busy_instance();
      const std::uint32_t container = world_.add_container(need_of_last(instance));
      memo_.container_changed(container);
      settle();
      if (!input().containers[container].in_pool) return instance;
    }
  }
  std::uint32_t any_waiting() {
    for (;;) {
      const std::uint32_t container = any(input().containers.size());
      if (!input().containers[container].in_pool && !input().containers[container].gone) return container;
    }
  }
  void finish_one(std::uint32_t instance) {
    auto& listed = input().instances[instance].containers;
    const std::uint32_t container = listed.back();
    listed.pop_back();
    PlanContainer& ended = input().containers[container];
    learned_.run_times.add(ended.run_time_key, time_run(input(), ended));
    ended.gone = true;
    ended.started.reset();
    --input().limits.running;
    memo_.container_changed(container);
    memo_.instance_changed(instance);
  }

  WorldSize size_;
  PlanWorld world_;
  LearnedTimes learned_;
  Memo memo_;
};

template <class Memo>
void run_replan(benchmark::State& state, const WorldSize& size, Change change) {
  ReplanWorld<Memo> world(size);
  std::size_t starts = 0;
  int count = 0;
  for (auto _ : state) {
    state.PauseTiming();
    const std::uint32_t number = world.prepare(change);
    world.settle();
    state.ResumeTiming();
    world.make(change, number);
    const Decisions made = world.pass();
    state.PauseTiming();
    if (count++ % 50 == 0 && !(made == world.pass_from_nothing()))
      state.SkipWithError("the plan from nothing decides otherwise");
    if ((change == Change::finished || change == Change::ready) && made.starts.empty()) {
      state.SkipWithError("nothing was started in the room that there was");
      break;
    }
    starts += made.starts.size();
    world.carry_out(made);
    world.pass();
    state.ResumeTiming();
  }
  state.counters["starts"] = static_cast<double>(starts);
}

const char* name_of(Change change) {
  const char* names[] = {"finished", "queued", "priority", "ready"};
  return names[static_cast<int>(change)];
}

void add_all() {
  const char* needs_names[] = {"equal", "classes", "distinct"};
  for (std::uint32_t types : {10u, 100u, 1000u})
    for (Needs needs : {Needs::equal, Needs::classes, Needs::distinct})
      for (Change change : {Change::finished, Change::queued, Change::priority, Change::ready}) {
        const std::string name = "replan/100000/10000/" + std::to_string(types) + "/full/" +
                                 needs_names[static_cast<int>(needs)] + '/' + name_of(change);
        const WorldSize size{100000, 10000, types, PoolLoad::full, needs};
        benchmark::RegisterBenchmark(name.c_str(), run_replan<PlanMemo>, size, change)->Unit(benchmark::kMillisecond);
        benchmark::RegisterBenchmark((name + "/cost").c_str(), run_replan<CostMemo>, size, change)
            ->Unit(benchmark::kMillisecond);
      }
}

const bool registered = (add_all(), true);

}  // namespace
}  // namespace berth::bench
