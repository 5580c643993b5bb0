#include "scheduled_queue.hpp"

namespace berth {
namespace {

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

ScheduledQueue scheduled_queue(const Plan& plan, const MatchedQueue& queue, const PlanInputBuilder& names) {
  ScheduledQueue scheduled;
  scheduled.containers.reserve(plan.order.size());
  for (std::uint32_t container : plan.order) {
    const ContainerStatus& status = plan.statuses[container];
    ScheduledContainer& line = scheduled.containers.emplace_back();
    line.entry = queue.rows()[container].entry;
    line.reason = status.reason;
    line.position = status.position;
    if (status.type != kNoType) line.instance_type = names.type_name(status.type);
  }
  return scheduled;
}

void refuse_start(Plan& plan, const PlanStart& start, const PlanInput& input) {
  plan.statuses[start.container] = {Reason::new_instance, input.instances[start.instance].type, 0};
  ++plan.allocated_not_started;
}

std::shared_ptr<const ScheduledQueue> PublishedQueue::read() {
  std::call_once(made_, [this] {
    queue_ = std::make_shared<const ScheduledQueue>(make_());
    make_ = nullptr;
  });
  return queue_;
}

std::string status_text(const ScheduledContainer& line) {
  const std::string position = std::to_string(line.position);
  const QueuedContainer& container = line.entry->container;
  switch (line.reason) {
    case Reason::none:
      return "";
    case Reason::preparing:
      return "Container is allocated to an instance and is being prepared to run.";
    case Reason::priority_zero:
      return "Container will not run: its priority is 0 and its state is " + std::string(to_string(container.state)) +
             ".";
    case Reason::supervisor_limit:
      return "Waiting in the workflow queue at position " + position +
             ": the limit of concurrent workflows is reached.";
    case Reason::previous_attempt:
      return "Waiting for the previous attempt to run this container to end.";
    case Reason::new_instance:
      return "Waiting for an instance of type " + line.instance_type + " to be ready.";
    case Reason::type_capacity:
      return "Waiting at position " + position + ": there is no room now for any suitable instance type (" +
             joined(line.entry->instance_types()) + ").";
    case Reason::cloud_limits:
      return "Waiting at position " + position + ": no suitable instance is free, and no more can be created now.";
    case Reason::cluster_capacity:
      return "Waiting at position " + position + " for capacity in the cluster.";
    case Reason::room_soon:
      return "Waiting for room on an instance of type " + line.instance_type + ", which is expected soon.";
    case Reason::making_room:
      return "Waiting until an instance of type " + line.instance_type + ", which takes nothing else now, has room.";
  }
  return "";
}

}  // namespace berth
