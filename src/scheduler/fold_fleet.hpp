#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "fleet.hpp"

namespace berth {

/// The reference's choice: one scan over all instances in list order, in which later rules may replace earlier picks,
/// so that the outcome depends on how candidates interleave (facts §5.4, §15 #42).
class FoldFleet : public Fleet {
 public:
  FoldFleet(const PlanInput& input, GpuMemory gpu_memory);

  std::optional<std::uint32_t> find(std::uint32_t need) override;
  void place(std::uint32_t instance, std::uint32_t need) override { subtract(instance, need); }
  void create(std::uint32_t type, std::uint32_t need) override;

 protected:
  /// The instances in list order.
  const std::vector<std::uint32_t>& listed() const { return listed_; }
  bool candidate(std::uint32_t instance, std::uint32_t need) const;

 private:
  std::vector<std::uint32_t> listed_;
  std::vector<std::vector<bool>> eligible_;  // by type list, by type
};

}  // namespace berth
