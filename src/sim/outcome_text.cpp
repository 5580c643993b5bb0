#include "outcome_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <vector>

#include "berth/base/units.hpp"

#include "workload_row.hpp"

namespace berth {
namespace {

constexpr std::size_t kMostNames = 5;

/// What the scheduler's words mean where nothing moves any more.
std::string_view meaning(std::string_view reason) {
  static constexpr std::pair<std::string_view, std::string_view> meanings[] = {
      {"cloud-limits", "the cloud or MaxInstances allows no more instances"},
      {"cluster-capacity", "there is no room for them, and no instance may be created"},
      {"making-room", "an instance takes nothing else, and has no room for them all the same"},
      {"preparing", "they have room, and do not begin there"},
      {"supervisor-limit", "no more supervisors may run at a time (SupervisorFraction)"},
      {"type-capacity", "the cloud has no capacity of the types that they may use"},
      {"waiting-new-instance", "instances are asked for, and none becomes ready"},
  };
  for (const auto& [word, text] : meanings)
    if (word == reason) return text;
  return "";
}

std::string some_names(const std::vector<std::uint32_t>& indices, const WorkloadSource& source) {
  std::string text;
  for (std::size_t i = 0; i < std::min(indices.size(), kMostNames); ++i)
    text += (i > 0 ? ", " : "") + quoted(source.names.at(indices[i]));
  if (indices.size() > kMostNames) text += fmt::format(" and {} more", indices.size() - kMostNames);
  return text;
}

}  // namespace

std::string describe_stuck(const Lives& lives, const WorkloadSource& source) {
  if (lives.stuck.empty()) return {};
  std::map<std::string, std::vector<std::uint32_t>> by_reason;
  for (const SimStuck& stuck : lives.stuck) by_reason[stuck.reason].push_back(stuck.workload_index);
  for (auto& [reason, indices] : by_reason) std::sort(indices.begin(), indices.end());
  std::string text =
      fmt::format("nothing moves any more after {}: {} containers can never run",
                  format_duration(std::chrono::floor<std::chrono::minutes>(lives.span)), lives.stuck.size());
  const auto open = std::count(lives.outcomes.begin(), lives.outcomes.end(), SimOutcome::open);
  if (const auto others = open - std::ssize(lives.stuck); others > 0)
    text += fmt::format(", and {} are still to come", others);
  for (const auto& [reason, indices] : by_reason) {
    const std::string_view means = meaning(reason);
    text += fmt::format("\n  {}{}{}: {}", reason, means.empty() ? "" : ", ", means, some_names(indices, source));
  }
  const auto booted = std::count_if(lives.instances.begin(), lives.instances.end(),
                                    [](const InstanceLife& life) { return life.booted.has_value(); });
  text += fmt::format("\n  {} instances were created, {} of them booted", lives.instances.size(), booted);
  if (lives.creates_refused > 0)
    text += fmt::format("; {} creates were refused, the last one: {}", lives.creates_refused, lives.last_refusal);
  return text;
}

std::string describe_failed(const Lives& lives, const WorkloadSource& source) {
  std::vector<std::uint32_t> failed;
  for (std::uint32_t i = 0; i < lives.outcomes.size(); ++i)
    if (lives.outcomes[i] == SimOutcome::failed) failed.push_back(i);
  if (failed.empty()) return {};
  return fmt::format(
      "{} of {} containers failed, since they fit no instance type, were tried too often, or wait for one that failed: "
      "{}",
      failed.size(), lives.outcomes.size(), some_names(failed, source));
}

}  // namespace berth
