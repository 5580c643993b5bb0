#pragma once

#include <cstdint>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "berth/model/resources.hpp"

namespace berth {

/// GPUs of an instance type (facts §1.4).
struct GpuFeatures {
  std::string stack;            ///< `cuda`, `rocm` or empty
  std::string driver_version;   ///< "X.Y"
  std::string hardware_target;  ///< cuda: compute capability; rocm: LLVM target
  std::int64_t device_count = 0;
  std::int64_t vram = 0;  ///< bytes per device
  friend bool operator==(const GpuFeatures&, const GpuFeatures&) = default;
};

/// One entry of `InstanceTypes` (facts §1.4). Sizes in bytes, price in $/hour.
struct InstanceType {
  std::string name;
  std::string provider_type;
  std::int64_t vcpus = 0;
  std::int64_t ram = 0;
  std::int64_t included_scratch = 0;
  std::int64_t added_scratch = 0;
  double price = 0;
  bool preemptible = false;
  GpuFeatures gpu;

  std::int64_t scratch() const { return included_scratch + added_scratch; }
  Resources resources() const { return {vcpus, ram, scratch(), gpu.device_count, gpu.vram}; }
  friend bool operator==(const InstanceType&, const InstanceType&) = default;
};

/// The JSON form used everywhere (facts §1.4): sizes as integers, no Name, no Scratch; keys in the order of the facts.
nlohmann::ordered_json to_json(const InstanceType& type);

}  // namespace berth
