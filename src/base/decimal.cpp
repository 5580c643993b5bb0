#include "decimal.hpp"

#include <algorithm>
#include <limits>

#include <boost/multiprecision/cpp_int.hpp>

namespace berth {

using boost::multiprecision::cpp_int;

std::string_view take_digits(std::string_view& text) {
  const std::size_t size = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, size);
  text.remove_prefix(size);
  return digits;
}

std::optional<std::int64_t> scaled_decimal(std::string_view whole, std::string_view fraction, int exponent,
                                           std::int64_t multiplier) {
  cpp_int value = 0;
  for (const char c : whole) value = value * 10 + (c - '0');
  for (const char c : fraction) value = value * 10 + (c - '0');
  if (value == 0) return 0;
  value *= multiplier;
  const int power = exponent - static_cast<int>(fraction.size());
  // Beyond these bounds the result is certain; within them the numbers stay small.
  if (power > 20) return std::nullopt;
  const int digits = static_cast<int>(whole.size() + fraction.size());
  if (power < -(digits + 20)) return 0;
  const cpp_int scale = boost::multiprecision::pow(cpp_int(10), static_cast<unsigned>(std::abs(power)));
  value = power >= 0 ? cpp_int(value * scale) : cpp_int(value / scale);
  if (value > std::numeric_limits<std::int64_t>::max()) return std::nullopt;
  return static_cast<std::int64_t>(value);
}

}  // namespace berth
