#pragma once

#include <cstdint>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "capacity.hpp"

namespace berth {

/// The containers that wait in a pass, in order, and by need class. Ranks are places in that order. Those of one class
/// are alike: they are taken first come, first served. Cheap to copy, for a try.
class Waiting {
 public:
  /// `containers`: in order.
  Waiting(const PlanInput& input, std::vector<std::uint32_t> containers);

  std::uint32_t container(std::uint32_t rank) const { return containers_[rank]; }
  /// Classes of which any waited at first; the most expensive first.
  const std::vector<std::uint32_t>& needs() const { return needs_; }
  std::uint32_t left(std::uint32_t need) const { return end_[need] - next_[need]; }
  std::uint32_t all_left() const { return all_left_; }
  /// Rank of the first; some must be left.
  std::uint32_t first(std::uint32_t need) const { return ranks_[next_[need]]; }
  std::uint32_t take(std::uint32_t need) {
    --all_left_;
    return ranks_[next_[need]++];
  }
  /// Undoes the last take of this class.
  void put_back(std::uint32_t need) {
    ++all_left_;
    --next_[need];
  }
  /// Ranks of all that are left, in order.
  std::vector<std::uint32_t> rest() const;

 private:
  std::vector<std::uint32_t> containers_;  // by rank
  std::vector<std::uint32_t> ranks_;       // those of one class side by side
  std::vector<std::uint32_t> next_, end_;  // by class, in ranks_
  std::vector<std::uint32_t> needs_;
  std::uint32_t all_left_ = 0;
};

/// The classes of `waiting` that each type is for: within their price ceiling, or whatever it costs. Most expensive
/// first.
std::vector<std::vector<std::uint32_t>> needs_by_type(const PlanInput& input, const Waiting& waiting, bool any_price);
/// What an instance for this class alone costs: the price of the cheapest type that holds it, $/hour; not quite 0.
double own_price(const PlanInput& input, std::uint32_t need);
/// The list of types for a class.
const std::vector<std::uint32_t>& types_for(const PlanInput& input, std::uint32_t need, bool any_price);

/// Whether any of `needs` that is left fits.
bool any_fits(const PlanInput& input, const Waiting& waiting, const std::vector<std::uint32_t>& needs,
              const Capacity& room);
/// What of `waiting` gets room, the first in order first, as long as any of `needs` fits. Takes it from there.
/// `places`: how many containers at most.
std::vector<std::uint32_t> fill(const PlanInput& input, Waiting& waiting, const std::vector<std::uint32_t>& needs,
                                Capacity& room, std::uint32_t places);
/// The same, but after the first in order the most expensive first; `needs`: in that order.
std::vector<std::uint32_t> fill_by_price(const PlanInput& input, Waiting& waiting,
                                         const std::vector<std::uint32_t>& needs, Capacity& room, std::uint32_t places);

}  // namespace berth
