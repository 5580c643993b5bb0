#pragma once

#include <string_view>

#include "tree.hpp"

namespace berth {
/// The complete default document, `defaults.json`, as the build embedded it.
std::string_view defaults_text();
}  // namespace berth

namespace berth::config {

/// The shape of a cluster: every key the reference knows with its default (`SAMPLE` entries included), and Berth's own
/// keys. Parsed at each call.
Node default_cluster();

}  // namespace berth::config
