#include "berth/model/instance.hpp"

namespace berth {

std::string_view to_string(WorkerState state) {
  switch (state) {
    case WorkerState::unknown:
      return "unknown";
    case WorkerState::booting:
      return "booting";
    case WorkerState::idle:
      return "idle";
    case WorkerState::running:
      return "running";
    case WorkerState::shutdown:
      return "shutdown";
  }
  return "";
}

std::string_view to_string(IdleBehavior behavior) {
  switch (behavior) {
    case IdleBehavior::run:
      return "run";
    case IdleBehavior::hold:
      return "hold";
    case IdleBehavior::drain:
      return "drain";
  }
  return "";
}

Result<IdleBehavior> parse_idle_behavior(std::string_view text) {
  for (const auto behavior : {IdleBehavior::run, IdleBehavior::hold, IdleBehavior::drain})
    if (text == to_string(behavior)) return behavior;
  return fail(ErrorKind::invalid, "idle behavior: want run, hold or drain");
}

}  // namespace berth
