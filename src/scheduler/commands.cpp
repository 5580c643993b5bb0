#include "commands.hpp"

namespace berth {

PoolCommands pool_commands(const Plan& plan, const Reconciliation& reconciliation, const MatchedQueue& queue,
                           const PoolSnapshot& pool, const PlanInputBuilder& names) {
  PoolCommands commands;
  for (std::uint32_t type : plan.creates) commands.creates.push_back(names.type_name(type));
  for (const PlanStart& start : plan.starts) {
    const Container& container = queue.rows[start.container].container();
    commands.starts.push_back({pool.instances[start.instance].number, container.uuid, container.created_at});
  }
  commands.kills = reconciliation.kills;
  for (std::uint32_t container : plan.kills)
    commands.kills.push_back({queue.rows[container].container().uuid, "process of an earlier attempt"});
  commands.forgets = reconciliation.placeholders;
  for (std::uint32_t i : plan.shutdowns) {
    const PoolInstance& instance = pool.instances[i];
    if (!instance.id.empty() && instance.state != WorkerState::shutdown) commands.shutdowns.push_back(instance.number);
  }
  return commands;
}

bool empty(const PoolCommands& commands) {
  return commands.creates.empty() && commands.starts.empty() && commands.kills.empty() && commands.forgets.empty() &&
         commands.shutdowns.empty();
}

}  // namespace berth
