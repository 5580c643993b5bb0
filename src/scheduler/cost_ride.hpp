#pragma once

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "berth/scheduler/plan.hpp"

#include "cost_learned.hpp"
#include "cost_needs.hpp"

namespace berth {

/// Whether a container may ride on an instance that is in use and above the container's price ceiling: if the time by
/// which it is expected to keep that instance longer costs no more than an instance of its own would.
class Rides {
 public:
  explicit Rides(const CostNeeds& classes);

  bool allows(std::uint32_t container, std::uint32_t instance);
  /// This pass puts the container on the instance.
  void put(std::uint32_t container, std::uint32_t instance);

 private:
  struct Expected {
    Survival alive{};  // P(a container that starts now still runs)
    double mean = 0;   // seconds
  };
  const Expected& expected(std::uint32_t key);
  const Survival& all_ended(std::uint32_t instance);

  const CostNeeds& classes_;
  const PlanInput& input_;
  std::unordered_map<std::uint32_t, Expected> by_key_;
  std::vector<std::vector<std::uint32_t>> put_;       // by instance: keys of what this pass puts there
  std::vector<std::unique_ptr<Survival>> all_ended_;  // by instance: P(all that runs there has ended)
};

}  // namespace berth
