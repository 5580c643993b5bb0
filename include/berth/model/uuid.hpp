#pragma once

#include <cstddef>
#include <string_view>

namespace berth {

/// `ccccc-ttttt-xxxxxxxxxxxxxxx` in lower-case letters and digits: safe in file names and URLs.
constexpr bool is_uuid(std::string_view text) {
  if (text.size() != 27) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    if (i == 5 || i == 11 ? c != '-' : !letter) return false;
  }
  return true;
}
/// Additionally of type `dz642`.
constexpr bool is_container_uuid(std::string_view text) {
  return is_uuid(text) && text.substr(6, 5) == "dz642";
}

}  // namespace berth
