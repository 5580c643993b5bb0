#include <algorithm>
#include <array>
#include <string>

#include "berth/base/units.hpp"

#include "decimal.hpp"

namespace berth {

namespace {
constexpr std::size_t max_text = 64;
constexpr int max_exponent = 999;  // more than enough for every size to overflow or vanish

struct ByteUnit {
  std::string_view name;
  std::int64_t factor;
};
constexpr std::array byte_units = {
    ByteUnit{"", 1},
    ByteUnit{"K", 1'000},
    ByteUnit{"Ki", std::int64_t{1} << 10},
    ByteUnit{"M", 1'000'000},
    ByteUnit{"Mi", std::int64_t{1} << 20},
    ByteUnit{"G", 1'000'000'000},
    ByteUnit{"Gi", std::int64_t{1} << 30},
    ByteUnit{"T", 1'000'000'000'000},
    ByteUnit{"Ti", std::int64_t{1} << 40},
    ByteUnit{"P", 1'000'000'000'000'000},
    ByteUnit{"Pi", std::int64_t{1} << 50},
    ByteUnit{"E", 1'000'000'000'000'000'000},
    ByteUnit{"Ei", std::int64_t{1} << 60},
};

/// A JSON number, in its parts.
struct Number {
  std::string_view whole;
  std::string_view fraction;
  int exponent = 0;
};

/// Takes the exponent, if there is one, off `text`. `E` counts as one only before a digit or a sign (facts §1.2).
bool take_exponent(std::string_view& text, int& exponent) {
  if (text.size() < 2 || (text[0] != 'e' && text[0] != 'E')) return true;
  const bool has_sign = text[1] == '-' || text[1] == '+';
  const bool negative = text[1] == '-';
  std::string_view rest = text.substr(has_sign ? 2 : 1);
  const std::string_view digits = take_digits(rest);
  if (digits.empty()) return !has_sign;
  for (const char c : digits) exponent = std::min(exponent * 10 + (c - '0'), max_exponent);
  if (negative) exponent = -exponent;
  text = rest;
  return true;
}

/// Takes a JSON number without sign off `text`.
bool take_number(std::string_view& text, Number& number) {
  number.whole = take_digits(text);
  if (number.whole.empty() || (number.whole.size() > 1 && number.whole[0] == '0')) return false;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    number.fraction = take_digits(text);
    if (number.fraction.empty()) return false;
  }
  return take_exponent(text, number.exponent);
}

std::string_view trim(std::string_view text) {
  const std::size_t first = std::min(text.find_first_not_of(' '), text.size());
  text.remove_prefix(first);
  return text.substr(0, text.find_last_not_of(' ') + 1);
}

/// Whether its last digit other than 0 stands left of the decimal point.
bool is_integral(const Number& number) {
  const std::string digits = std::string(number.whole) + std::string(number.fraction);
  const std::size_t last = digits.find_last_not_of('0');
  if (last == std::string::npos) return true;
  return static_cast<int>(last) < static_cast<int>(number.whole.size()) + number.exponent;
}

tl::unexpected<Error> bad_size(std::string_view text, std::string_view why) {
  return fail(ErrorKind::invalid,
              "\"" + std::string(text.substr(0, max_text)) + "\" is not a size: " + std::string(why));
}
}  // namespace

Result<std::int64_t> parse_bytes(std::string_view text) {
  if (text.size() > max_text) return bad_size(text, "too long");
  std::string_view rest = trim(text);
  Number number;
  if (!take_number(rest, number)) return bad_size(text, "it must begin with a number such as 1.5");
  const bool unit_given = !rest.empty();
  rest = trim(rest);
  if (rest.ends_with('B')) rest.remove_suffix(1);
  const auto unit = std::find_if(byte_units.begin(), byte_units.end(), [&](const auto& u) { return u.name == rest; });
  if (unit == byte_units.end()) return bad_size(text, "the unit is none of B, KB, KiB, MB, MiB … EB, EiB");
  if (!unit_given && !is_integral(number)) return bad_size(text, "a number of bytes must be whole");
  const auto bytes = scaled_decimal(number.whole, number.fraction, number.exponent, unit->factor);
  if (!bytes) return bad_size(text, "more than 2^63 - 1 bytes");
  return *bytes;
}

std::string format_bytes(std::int64_t bytes) {
  for (auto unit = byte_units.rbegin(); unit != byte_units.rend(); ++unit) {
    const bool is_binary = unit->name.ends_with('i');
    if (!is_binary || bytes < unit->factor || bytes % (unit->factor / 4) != 0) continue;
    std::string text = std::to_string(bytes / unit->factor);
    constexpr std::array<std::string_view, 4> quarters = {"", ".25", ".5", ".75"};
    text += quarters[static_cast<std::size_t>(bytes % unit->factor / (unit->factor / 4))];
    return text + ' ' + std::string(unit->name) + 'B';
  }
  return std::to_string(bytes) + " bytes";
}

}  // namespace berth
