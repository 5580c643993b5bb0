#include "waiting_queue.hpp"

#include <algorithm>

#include "scheduling_order.hpp"

namespace berth {

WaitingRow::WaitingRow(std::uint32_t number, const PlanContainer& of)
    : container_(number), info_(of.need << kFlagBits), run_time_key_(of.run_time_key) {
  if (of.state == ContainerState::queued) info_ |= queued;
  if (!is_waiting(of.state)) info_ |= neither;
  if (of.priority < 1) info_ |= zero;
  if (of.supervisor) info_ |= supervisor;
}

WaitingQueue::WaitingQueue(const PlanInput& input, const std::vector<std::uint32_t>& order)
    : input_(input), counted_(input.containers.size()) {
  rows_.reserve(order.size());
  for (std::uint32_t c : order) {
    count_supervisor(c);
    if (!input.containers[c].in_pool) rows_.emplace_back(c, input.containers[c]);
  }
}

void WaitingQueue::Supervisors::add(Supervises what, std::int64_t count) {
  if (what == Supervises::in_pool) in_pool += count;
  if (what == Supervises::elsewhere) elsewhere += count;
}

WaitingQueue::Supervises WaitingQueue::supervises(std::uint32_t c) const {
  const PlanContainer& container = input_.containers[c];
  if (!container.supervisor || container.gone) return Supervises::no;
  if (container.in_pool) return Supervises::in_pool;
  return container.state == ContainerState::running ? Supervises::elsewhere : Supervises::no;
}

void WaitingQueue::count_supervisor(std::uint32_t c) {
  supervisors_.add(counted_[c], -1);
  counted_[c] = supervises(c);
  supervisors_.add(counted_[c], 1);
}

void WaitingQueue::update(const std::vector<std::uint32_t>& containers) {
  if (containers.empty()) return;
  counted_.resize(input_.containers.size());
  std::vector<bool> changed(input_.containers.size());
  std::vector<std::uint32_t> waiting;
  for (std::uint32_t c : containers) {
    changed[c] = true;
    count_supervisor(c);
    if (!input_.containers[c].gone && !input_.containers[c].in_pool) waiting.push_back(c);
  }
  std::erase_if(rows_, [&](const WaitingRow& row) { return changed[row.container()]; });
  std::sort(waiting.begin(), waiting.end(), [&](std::uint32_t a, std::uint32_t b) {
    return scheduled_before(input_.containers[a], input_.containers[b]);
  });
  insert(std::move(waiting));
}

/// From the last one on: what lies behind its place moves up by as many rows as are still to come.
void WaitingQueue::insert(std::vector<std::uint32_t> sorted) {
  const auto before = [&](std::uint32_t c, const WaitingRow& row) {
    return scheduled_before(input_.containers[c], input_.containers[row.container()]);
  };
  auto end = static_cast<std::ptrdiff_t>(rows_.size());
  if (!sorted.empty()) rows_.resize(rows_.size() + sorted.size(), {sorted[0], input_.containers[sorted[0]]});
  for (; !sorted.empty(); sorted.pop_back()) {
    const auto shift = static_cast<std::ptrdiff_t>(sorted.size());
    const auto at = std::upper_bound(rows_.begin(), rows_.begin() + end, sorted.back(), before) - rows_.begin();
    std::move_backward(rows_.begin() + at, rows_.begin() + end, rows_.begin() + end + shift);
    rows_[static_cast<std::size_t>(at + shift - 1)] = {sorted.back(), input_.containers[sorted.back()]};
    end = at;
  }
}

std::vector<std::uint32_t> in_the_way(const PlanInput& input, const std::vector<std::uint32_t>& over_limit) {
  std::int64_t most_urgent = 0;
  for (const std::uint32_t c : over_limit)
    if (input.containers[c].state == ContainerState::queued)
      most_urgent = std::max(most_urgent, input.containers[c].priority);
  std::vector<std::uint32_t> out;
  for (const std::uint32_t c : over_limit)
    if (input.containers[c].state == ContainerState::locked && input.containers[c].priority < most_urgent)
      out.push_back(c);
  return out;
}

}  // namespace berth
