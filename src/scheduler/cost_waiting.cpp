#include "cost_waiting.hpp"

#include <algorithm>
#include <functional>
#include <queue>
#include <utility>

namespace berth {

Waiting::Waiting(const CostNeeds& classes, const std::vector<WaitingRow>& rows)
    : classes_(classes),
      input_(classes.input()),
      ranks_(rows.size()),
      next_(input_.needs.size()),
      end_(input_.needs.size()),
      all_left_(static_cast<std::uint32_t>(rows.size())) {
  containers_.reserve(rows.size());
  need_of_.reserve(rows.size());
  for (const WaitingRow& row : rows) {
    containers_.push_back(row.container());
    need_of_.push_back(row.need());
  }
  for (std::uint32_t rank = 0; rank < containers_.size(); ++rank)
    if (end_[need(rank)]++ == 0) needs_.push_back(need(rank));
  std::uint32_t at = 0;
  for (const std::uint32_t need : needs_) {
    next_[need] = at;
    at += std::exchange(end_[need], at);
  }
  for (std::uint32_t rank = 0; rank < containers_.size(); ++rank) ranks_[end_[need(rank)]++] = rank;
}

const std::vector<std::uint32_t>& Waiting::needs() {
  if (sorted_) return needs_;
  sorted_ = true;
  needs_.clear();
  for (const std::uint32_t need : classes_.dearest_first())
    if (end_[need] > 0) needs_.push_back(need);  // any waited
  return needs_;
}

std::uint32_t Waiting::take(std::uint32_t need) {
  --all_left_;
  const std::uint32_t rank = ranks_[next_[need]++];
  if (in_order_) in_order_->set_rank(need, first_or_taken(need));
  return rank;
}

void Waiting::put_back(std::uint32_t need) {
  ++all_left_;
  --next_[need];
  if (in_order_) in_order_->set_rank(need, first(need));
}

std::vector<std::uint32_t> Waiting::rest() const {
  std::vector<std::uint32_t> ranks;
  ranks.reserve(all_left_);
  for (std::uint32_t rank = 0; rank < containers_.size(); ++rank)
    if (is_left(rank)) ranks.push_back(rank);
  return ranks;
}

std::uint32_t Waiting::take_into(std::uint32_t need, Capacity& room) {
  room.subtract(input_.needs[need].need, GpuMemory::per_device);
  return take(need);
}

std::vector<std::uint32_t> Waiting::fill(const std::vector<std::uint32_t>& needs, Capacity& room,
                                         std::uint32_t places) {
  std::vector<std::uint32_t> taken;
  if (room.left.vcpus <= 0 || places == 0) return taken;
  std::vector<std::pair<std::uint32_t, std::uint32_t>> candidates;  // rank, class
  for (const std::uint32_t need : needs)
    if (fits(need, room)) candidates.emplace_back(first(need), need);
  std::priority_queue<std::pair<std::uint32_t, std::uint32_t>, decltype(candidates), std::greater<>> first_come(
      std::greater<>{}, std::move(candidates));
  while (!first_come.empty() && taken.size() < places) {
    const std::uint32_t need = first_come.top().second;
    first_come.pop();
    if (!fits(need, room)) continue;
    taken.push_back(take_into(need, room));
    if (fits(need, room)) first_come.emplace(first(need), need);
  }
  return taken;
}

std::optional<std::uint32_t> Waiting::next_in_order(std::uint32_t type, bool any_price, const Capacity& room) {
  if (room.left.vcpus <= 0) return std::nullopt;
  if (!in_order_) {
    std::vector<FirstFit::Item> items;
    items.reserve(needs_.size());
    for (const std::uint32_t need : needs_)
      items.push_back({classes_.coarse(need), classes_.pays(need), first_or_taken(need), need});
    in_order_.emplace(items);
  }
  return in_order_->first(classes_.units().of(room), least_pay(type, any_price), [&](std::uint32_t need) {
    return fits(need, room) && classes_.may_use(need, type, any_price);
  });
}

bool Waiting::any_fits(std::uint32_t type, const Capacity& room) {
  return next_in_order(type, true, room).has_value();
}

std::vector<std::uint32_t> Waiting::fill_any(std::uint32_t type, Capacity& room, std::uint32_t places) {
  return fill_in_order(type, true, room, places);
}

std::vector<std::uint32_t> Waiting::fill_in_order(std::uint32_t type, bool any_price, Capacity& room,
                                                  std::uint32_t places) {
  std::vector<std::uint32_t> taken;
  while (taken.size() < places) {
    const auto need = next_in_order(type, any_price, room);
    if (!need) break;
    taken.push_back(take_into(*need, room));
  }
  return taken;
}

/// The next place in needs(), from `at` on, of a class that is left and fits; the end of it if none does.
std::size_t Waiting::next_by_price(std::uint32_t type, bool any_price, const Capacity& room, std::size_t at) {
  if (!by_price_) {
    std::vector<CoarseIndex::Item> needs;
    needs.reserve(needs_.size());
    for (const std::uint32_t need : this->needs()) needs.push_back({classes_.coarse(need), classes_.pays(need)});
    by_price_.emplace(std::move(needs));
  }
  const CoarseCapacity coarse = classes_.units().of(room);
  const float price = least_pay(type, any_price);
  for (at = by_price_->next(coarse, price, at); at < needs_.size(); at = by_price_->next(coarse, price, at + 1))
    if (fits(needs_[at], room) && classes_.may_use(needs_[at], type, any_price)) break;
  return at;
}

std::vector<std::uint32_t> Waiting::fill_any_by_price(std::uint32_t type, Capacity& room, std::uint32_t places) {
  const auto need = next_in_order(type, true, room);
  return need ? fill_group(type, *need, true, room, places) : std::vector<std::uint32_t>{};
}

std::vector<std::uint32_t> Waiting::fill_group(std::uint32_t type, std::uint32_t first_need, bool any_price,
                                               Capacity& room, std::uint32_t places) {
  if (places == 0 || !fits(first_need, room) || !classes_.may_use(first_need, type, any_price)) return {};
  const PlanContainer& first = input_.containers[containers_[this->first(first_need)]];
  const bool any_state = first.state == ContainerState::queued || !any_more_urgent_queued(first.priority);
  const auto is_peer = [&](std::uint32_t need) {
    const PlanContainer& next = input_.containers[containers_[this->first(need)]];
    return next.priority == first.priority && (any_state || next.state == first.state);
  };
  std::vector<std::uint32_t> taken{take_into(first_need, room)};
  std::size_t at = 0;
  while (room.left.vcpus > 0 && taken.size() < places &&
         (at = next_by_price(type, any_price, room, at)) < needs_.size())
    if (is_peer(needs_[at]))
      taken.push_back(take_into(needs_[at], room));
    else
      ++at;
  const auto others = fill_in_order(type, any_price, room, places - static_cast<std::uint32_t>(taken.size()));
  taken.insert(taken.end(), others.begin(), others.end());
  return taken;
}

/// The first that is Queued is the most urgent of them; it may be taken already.
bool Waiting::any_more_urgent_queued(std::int64_t priority) const {
  const auto queued = std::partition_point(containers_.begin(), containers_.end(), [&](std::uint32_t c) {
    return input_.containers[c].state == ContainerState::locked;
  });
  return queued != containers_.end() && input_.containers[*queued].priority > priority;
}

}  // namespace berth
