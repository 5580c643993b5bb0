#include "recount.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "cost_pass.hpp"
#include "scheduled_queue.hpp"
#include "scheduling_order.hpp"

namespace berth {
namespace {

/// The input of a pass made from nothing.
struct Recount {
  explicit Recount(const PassRecord& pass)
      : builder(pass.options->instance_types, pass.options->max_containers_per_instance, pass.policy == Policy::cost) {
    const MatchedQueue::Changes all = queue.update(*pass.queue, *pass.pool);
    const auto unlocking = [&](const std::string& uuid) { return pass.unlocking.contains(uuid); };
    builder.update(queue, all, *pass.pool, unlocking, pass.limits);
    reconcile.update(queue, all.containers);
  }
  MatchedQueue queue;
  PlanInputBuilder builder;
  ReconcilePass reconcile;
};

void add(std::vector<std::string>& lines, const char* verb, const std::vector<std::string>& names) {
  for (const std::string& name : names) lines.push_back(std::string(verb) + ' ' + name);
}

/// The plan of policy `cost`, as far as it tells about those that wait.
Plan told_again(const PassRecord& pass, const Recount& recount) {
  std::unordered_map<const QueueEntry*, std::uint32_t> numbers;
  for (const auto& [entry, status] : pass.told) numbers.try_emplace(entry, 0);
  for (std::uint32_t c = 0; c < recount.queue.rows().size(); ++c)
    if (const auto told = numbers.find(recount.queue.rows()[c].entry.get()); told != numbers.end()) told->second = c;
  WaitReasons reasons{{}, pass.rest, pass.positions};
  for (const auto& [entry, status] : pass.told) reasons.told.emplace_back(numbers.at(entry), status);
  Plan plan;
  plan.order = scheduling_order(recount.builder.input().containers);
  plan.statuses = statuses_of(recount.builder.input(), plan.order, reasons);
  return plan;
}

}  // namespace

ScheduledQueue scheduled_queue(const PassRecord& pass) {
  const Recount recount(pass);
  if (pass.policy == Policy::cost) return scheduled_queue(told_again(pass, recount), recount.queue, recount.builder);
  Plan made = plan(recount.builder.input(), pass.policy);
  for (const PlanStart& start : std::exchange(made.starts, {}))
    if (pass.refused.contains(*recount.queue.rows()[start.container].uuid))
      refuse_start(made, start, recount.builder.input());
  return scheduled_queue(made, recount.queue, recount.builder);
}

NamedDecisions named(const Decisions& made, const Reconciliation& reconciliation, const MatchedQueue& queue,
                     const PlanInputBuilder& names) {
  const auto uuids = [&](const std::vector<std::uint32_t>& containers) {
    std::vector<std::string> all;
    for (const std::uint32_t c : containers) all.push_back(*queue.rows()[c].uuid);
    return all;
  };
  const auto sorted = [](std::vector<std::string> all) {
    std::sort(all.begin(), all.end());
    return all;
  };
  NamedDecisions out;
  add(out.lines, "lock", uuids(made.locks));
  add(out.lines, "unlock", uuids(made.unlocks));
  add(out.lines, "end process of an earlier attempt of", uuids(made.kills));
  const auto at = [&](const char* verb, std::uint32_t container, std::uint32_t instance) {
    out.lines.push_back(verb + *queue.rows()[container].uuid + '@' +
                        std::to_string(queue.instances()[instance]->number));
  };
  for (const PlanStart& start : made.starts) at("start ", start.container, start.instance);
  for (const PlanStart& start : made.ahead) at("keep room for ", start.container, start.instance);
  if (made.guard) at("guard ", made.guard->container, made.guard->instance);
  if (made.wake_after) out.lines.push_back("wake after " + std::to_string(made.wake_after->count()));
  for (std::uint32_t type = 0; type < made.idle_timeouts.size(); ++type)
    out.lines.push_back("idle " + names.type_name(type) + ' ' + std::to_string(made.idle_timeouts[type].count()));
  for (const std::uint32_t type : made.creates) out.lines.push_back("create " + names.type_name(type));
  for (const std::uint32_t i : made.shutdowns)
    out.lines.push_back("shut down " + std::to_string(queue.instances()[i]->number));
  out.lines.push_back(made.at_quota ? "at quota" : "not at quota");
  out.lines.push_back("allocated " + std::to_string(made.allocated_not_started) + ", over quota " +
                      std::to_string(made.not_allocated_over_quota));
  std::vector<std::string> kills;
  for (const KillRequest& kill : reconciliation.kills) kills.push_back(kill.uuid + ": " + kill.reason);
  add(out.lines, "kill", sorted(std::move(kills)));
  add(out.lines, "clear", sorted(reconciliation.placeholders));
  add(out.lines, "cancel", sorted(reconciliation.cancels));
  add(out.lines, "requeue", sorted(reconciliation.requeues));
  add(out.lines, "forget", sorted(reconciliation.forgets));
  return out;
}

void add_statuses(NamedDecisions& out, const std::vector<std::uint32_t>& order,
                  const std::vector<ContainerStatus>& statuses, const MatchedQueue& queue,
                  const PlanInputBuilder& names) {
  for (const std::uint32_t c : order) {
    const ContainerStatus& status = statuses[c];
    out.lines.push_back(*queue.rows()[c].uuid + ": " + std::string(to_string(status.reason)) + ' ' +
                        (status.type == kNoType ? std::string() : names.type_name(status.type)) + ' ' +
                        std::to_string(status.position));
  }
}

NamedDecisions named_anew(const PassRecord& pass, const CompleteInput& complete) {
  Recount recount(pass);
  if (complete) complete(recount.builder.input(), recount.queue);
  const Plan made = plan(recount.builder.input(), pass.policy);
  NamedDecisions out =
      named(made, recount.reconcile.decide(recount.queue, pass.queue->updated), recount.queue, recount.builder);
  if (complete) add_statuses(out, made.order, made.statuses, recount.queue, recount.builder);
  return out;
}

std::optional<std::string> difference(const NamedDecisions& kept, const NamedDecisions& anew) {
  if (kept == anew) return std::nullopt;
  const auto [a, b] = std::mismatch(kept.lines.begin(), kept.lines.end(), anew.lines.begin(), anew.lines.end());
  return "kept state decides \"" + (a == kept.lines.end() ? std::string("nothing more") : *a) +
         "\", without it the decision is \"" + (b == anew.lines.end() ? std::string("nothing more") : *b) + '"';
}

}  // namespace berth
