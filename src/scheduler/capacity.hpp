#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "berth/model/resources.hpp"
#include "berth/scheduler/plan.hpp"

namespace berth {

enum class GpuMemory {
  per_device,  ///< a container takes devices, and each has its memory
  subtracted,  ///< the reference: as if the devices shared one memory (facts §15 #26)
};

/// What is left of an instance (facts §4.4).
struct Capacity {
  Resources left;
  bool shared = false;  ///< holds a container with 0 VCPUs, which needs a VCPU that is not all taken

  bool accommodates(const Resources& need) const {
    return left.vcpus > 0 && left.vcpus >= need.vcpus + (shared ? 1 : 0) && left.ram >= need.ram &&
           left.scratch >= need.scratch && left.gpus >= need.gpus && left.gpu_vram >= need.gpu_vram;
  }
  /// Whatever fits in `other` fits here.
  bool holds_all_of(const Capacity& other) const {
    const Resources& theirs = other.left;
    return left.vcpus >= theirs.vcpus && left.ram >= theirs.ram && left.scratch >= theirs.scratch &&
           left.gpus >= theirs.gpus && left.gpu_vram >= theirs.gpu_vram && (!shared || other.shared);
  }
  void subtract(const Resources& need, GpuMemory gpu_memory) {
    left.vcpus -= need.vcpus;
    left.ram -= need.ram;
    left.scratch -= need.scratch;
    left.gpus -= need.gpus;
    if (gpu_memory == GpuMemory::subtracted) left.gpu_vram -= need.gpu_vram;
    if (need.vcpus == 0) shared = true;
  }
};

/// A capacity or a need as four small integers, so that "may fit" is one comparison: {2 · VCPUs − shared, RAM, scratch,
/// GPUs}, rounded down to CoarseUnits. It never refuses what fits; what it lets through needs a second, exact look.
struct alignas(16) CoarseCapacity {
  std::int32_t lanes[4] = {-1, -1, -1, -1};  ///< each from -1 (nothing, covers no need) to INT32_MAX

  bool covers(const CoarseCapacity& need) const {  // no overflow: lanes are ≥ -1 and those of a need ≥ 0
    return ((lanes[0] - need.lanes[0]) | (lanes[1] - need.lanes[1]) | (lanes[2] - need.lanes[2]) |
            (lanes[3] - need.lanes[3])) >= 0;
  }
  void raise_to(const CoarseCapacity& other) {
    for (int i = 0; i < 4; ++i) lanes[i] = std::max(lanes[i], other.lanes[i]);
  }
  void lower_to(const CoarseCapacity& other) {
    for (int i = 0; i < 4; ++i) lanes[i] = std::min(lanes[i], other.lanes[i]);
  }
};

/// How many bits RAM and scratch lose so that the largest type fits in 31 bits.
class CoarseUnits {
 public:
  explicit CoarseUnits(const std::vector<PlanType>& types) {
    for (const PlanType& type : types) {
      while (type.size.ram >> ram_shift_ >= kMost) ++ram_shift_;
      while (type.size.scratch >> scratch_shift_ >= kMost) ++scratch_shift_;
    }
  }
  CoarseCapacity of(const Capacity& capacity) const {
    const Resources& left = capacity.left;
    return {{lane(2 * left.vcpus - (capacity.shared ? 1 : 0), -1), lane(left.ram >> ram_shift_, -1),
             lane(left.scratch >> scratch_shift_, -1), lane(left.gpus, -1)}};
  }
  CoarseCapacity of(const Resources& need) const {
    return {{lane(2 * need.vcpus, 1), lane(need.ram >> ram_shift_, 0), lane(need.scratch >> scratch_shift_, 0),
             lane(need.gpus, 0)}};
  }
  /// No more than the RAM that the capacity was made of.
  std::int64_t least_ram(const CoarseCapacity& of) const { return std::int64_t{of.lanes[1]} << ram_shift_; }

 private:
  static constexpr std::int64_t kMost = INT32_MAX;
  static std::int32_t lane(std::int64_t value, std::int64_t least) {
    return static_cast<std::int32_t>(std::clamp(value, least, kMost));
  }
  int ram_shift_ = 0;
  int scratch_shift_ = 0;
};

}  // namespace berth
