#include <algorithm>
#include <fmt/format.h>
#include <string_view>
#include <unordered_set>

#include "workload_source.hpp"

namespace berth {
namespace {

tl::unexpected<Error> invalid(const WorkloadSource& source, std::size_t i, std::string message) {
  if (i < source.lines.size()) message = fmt::format("{}: {}", source.lines[i], message);
  return fail(ErrorKind::invalid, std::move(message));
}

Result<void> check_links(const WorkloadSource& source) {
  std::unordered_set<std::string_view> names;
  for (std::size_t i = 0; i < source.containers.size(); ++i) {
    const WorkloadContainer& c = source.containers[i];
    const std::string& name = source.names[i];
    if (!names.insert(name).second) return invalid(source, i, fmt::format("name: '{}' is there twice", name));
    for (const std::uint32_t other : c.after)
      if (other == i) return invalid(source, i, fmt::format("after: '{}' waits for itself", name));
    if (c.parent && (*c.parent == i || !source.containers[*c.parent].scheduling.supervisor))
      return invalid(source, i, fmt::format("parent: '{}' is no supervisor", source.names[*c.parent]));
  }
  return {};
}

/// Every container's turn comes (Kahn). A supervisor begins before its children and ends after them, so that there are
/// two nodes for each container: `i` is its end, `n + i` its beginning.
Result<void> check_circles(const WorkloadSource& source) {
  const Workload& containers = source.containers;
  const std::size_t n = containers.size();
  std::vector<std::vector<std::uint32_t>> next(2 * n);
  std::vector<std::uint32_t> waits(2 * n, 0);
  const auto link = [&](std::size_t from, std::size_t to) {
    next[from].push_back(static_cast<std::uint32_t>(to));
    ++waits[to];
  };
  for (std::size_t i = 0; i < n; ++i) {
    link(n + i, i);
    for (const std::uint32_t other : containers[i].after) link(other, n + i);
    if (!containers[i].parent) continue;
    link(n + *containers[i].parent, n + i);
    link(i, *containers[i].parent);
  }
  std::vector<std::size_t> ready;
  for (std::size_t node = 0; node < 2 * n; ++node)
    if (waits[node] == 0) ready.push_back(node);
  while (!ready.empty()) {
    const std::size_t node = ready.back();
    ready.pop_back();
    for (const std::uint32_t to : next[node])
      if (--waits[to] == 0) ready.push_back(to);
  }
  for (std::size_t i = 0; i < n; ++i)
    if (waits[n + i] != 0)
      return invalid(source, i, fmt::format("after: '{}' would wait for itself, through others", source.names[i]));
  return {};
}

/// From one clock for all to the clocks of a Workload.
Result<void> set_clocks(WorkloadSource& source, const WorkloadLimits& limits) {
  Workload& containers = source.containers;
  Duration first = containers.front().submit;
  for (const WorkloadContainer& c : containers) first = std::min(first, c.submit);
  std::vector<Duration> submit;
  submit.reserve(containers.size());
  for (std::size_t i = 0; i < containers.size(); ++i) {
    submit.push_back(containers[i].submit - first);
    if (submit[i] > limits.span)
      return invalid(source, i,
                     fmt::format("submit: more than {} days after the first container's",
                                 std::chrono::duration_cast<std::chrono::days>(limits.span).count()));
  }
  for (std::size_t i = 0; i < containers.size(); ++i) {
    const Duration begin = containers[i].parent ? submit[*containers[i].parent] : Duration::zero();
    containers[i].submit = std::max(submit[i] - begin, Duration::zero());
  }
  return {};
}

}  // namespace

Result<WorkloadSource> finish_workload(WorkloadSource source, const WorkloadLimits& limits) {
  if (source.containers.empty()) return fail(ErrorKind::invalid, "holds no container that ran");
  for (const auto check : {check_links, check_circles})
    if (auto checked = check(source); !checked) return fail(checked.error());
  if (auto set = set_clocks(source, limits); !set) return fail(set.error());
  return source;
}

}  // namespace berth
