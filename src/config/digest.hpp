#pragma once

#include <string>
#include <string_view>

namespace berth::config {

/// Lower-case hex.
std::string md5_hex(std::string_view text);
std::string sha256_hex(std::string_view text);

}  // namespace berth::config
