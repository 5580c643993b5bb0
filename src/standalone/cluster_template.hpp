#pragma once

#include <string_view>

namespace berth {

/// The text of config/standalone.yml.
std::string_view cluster_template();

}  // namespace berth
