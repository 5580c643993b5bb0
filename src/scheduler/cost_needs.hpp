#pragma once

#include <cstdint>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "capacity.hpp"

namespace berth {

/// What the policy `cost` knows of the need classes of an input, whoever waits. May be kept from pass to pass.
class CostNeeds {
 public:
  /// `input` must outlive it.
  explicit CostNeeds(const PlanInput& input);
  /// The input has more classes, perhaps. Types stay as they are.
  void learn();

  const PlanInput& input() const { return input_; }
  const CoarseUnits& units() const { return units_; }
  const CoarseCapacity& coarse(std::uint32_t need) const { return coarse_[need]; }
  /// The least of anything, component-wise.
  const CoarseCapacity& least() const { return least_; }
  /// What an instance for this class alone costs: the price of the cheapest type that holds it, $/hour; not quite 0.
  double own_price(std::uint32_t need) const { return own_prices_[need]; }
  /// The price of the dearest type within its ceiling, $/hour; of no type: 0. Rounded as all that are compared to it.
  float pays(std::uint32_t need) const { return pays_[need]; }
  /// Whether any class has no type within its price ceiling.
  bool any_without_type() const { return any_without_type_; }
  /// Whether the type is for this class: within its price ceiling, or whatever it costs.
  bool may_use(std::uint32_t need, std::uint32_t type, bool any_price) const { return may_use(need, any_price)[type]; }
  /// The same by type.
  const std::vector<bool>& may_use(std::uint32_t need, bool any_price) const {
    return listed(any_price ? any_price_list_[need] : type_list_[need]);
  }
  /// All, the most expensive first.
  const std::vector<std::uint32_t>& dearest_first() const;
  /// The classes that each type is for within their price ceilings; the most expensive first.
  const std::vector<std::uint32_t>& within_ceiling(std::uint32_t type) const;
  /// Of two classes: the more expensive first, then what needs more, whatever their numbers.
  bool dearer(std::uint32_t a, std::uint32_t b) const {
    return own_prices_[a] != own_prices_[b] ? own_prices_[a] > own_prices_[b] : is_more(a, b);
  }

 private:
  bool is_more(std::uint32_t a, std::uint32_t b) const;
  std::vector<std::uint32_t> sorted_from(std::uint32_t first) const;
  const std::vector<bool>& listed(std::uint32_t type_list) const;

  const PlanInput& input_;
  CoarseUnits units_;
  CoarseCapacity least_;
  std::vector<CoarseCapacity> coarse_;  // by need class, as all these
  std::vector<double> own_prices_;
  std::vector<float> pays_;
  bool any_without_type_ = false;
  std::vector<std::uint32_t> type_list_;
  std::vector<std::uint32_t> any_price_list_;
  mutable std::vector<std::vector<bool>> listed_;                   // by type list, made when first asked for: by type
  mutable std::vector<std::uint32_t> dearest_first_;                // of the first classes
  mutable std::vector<std::vector<std::uint32_t>> within_ceiling_;  // by type, of the first classes
  mutable std::uint32_t sorted_in_ = 0;                             // so many
};

/// The list of types for a class.
const std::vector<std::uint32_t>& types_for(const PlanInput& input, std::uint32_t need, bool any_price);

}  // namespace berth
