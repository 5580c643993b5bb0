#include "pass_planner.hpp"

#include "scheduling_order.hpp"

namespace berth {
namespace {

template <class Memo>
void tell(Memo& memo, const MatchedQueue::Changes& changes) {
  for (const std::uint32_t container : changes.containers) memo.container_changed(container);
  for (const std::uint32_t instance : changes.instances) memo.instance_changed(instance);
}

}  // namespace

PassPlanner::PassPlanner(const SchedulerOptions& options, Policy policy)
    : policy_(policy), builder_(options.instance_types, options.max_containers_per_instance, policy == Policy::cost) {
  if (policy == Policy::cost) cost_memory_.emplace(options.cost_rules);
}

Decisions PassPlanner::decide(const MatchedQueue& queue, const MatchedQueue::Changes& changes, const PassRecord& record,
                              SteadyTime now, WallTime wall_now) {
  const auto unlocking = [&](const std::string& uuid) { return record.unlocking.contains(uuid); };
  const bool same_needs = builder_.update(queue, changes, *record.pool, unlocking, record.limits);
  if (cost_memory_) {
    const bool anew = !cost_memo_ || !same_needs;
    const bool other_keys = cost_memory_->complete(builder_.input(), queue, changes, anew, now, wall_now);
    if (anew || other_keys) cost_memo_.emplace(builder_.input());
    tell(*cost_memo_, changes);
    reasons_ = {};
    return plan(builder_.input(), *cost_memo_, reasons_);
  }
  if (policy_ != Policy::greedy) return plan(builder_.input(), policy_);
  if (!memo_ || !same_needs) memo_.emplace(builder_.input());
  tell(*memo_, changes);
  return plan(builder_.input(), *memo_);
}

void PassPlanner::explain(const Decisions& made, const MatchedQueue& queue, PassRecord& record) const {
  if (!cost_memory_) return;
  const auto entry = [&](std::uint32_t container) { return queue.rows()[container].entry.get(); };
  record.rest = reasons_.rest;
  record.positions = reasons_.positions;
  for (const auto& [container, status] : reasons_.told) record.told.emplace_back(entry(container), status);
  for (const PlanStart& start : made.starts)
    if (record.refused.contains(*queue.rows()[start.container].uuid))
      record.told.emplace_back(entry(start.container),
                               ContainerStatus{Reason::new_instance, builder_.input().instances[start.instance].type});
}

std::optional<std::string> PassPlanner::difference_from_nothing(const Decisions& made,
                                                                const Reconciliation& reconciliation,
                                                                const MatchedQueue& queue,
                                                                const PassRecord& record) const {
  NamedDecisions kept = named(made, reconciliation, queue, builder_);
  if (!cost_memory_) return difference(kept, named_anew(record));
  const PlanInput& input = builder_.input();
  const std::vector<std::uint32_t> order = scheduling_order(input.containers);
  add_statuses(kept, order, statuses_of(input, order, reasons_), queue, builder_);
  return difference(kept, named_anew(record, [&](PlanInput& anew, const MatchedQueue& as) {
                      cost_memory_->complete_again(anew, as, input.cost);
                    }));
}

void PassPlanner::learn(const std::vector<PastRun>& runs) {
  if (cost_memory_) cost_memory_->learn(runs);
}

std::map<std::string, Duration> PassPlanner::remember(const Decisions& made, const MatchedQueue& queue) {
  if (!cost_memory_) return {};
  cost_memory_->remember(made, queue);
  return cost_memory_->new_idle_timeouts(made, builder_);
}

}  // namespace berth
