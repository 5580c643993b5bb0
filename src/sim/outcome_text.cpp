#include "outcome_text.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <map>
#include <utility>

#include "berth/base/units.hpp"

#include "plural.hpp"
#include "workload_row.hpp"

namespace berth {
namespace {

constexpr std::ptrdiff_t kMostNames = 5;
constexpr std::ptrdiff_t kMostReasons = 5;

using Indices = std::vector<std::uint32_t>;  // of containers in the workload, in rising order

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

std::string some_names(const Indices& indices, const WorkloadSource& source) {
  std::string text;
  const std::ptrdiff_t shown = std::min(std::ssize(indices), kMostNames);
  for (std::ptrdiff_t i = 0; i < shown; ++i)
    text += (i > 0 ? ", " : "") + quoted(source.names.at(indices[static_cast<std::size_t>(i)]));
  if (std::ssize(indices) > shown) text += fmt::format(" and {} more", with_commas(std::ssize(indices) - shown));
  return text;
}

/// `REASON: NAMES`, the reason of most containers first.
std::vector<std::string> reasons_with_names(const std::map<std::string, Indices>& by_reason,
                                            const WorkloadSource& source) {
  std::vector<const std::pair<const std::string, Indices>*> order;
  for (const auto& one : by_reason) order.push_back(&one);
  std::ranges::stable_sort(order, std::greater<>(), [](const auto* one) { return one->second.size(); });
  std::vector<std::string> lines;
  std::int64_t others = 0;
  for (const auto* one : order) {
    if (std::ssize(lines) < kMostReasons)
      lines.push_back(one->first + ": " + some_names(one->second, source));
    else
      others += std::ssize(one->second);
  }
  if (others > 0) lines.push_back(fmt::format("other reasons: {}", plural(others, "container")));
  return lines;
}

/// The last attempt of each element of the workload; null: it was never submitted.
std::vector<const ContainerLife*> last_attempts(const Lives& lives) {
  std::vector<const ContainerLife*> last(lives.outcomes.size());
  for (const ContainerLife& life : lives.containers) last.at(life.workload_index) = &life;
  return last;
}

std::string failure_of(const ContainerLife* last) {
  if (!last || last->error.empty()) return "given up, since what they come after, or their supervisor, failed";
  std::string text = last->error.substr(0, last->error.find("; configured:"));  // without the list of all types
  if (last->attempt > 1) text += fmt::format(" (tried {} times)", last->attempt);
  return text;
}

SimProblem failed_problem(const Lives& lives, const WorkloadSource& source) {
  std::map<std::string, Indices> by_reason;
  const auto last = last_attempts(lives);
  std::int64_t failed = 0;
  for (std::uint32_t i = 0; i < lives.outcomes.size(); ++i) {
    if (lives.outcomes[i] != SimOutcome::failed) continue;
    ++failed;
    by_reason[failure_of(last[i])].push_back(i);
  }
  return {SimProblem::Kind::failed,
          fmt::format("{} of {} failed", with_commas(failed), plural(std::ssize(lives.outcomes), "container")),
          reasons_with_names(by_reason, source)};
}

SimProblem stuck_problem(const Lives& lives, std::int64_t open, const WorkloadSource& source) {
  std::map<std::string, Indices> by_reason;
  for (const SimStuck& stuck : lives.stuck) {
    const std::string_view means = meaning(stuck.reason);
    by_reason[means.empty() ? stuck.reason : fmt::format("{}, {}", stuck.reason, means)].push_back(
        stuck.workload_index);
  }
  for (auto& [reason, indices] : by_reason) std::sort(indices.begin(), indices.end());
  SimProblem problem{SimProblem::Kind::stuck, {}, reasons_with_names(by_reason, source)};
  problem.what = fmt::format("nothing moves any more after {}: {} can never run",
                             format_duration(std::chrono::floor<std::chrono::minutes>(lives.span)),
                             plural(std::ssize(lives.stuck), "container"));
  if (const std::int64_t others = open - std::ssize(lives.stuck); others > 0)
    problem.what += fmt::format(", and {} more {} still to end", with_commas(others), others == 1 ? "is" : "are");
  const auto booted = std::count_if(lives.instances.begin(), lives.instances.end(),
                                    [](const InstanceLife& life) { return life.booted.has_value(); });
  std::string instances = fmt::format("instances created: {}, of them booted: {}",
                                      with_commas(std::ssize(lives.instances)), with_commas(booted));
  if (lives.creates_refused > 0)
    instances +=
        fmt::format("; creates refused: {}, the last one: {}", with_commas(lives.creates_refused), lives.last_refusal);
  problem.why.push_back(std::move(instances));
  return problem;
}

SimProblem time_up_problem(const Lives& lives, std::int64_t open) {
  const auto last = last_attempts(lives);
  std::int64_t running = 0;
  std::int64_t waiting = 0;
  for (std::uint32_t i = 0; i < lives.outcomes.size(); ++i) {
    if (lives.outcomes[i] != SimOutcome::open || !last[i]) continue;
    if (last[i]->started && !last[i]->ended)
      ++running;
    else
      ++waiting;
  }
  return {SimProblem::Kind::time_up,
          fmt::format("{} of {} had not ended when time was up (--limit)", with_commas(open),
                      plural(std::ssize(lives.outcomes), "container")),
          {fmt::format("running: {}, waiting: {}, not submitted yet: {}", with_commas(running), with_commas(waiting),
                       with_commas(open - running - waiting))}};
}

}  // namespace

std::string_view to_string(SimProblem::Kind kind) {
  switch (kind) {
    case SimProblem::Kind::failed:
      return "failed";
    case SimProblem::Kind::stuck:
      return "stuck";
    case SimProblem::Kind::time_up:
      return "time is up";
  }
  return "";
}

std::string describe(const SimProblem& problem, std::size_t indent) {
  std::string text = problem.what;
  for (const std::string& line : problem.why) text += '\n' + std::string(indent + 2, ' ') + line;
  return text;
}

std::vector<SimProblem> problems_of(const Lives& lives, const WorkloadSource& source) {
  std::vector<SimProblem> problems;
  if (std::ranges::count(lives.outcomes, SimOutcome::failed) > 0) problems.push_back(failed_problem(lives, source));
  const auto open = std::ranges::count(lives.outcomes, SimOutcome::open);
  if (!lives.stuck.empty())
    problems.push_back(stuck_problem(lives, open, source));
  else if (open > 0)
    problems.push_back(time_up_problem(lives, open));
  return problems;
}

}  // namespace berth
