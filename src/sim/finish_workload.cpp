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
    if (c.parent == i) return invalid(source, i, fmt::format("parent: '{}' is its own parent", name));
    if (c.parent && !source.containers[*c.parent].scheduling.supervisor)
      return invalid(source, i, fmt::format("parent: '{}' is no supervisor", source.names[*c.parent]));
  }
  return {};
}

using Nodes = std::vector<std::vector<std::uint32_t>>;

/// What comes after each node. A supervisor begins before its children and ends after them, so that there are two nodes
/// for each of n containers: `i` is its end, `n + i` its beginning.
Nodes order_of(const Workload& containers) {
  const std::size_t n = containers.size();
  Nodes next(2 * n);
  const auto link = [&](std::size_t from, std::size_t to) { next[from].push_back(static_cast<std::uint32_t>(to)); };
  for (std::size_t i = 0; i < n; ++i) {
    link(n + i, i);
    for (const std::uint32_t other : containers[i].after) link(other, n + i);
    if (!containers[i].parent) continue;
    link(n + *containers[i].parent, n + i);
    link(i, *containers[i].parent);
  }
  return next;
}

/// How many nodes each still waits for when all have had their turn that get one (Kahn).
std::vector<std::uint32_t> still_waiting(const Nodes& next) {
  std::vector<std::uint32_t> waits(next.size(), 0);
  for (const auto& followers : next)
    for (const std::uint32_t to : followers) ++waits[to];
  std::vector<std::size_t> ready;
  for (std::size_t node = 0; node < next.size(); ++node)
    if (waits[node] == 0) ready.push_back(node);
  while (!ready.empty()) {
    const std::size_t node = ready.back();
    ready.pop_back();
    for (const std::uint32_t to : next[node])
      if (--waits[to] == 0) ready.push_back(to);
  }
  return waits;
}

/// A circle that `node`, which waits for ever, is in or waits for: each waits for the next, and the last for the first.
std::vector<std::uint32_t> circle_before(std::uint32_t node, const Nodes& next,
                                         const std::vector<std::uint32_t>& waits) {
  std::vector<std::uint32_t> before(next.size());
  for (std::uint32_t from = 0; from < next.size(); ++from)
    if (waits[from] != 0)
      for (const std::uint32_t to : next[from]) before[to] = from;
  std::vector<bool> seen(next.size());
  for (; !seen[node]; node = before[node]) seen[node] = true;
  std::vector<std::uint32_t> circle{node};
  for (std::uint32_t other = before[node]; other != node; other = before[other]) circle.push_back(other);
  return circle;
}

Result<void> check_circles(const WorkloadSource& source) {
  const Nodes next = order_of(source.containers);
  const auto waits = still_waiting(next);
  const auto stuck = std::find_if(waits.begin(), waits.end(), [](std::uint32_t count) { return count != 0; });
  if (stuck == waits.end()) return {};
  const auto circle = circle_before(static_cast<std::uint32_t>(stuck - waits.begin()), next, waits);
  const std::size_t n = source.containers.size();
  std::size_t waiting = n;  // for another's end, which is by `after`
  std::size_t first = n;
  for (std::size_t at = 0; at < circle.size(); ++at) {
    const std::size_t container = circle[at] % n;
    first = std::min(first, container);
    if (circle[at] >= n && circle[(at + 1) % circle.size()] < n) waiting = std::min(waiting, container);
  }
  if (waiting == n)
    return invalid(source, first, fmt::format("parent: '{}' would be below itself", source.names[first]));
  return invalid(source, waiting,
                 fmt::format("after: '{}' would wait for itself, through others", source.names[waiting]));
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
    const auto& parent = containers[i].parent;
    if (parent && submit[i] < submit[*parent])
      return invalid(source, i, fmt::format("submit: before that of its parent '{}'", source.names[*parent]));
    containers[i].submit = parent ? submit[i] - submit[*parent] : submit[i];
  }
  return {};
}

}  // namespace

Result<WorkloadSource> finish_workload(WorkloadSource source, const WorkloadLimits& limits) {
  if (source.containers.empty()) return fail(ErrorKind::invalid, "holds no container");
  for (const auto check : {check_links, check_circles})
    if (auto checked = check(source); !checked) return fail(checked.error());
  if (auto set = set_clocks(source, limits); !set) return fail(set.error());
  return source;
}

}  // namespace berth
