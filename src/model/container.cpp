#include "berth/model/container.hpp"

#include <algorithm>

namespace berth {
namespace {

constexpr ContainerState kStates[] = {ContainerState::queued, ContainerState::locked, ContainerState::running,
                                      ContainerState::complete, ContainerState::cancelled};

}  // namespace

std::string_view to_string(ContainerState state) {
  switch (state) {
    case ContainerState::queued:
      return "Queued";
    case ContainerState::locked:
      return "Locked";
    case ContainerState::running:
      return "Running";
    case ContainerState::complete:
      return "Complete";
    case ContainerState::cancelled:
      return "Cancelled";
  }
  return "";
}

Result<ContainerState> parse_container_state(std::string_view text) {
  for (const ContainerState state : kStates)
    if (text == to_string(state)) return state;
  return fail(ErrorKind::type_mismatch, "state: want Queued, Locked, Running, Complete or Cancelled");
}

}  // namespace berth
