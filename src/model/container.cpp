#include "berth/model/container.hpp"

#include <algorithm>

namespace berth {
namespace {

constexpr ContainerState kStates[] = {ContainerState::queued, ContainerState::locked, ContainerState::running,
                                      ContainerState::complete, ContainerState::cancelled};

bool is_uuid_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

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

bool is_uuid(std::string_view text) {
  if (text.size() != 27 || text[5] != '-' || text[11] != '-') return false;
  for (std::size_t i = 0; i < text.size(); ++i)
    if (i != 5 && i != 11 && !is_uuid_letter(text[i])) return false;
  return true;
}

bool is_container_uuid(std::string_view text) {
  return is_uuid(text) && text.substr(6, 5) == "dz642";
}

}  // namespace berth
