#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace berth {

/// `WHOLE.FRACTION × 10^exponent × multiplier`, exact, truncated toward zero; nothing if it does not fit an int64.
/// `whole` and `fraction` are runs of decimal digits, either may be empty.
std::optional<std::int64_t> scaled_decimal(std::string_view whole, std::string_view fraction, int exponent,
                                           std::int64_t multiplier);

/// Takes the decimal digits at the start of `text` off it.
std::string_view take_digits(std::string_view& text);

}  // namespace berth
