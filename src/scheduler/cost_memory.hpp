#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_learned.hpp"
#include "matched_queue.hpp"
#include "past_runs.hpp"
#include "plan_input.hpp"

namespace berth {

/// What the scheduler's shell keeps between passes for the policy `cost`: it watches the pool's snapshots, learns times
/// from them, and adds to the planner's input what only this policy looks at.
class CostMemory {
 public:
  explicit CostMemory(CostRules rules) : rules_(rules) {}

  /// Learns from what has changed in queue and pool since the last call, and completes the input made of them. `anew`:
  /// all containers in the input are. The input borrows from this memory. Returns whether run-time keys mean something
  /// else than before.
  bool complete(PlanInput& input, const MatchedQueue& queue, const MatchedQueue::Changes& changes, bool anew,
                SteadyTime now, WallTime wall_now);
  /// As if these had ended here.
  void learn(const std::vector<PastRun>& runs);
  /// Completes another input of the same pass, made of snapshots alone, `as` that of the pass.
  void complete_again(PlanInput& input, const MatchedQueue& queue, const CostInput& as) const;
  /// Keeps what the plan made of that input says about later passes.
  void remember(const Decisions& plan, const MatchedQueue& queue);
  /// Idle time-outs that differ from those handed out before, by type name.
  std::map<std::string, Duration> new_idle_timeouts(const Decisions& plan, const PlanInputBuilder& names);

 private:
  struct Run {
    std::uint32_t key = 0;
    SteadyTime started{};
  };
  /// What was last seen of a container in the pool: looked at again only when it is another.
  struct KnownProcess {
    std::shared_ptr<const PoolProcessEntry> process;
    bool has_entry = false;
    std::optional<Run> run;  ///< while it goes on
  };
  struct Seen {
    std::uint64_t number = 0;
    std::uint32_t type = kNoType;
    WorkerState state = WorkerState::booting;
    std::optional<SteadyTime> idle_since;  ///< nothing before its first container and while something runs
    bool used = false;
  };
  std::uint32_t key_of(const std::string& image, const Resources& need);
  void learn_run_time(std::uint32_t container, const MatchedQueue::Row& row, std::uint32_t key);
  void look_at_running(SteadyTime now);
  void learn_instances(const PlanInput& input, const MatchedQueue& queue, const std::vector<std::uint32_t>& changed,
                       SteadyTime now);
  std::optional<PlanGuard> last_guard(const MatchedQueue& queue) const;
  Seen see(const Seen& before, const PoolInstance& shown, SteadyTime now);
  void leave(const Seen& gone);

  const CostRules rules_;
  LearnedTimes learned_;
  std::map<std::pair<std::string, Resources>, std::uint32_t> keys_;  // by image and need
  std::optional<SteadyTime> looked_at_running_;
  std::vector<KnownProcess> known_;                             // by number of the container
  std::vector<std::optional<Seen>> seen_;                       // by number of the instance in the input
  std::optional<std::pair<std::string, std::uint64_t>> guard_;  // uuid, number of the instance
  std::vector<Duration> idle_timeouts_;                         // as handed out, by type
};

}  // namespace berth
