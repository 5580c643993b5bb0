#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_ride.hpp"
#include "cost_waiting.hpp"

namespace berth {

/// Instances to be created, and for whom. They may be a hundred thousand: all ranks are in one list.
class Covers {
 public:
  struct Cover {
    std::uint32_t type = 0;
    std::uint32_t begin = 0, end = 0;  ///< in all ranks
  };
  /// `ranks`: in Waiting, in any order, at least one.
  void add(std::uint32_t type, std::span<const std::uint32_t> ranks);
  /// By their first containers; `ranks` of Waiting in all.
  void sort(std::uint32_t ranks);

  std::int64_t size() const { return std::ssize(covers_); }
  auto begin() const { return covers_.begin(); }
  auto end() const { return covers_.end(); }
  /// In order.
  std::span<const std::uint32_t> ranks(const Cover& cover) const {
    return std::span(ranks_).subspan(cover.begin, cover.end - cover.begin);
  }

 private:
  std::vector<Cover> covers_;
  std::vector<std::uint32_t> ranks_;
};

/// Which instances hold all that waits, sorted by their first containers. Takes what it covers from `waiting`; what no
/// available type holds is left. Types are chosen again and again by the most value (the sum of the containers' own
/// prices) per $ of what would be packed on one; without CostRules::cover the cheapest for the first. Given up once
/// they are more than `most`.
Covers cover(Waiting& waiting, std::int64_t most);

/// Whether an available type within its price ceiling holds one of this class, so that cover() would cover it.
bool coverable(const PlanInput& input, std::uint32_t need);
/// Of any class that is left.
bool any_coverable(const Waiting& waiting);

/// The same when only `slots` more instances may exist: each is made for the first container in order that has none
/// yet, and as large as its share of all that waits asks for; it may be above the containers' price ceilings if they
/// are worth it together (Rides::allows_group). At most kMostScarceCovers at a time.
Covers cover_scarce(Waiting& waiting, std::int64_t slots, Rides& rides);
constexpr std::int64_t kMostScarceCovers = 64;

}  // namespace berth
