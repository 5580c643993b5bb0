#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth {

/// `text` with its %XX escapes replaced; nothing if one of them is not two hex digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);

}  // namespace berth
