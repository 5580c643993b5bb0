#include "judge.hpp"

#include <utility>

namespace berth {

std::variant<QueueEntry, Refusal> judge(Container container, const QueueOptions& options) {
  auto spec = std::make_shared<QueueSpec>();
  spec->needed = needed_resources(container, options.choose);
  auto types = choose_types(container, options.instance_types, options.choose);
  if (!types && is_waiting(container.state)) return Refusal{types.error().message};
  if (types)
    for (const InstanceType& type : *types) spec->instance_types.push_back(type.name);
  spec->container = std::move(static_cast<ContainerSpec&>(container));
  QueueEntry entry;
  entry.container = {std::move(container.uuid), container.state, container.priority,
                     std::move(container.locked_by_uuid), container.created_at};
  entry.spec = std::move(spec);
  return entry;
}

bool same_state(const QueueEntry& entry, const Container& record) {
  const QueuedContainer& known = entry.container;
  return known.state == record.state && known.priority == record.priority &&
         known.locked_by_uuid == record.locked_by_uuid;
}

bool same_record(const QueueEntry& entry, const Container& record) {
  return same_state(entry, record) && entry.container.created_at == record.created_at &&
         entry.spec->container == record;
}

}  // namespace berth
