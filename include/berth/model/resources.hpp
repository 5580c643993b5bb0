#pragma once

#include <compare>
#include <cstdint>

namespace berth {

/// What a container needs, or what an instance has. VCPUs and GPUs are counts, the rest bytes.
struct Resources {
  std::int64_t vcpus = 0;
  std::int64_t ram = 0;
  std::int64_t scratch = 0;
  std::int64_t gpus = 0;
  std::int64_t gpu_vram = 0;  ///< per device
  friend auto operator<=>(const Resources&, const Resources&) = default;
};

}  // namespace berth
