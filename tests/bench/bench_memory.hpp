#pragma once

#include <fstream>
#include <malloc.h>
#include <string>

namespace berth {

/// Of this process, in MB.
struct Memory {
  double resident = 0;
  double peak = 0;    ///< of what was resident, since forget_peak()
  double in_use = 0;  ///< what was allocated and not freed

  static Memory now() {
    Memory out;
    std::ifstream status("/proc/self/status");
    for (std::string word; status >> word;) {
      if (word == "VmHWM:") status >> out.peak;
      if (word == "VmRSS:") status >> out.resident;
    }
    const struct mallinfo2 info = ::mallinfo2();
    return {out.resident * 1.024e-3, out.peak * 1.024e-3, static_cast<double>(info.uordblks + info.hblkhd) * 1e-6};
  }
  static void forget_peak() { std::ofstream("/proc/self/clear_refs") << "5"; }
};

}  // namespace berth
