#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "capacity.hpp"
#include "coarse_index.hpp"
#include "cost_needs.hpp"
#include "first_fit.hpp"
#include "waiting_queue.hpp"

namespace berth {

/// The containers that wait in a pass, in order, and by need class. Ranks are places in that order. Those of one class
/// are alike: they are taken first come, first served. Cheap to copy, for a try.
class Waiting {
 public:
  /// `rows`: in order.
  Waiting(const CostNeeds& classes, const std::vector<WaitingRow>& rows);

  const CostNeeds& classes() const { return classes_; }
  /// Of all, also those that were taken.
  std::uint32_t size() const { return static_cast<std::uint32_t>(containers_.size()); }
  std::uint32_t container(std::uint32_t rank) const { return containers_[rank]; }
  std::uint32_t need(std::uint32_t rank) const { return need_of_[rank]; }
  /// Classes of which any waited at first; the most expensive first.
  const std::vector<std::uint32_t>& needs();
  /// The same, in any order.
  const std::vector<std::uint32_t>& classes_waiting() const { return needs_; }
  std::uint32_t left(std::uint32_t need) const { return end_[need] - next_[need]; }
  std::uint32_t all_left() const { return all_left_; }
  /// Rank of the first; some must be left.
  std::uint32_t first(std::uint32_t need) const { return ranks_[next_[need]]; }
  /// Rank of the one after the first `place`; so many must be left.
  std::uint32_t at(std::uint32_t need, std::uint32_t place) const { return ranks_[next_[need] + place]; }
  std::uint32_t take(std::uint32_t need);
  /// Undoes the last take of this class.
  void put_back(std::uint32_t need);
  /// Ranks of all that are left, in order.
  std::vector<std::uint32_t> rest() const;

  /// What of the classes in `needs` gets room, the first in order first. Takes it from here. `places`: how many
  /// containers at most.
  std::vector<std::uint32_t> fill(const std::vector<std::uint32_t>& needs, Capacity& room, std::uint32_t places);

  // Of all classes that an instance of this type is for, whatever it costs:
  /// Whether any that is left fits.
  bool any_fits(std::uint32_t type, const Capacity& room);
  std::vector<std::uint32_t> fill_any(std::uint32_t type, Capacity& room, std::uint32_t places);
  /// The same, but after the first in order its peers, the most expensive first, and only then the others in order.
  /// Peers have its priority, unless that would pass over what is more urgent: then its state, too.
  std::vector<std::uint32_t> fill_any_by_price(std::uint32_t type, Capacity& room, std::uint32_t places);
  /// The same with the first of this class, if it fits; `any_price`: also what an instance of this type is too dear
  /// for.
  std::vector<std::uint32_t> fill_group(std::uint32_t type, std::uint32_t first_need, bool any_price, Capacity& room,
                                        std::uint32_t places);

 private:
  bool fits(std::uint32_t need, const Capacity& room) const {
    return left(need) > 0 && room.accommodates(input_.needs[need].need);
  }
  bool is_left(std::uint32_t rank) const { return left(need(rank)) > 0 && rank >= first(need(rank)); }
  /// The class of the first in order that is left and fits.
  std::optional<std::uint32_t> next_in_order(std::uint32_t type, bool any_price, const Capacity& room);
  std::uint32_t first_or_taken(std::uint32_t need) const { return left(need) > 0 ? first(need) : FirstFit::kTaken; }
  std::vector<std::uint32_t> fill_in_order(std::uint32_t type, bool any_price, Capacity& room, std::uint32_t places);
  std::uint32_t take_into(std::uint32_t need, Capacity& room);
  float least_pay(std::uint32_t type, bool any_price) const {
    return any_price ? 0 : static_cast<float>(input_.types[type].price);
  }
  std::size_t next_by_price(std::uint32_t type, bool any_price, const Capacity& room, std::size_t at);
  bool any_more_urgent_queued(std::int64_t priority) const;

  const CostNeeds& classes_;
  const PlanInput& input_;
  std::vector<std::uint32_t> containers_;  // by rank
  std::vector<std::uint32_t> need_of_;     // by rank
  std::vector<std::uint32_t> ranks_;       // those of one class side by side
  std::vector<std::uint32_t> next_, end_;  // by class, in ranks_
  std::vector<std::uint32_t> needs_;
  bool sorted_ = false;  // needs_
  std::uint32_t all_left_ = 0;
  // Made when first asked for:
  std::optional<FirstFit> in_order_;     // classes by the rank of the first that is left
  std::optional<CoarseIndex> by_price_;  // by place in needs_
};

}  // namespace berth
