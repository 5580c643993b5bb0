#include "commands.hpp"

namespace berth {

PoolCommands pool_commands(const Decisions& made, const Reconciliation& reconciliation, const MatchedQueue& queue,
                           const PlanInputBuilder& names) {
  PoolCommands commands;
  for (std::uint32_t type : made.creates) commands.creates.push_back(names.type_name(type));
  for (const PlanStart& start : made.starts) {
    const QueuedContainer& container = queue.rows()[start.container].container();
    commands.starts.push_back({queue.instances()[start.instance]->number, container.uuid, container.created_at});
  }
  commands.kills = reconciliation.kills;
  for (std::uint32_t container : made.kills)
    commands.kills.push_back({*queue.rows()[container].uuid, "process of an earlier attempt"});
  commands.forgets = reconciliation.placeholders;
  for (std::uint32_t i : made.shutdowns) {
    const PoolInstance& instance = *queue.instances()[i];
    if (!instance.id.empty() && instance.state != WorkerState::shutdown) commands.shutdowns.push_back(instance.number);
  }
  return commands;
}

bool empty(const PoolCommands& commands) {
  return commands.creates.empty() && commands.starts.empty() && commands.kills.empty() && commands.forgets.empty() &&
         commands.shutdowns.empty() && commands.idle_timeouts.empty();
}

}  // namespace berth
