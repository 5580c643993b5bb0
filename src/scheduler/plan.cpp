#include "berth/scheduler/plan.hpp"

#include <string>

#include "cost_pass.hpp"
#include "fold_fleet.hpp"
#include "indexed_fleet.hpp"
#include "mapping_pass.hpp"

namespace berth {

Plan plan(const PlanInput& input, Policy policy) {
  if (policy == Policy::cost) return cost_pass(input);
  const PassRules rules = rules_of(policy);
  if (rules.fold) {
    FoldFleet fleet(input, rules.gpu_memory);
    return mapping_pass(input, fleet, rules);
  }
  IndexedFleet fleet(input, rules.gpu_memory);
  return mapping_pass(input, fleet, rules);
}

Result<Policy> parse_policy(std::string_view text) {
  if (text == "cost") return Policy::cost;
  if (text == "greedy") return Policy::greedy;
  if (text == "reference") return Policy::reference;
  return fail(ErrorKind::invalid, "policy must be cost, greedy or reference, not " + std::string(text.substr(0, 40)));
}

std::string_view to_string(Reason reason) {
  switch (reason) {
    case Reason::none:
      return "";
    case Reason::preparing:
      return "preparing";
    case Reason::priority_zero:
      return "priority-zero";
    case Reason::supervisor_limit:
      return "supervisor-limit";
    case Reason::previous_attempt:
      return "waiting-previous-attempt";
    case Reason::new_instance:
      return "waiting-new-instance";
    case Reason::type_capacity:
      return "type-capacity";
    case Reason::cloud_limits:
      return "cloud-limits";
    case Reason::cluster_capacity:
      return "cluster-capacity";
    case Reason::room_soon:
      return "room-soon";
    case Reason::making_room:
      return "making-room";
  }
  return "";
}

}  // namespace berth
