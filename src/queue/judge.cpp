#include "judge.hpp"

#include <utility>

namespace berth {

std::variant<QueueEntry, Refusal> judge(Container container, const QueueOptions& options) {
  QueueEntry entry;
  entry.needed = needed_resources(container, options.choose);
  auto types = choose_types(container, options.instance_types, options.choose);
  const bool to_be_started = container.state == ContainerState::queued || container.state == ContainerState::locked;
  if (!types && to_be_started) return Refusal{types.error().message};
  if (types)
    for (const InstanceType& type : *types) entry.instance_types.push_back(type.name);
  entry.container = std::move(container);
  entry.container.mounts.clear();
  return entry;
}

bool same_record(const Container& a, const Container& b) {
  return a.state == b.state && a.priority == b.priority && a.created_at == b.created_at &&
         a.container_image == b.container_image && a.runtime_constraints == b.runtime_constraints &&
         a.scheduling_parameters == b.scheduling_parameters;
}

}  // namespace berth
