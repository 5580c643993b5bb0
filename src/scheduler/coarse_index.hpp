#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "capacity.hpp"

namespace berth {

/// A list of needs, built for the question "which is the next that may fit in this room, and is not above the most that
/// it pays?": above the needs lie levels of component-wise minimums and greatest prices, each of 16 from the level
/// below, so that what fits nowhere is passed over with few looks.
class CoarseIndex {
 public:
  struct Item {
    CoarseCapacity need;
    float pays = 0;  ///< the dearest type for it, $/hour
  };

  explicit CoarseIndex(std::vector<Item> needs) {
    levels_.push_back(std::move(needs));
    while (levels_.back().size() > kFan) {
      const std::vector<Item>& below = levels_.back();
      std::vector<Item> level((below.size() + kFan - 1) / kFan, Item{kFitsNowhere});
      for (std::size_t i = 0; i < below.size(); ++i) {
        level[i / kFan].need.lower_to(below[i].need);
        level[i / kFan].pays = std::max(level[i / kFan].pays, below[i].pays);
      }
      levels_.push_back(std::move(level));
    }
  }

  std::size_t size() const { return levels_[0].size(); }
  /// The first from `at` on that the room covers and that pays the price; size() if none does.
  std::size_t next(const CoarseCapacity& room, float price, std::size_t at) const {
    std::size_t level = 0;
    for (bool ascend = true;;) {
      while (ascend && level + 1 < levels_.size() && at % kFan == 0) {
        at /= kFan;
        ++level;
      }
      if (at >= levels_[level].size()) return size();
      const Item& item = levels_[level][at];
      ascend = item.pays < price || !room.covers(item.need);
      if (ascend) {
        ++at;
      } else if (level == 0) {
        return at;
      } else {
        at *= kFan;
        --level;
      }
    }
  }

 private:
  static constexpr std::size_t kFan = 16;
  static constexpr CoarseCapacity kFitsNowhere{{INT32_MAX, INT32_MAX, INT32_MAX, INT32_MAX}};

  std::vector<std::vector<Item>> levels_;  // the needs first
};

}  // namespace berth
