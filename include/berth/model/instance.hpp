#pragma once

#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// Facts §6.4.
enum class WorkerState { unknown, booting, idle, running, shutdown };
/// Facts §6.5.
enum class IdleBehavior { run, hold, drain };

std::string_view to_string(WorkerState state);
std::string_view to_string(IdleBehavior behavior);
Result<IdleBehavior> parse_idle_behavior(std::string_view text);

}  // namespace berth
