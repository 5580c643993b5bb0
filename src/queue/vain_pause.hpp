#pragma once

#include <algorithm>
#include <cstddef>

#include "berth/base/time.hpp"

namespace berth {

/// How long to wait before the API is asked again about what was told: nothing as long as that is worth it; of what is
/// told in vain the API hears ever more rarely.
class VainPause {
 public:
  explicit VainPause(Duration longest) : longest_(longest) {}

  /// After `asked` were asked about, of which `in_vain` brought nothing. It doubles, from 2 ms on, while more than half
  /// do.
  Duration after(std::size_t asked, std::size_t in_vain) {
    pause_ =
        in_vain * 2 <= asked ? Duration{} : std::clamp<Duration>(pause_ * 2, std::chrono::milliseconds(2), longest_);
    return pause_;
  }
  bool in_vain() const { return pause_ > Duration{}; }

 private:
  const Duration longest_;
  Duration pause_{};
};

}  // namespace berth
