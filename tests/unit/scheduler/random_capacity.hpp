#pragma once

#include "capacity.hpp"
#include "random_input.hpp"

namespace berth {

/// Each lane from 0 to `most`.
inline CoarseCapacity any_capacity(Dice& dice, std::int32_t most) {
  CoarseCapacity made;
  for (std::int32_t& lane : made.lanes) lane = static_cast<std::int32_t>(dice(0, most));
  return made;
}

}  // namespace berth
