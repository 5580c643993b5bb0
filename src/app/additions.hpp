#pragma once

#include <functional>
#include <map>
#include <string>

#include "berth/cloud/driver.hpp"
#include "berth/config/cluster.hpp"

namespace berth {

/// What a program adds to what is part of every berthd; nothing in the shipped one.
struct Additions {
  std::map<std::string, DriverFactory, std::less<>> drivers;  ///< by name, beside those of find_driver()
  /// Changes what a standalone daemon would be configured as.
  std::function<void(Cluster&)> adjust_standalone;
};

}  // namespace berth
