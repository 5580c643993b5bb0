#include <array>
#include <fmt/format.h>
#include <limits>
#include <string>

#include "berth/base/units.hpp"

#include "decimal.hpp"

namespace berth {

namespace {
constexpr std::size_t max_text = 128;

struct TimeUnit {
  std::string_view name;
  std::int64_t nanoseconds;
};
// Longer names before their own prefixes.
constexpr std::array time_units = {
    TimeUnit{"ns", 1},
    TimeUnit{"us", 1'000},
    TimeUnit{"\u00B5s", 1'000},  // micro sign
    TimeUnit{"\u03BCs", 1'000},  // Greek letter mu
    TimeUnit{"ms", 1'000'000},
    TimeUnit{"s", 1'000'000'000},
    TimeUnit{"m", 60'000'000'000},
    TimeUnit{"h", 3'600'000'000'000},
};
constexpr std::uint64_t ns_per_second = 1'000'000'000;

tl::unexpected<Error> bad_duration(std::string_view text, std::string_view why) {
  return fail(ErrorKind::invalid,
              "\"" + std::string(text.substr(0, max_text)) + "\" is not a duration: " + std::string(why));
}

const TimeUnit* take_unit(std::string_view& text) {
  for (const TimeUnit& unit : time_units) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

/// `value / unit` with up to nine decimals and no trailing zeros.
std::string decimal(std::uint64_t value, std::uint64_t unit) {
  std::string text = fmt::to_string(value / unit);
  std::string fraction;
  for (std::uint64_t rest = value % unit; rest != 0; rest = rest * 10 % unit) {
    fraction += static_cast<char>('0' + rest * 10 / unit);
  }
  return fraction.empty() ? text : text + "." + fraction;
}
}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  if (text.size() > max_text) return bad_duration(text, "too long");
  std::string_view rest = text;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest == "0") return Duration::zero();
  if (rest.empty()) return bad_duration(text, "empty");
  std::int64_t total = 0;
  while (!rest.empty()) {
    const std::string_view whole = take_digits(rest);
    std::string_view fraction;
    if (rest.starts_with('.')) {
      rest.remove_prefix(1);
      fraction = take_digits(rest);
    }
    if (whole.empty() && fraction.empty()) return bad_duration(text, "it must be numbers with units, such as 2m30s");
    const TimeUnit* unit = take_unit(rest);
    if (unit == nullptr) return bad_duration(text, "a unit is missing: one of ns, us, ms, s, m, h");
    const auto part = scaled_decimal(whole, fraction, 0, unit->nanoseconds);
    if (!part || *part > std::numeric_limits<std::int64_t>::max() - total) return bad_duration(text, "too long a time");
    total += *part;
  }
  return Duration(negative ? -total : total);
}

std::string format_duration(Duration duration) {
  if (duration == Duration::zero()) return "0s";
  const bool negative = duration < Duration::zero();
  const auto count = static_cast<std::uint64_t>(duration.count());
  const std::uint64_t ns = negative ? std::uint64_t{0} - count : count;
  std::string out = negative ? "-" : "";
  if (ns < 1'000) return out + fmt::format("{}ns", ns);
  if (ns < 1'000'000) return out + decimal(ns, 1'000) + "\u00B5s";
  if (ns < ns_per_second) return out + decimal(ns, 1'000'000) + "ms";
  const std::uint64_t hours = ns / (3600 * ns_per_second);
  const std::uint64_t minutes = ns / (60 * ns_per_second) % 60;
  const std::uint64_t second_ns = ns % (60 * ns_per_second);
  if (hours != 0) out += fmt::format("{}h", hours);
  if (minutes != 0) out += fmt::format("{}m", minutes);
  if (second_ns != 0) out += decimal(second_ns, ns_per_second) + "s";
  return out;
}

}  // namespace berth
