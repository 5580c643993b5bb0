#include "recount.hpp"

#include <algorithm>
#include <utility>

#include "scheduled_queue.hpp"

namespace berth {
namespace {

/// The input of a pass made from nothing.
struct Recount {
  explicit Recount(const PassRecord& pass)
      : builder(pass.options->instance_types, pass.options->max_containers_per_instance) {
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

}  // namespace

ScheduledQueue scheduled_queue(const PassRecord& pass) {
  const Recount recount(pass);
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
  for (const PlanStart& start : made.starts)
    out.lines.push_back("start " + *queue.rows()[start.container].uuid + '@' +
                        std::to_string(queue.instances()[start.instance]->number));
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

NamedDecisions named_anew(const PassRecord& pass) {
  const Recount recount(pass);
  return named(plan(recount.builder.input(), pass.policy), recount.reconcile.decide(recount.queue, pass.queue->updated),
               recount.queue, recount.builder);
}

std::optional<std::string> difference(const NamedDecisions& kept, const NamedDecisions& anew) {
  if (kept == anew) return std::nullopt;
  const auto [a, b] = std::mismatch(kept.lines.begin(), kept.lines.end(), anew.lines.begin(), anew.lines.end());
  return "kept state decides \"" + (a == kept.lines.end() ? std::string("nothing more") : *a) +
         "\", without it the decision is \"" + (b == anew.lines.end() ? std::string("nothing more") : *b) + '"';
}

}  // namespace berth
