#include <chrono>
#include <fmt/format.h>
#include <string>

#include "berth/base/units.hpp"

namespace berth {

namespace {
using namespace std::chrono_literals;

constexpr std::string_view unset_time = "0001-01-01T00:00:00Z";
constexpr std::size_t max_fraction_digits = 9;
// What an int64 of nanoseconds can hold, with a year to spare.
constexpr int first_year = 1678;
constexpr int last_year = 2261;

/// Reads a text from left to right; after the first mismatch `ok` is false and stays so.
struct Reader {
  std::string_view rest;
  bool ok = true;

  /// Exactly `digits` digits, a number in [low, high].
  int number(std::size_t digits, int low, int high) {
    int value = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      const char c = i < rest.size() ? rest[i] : ' ';
      ok = ok && c >= '0' && c <= '9';
      value = value * 10 + (c - '0');
    }
    ok = ok && value >= low && value <= high;
    rest.remove_prefix(std::min(digits, rest.size()));
    return ok ? value : low;
  }
  bool accept(char c) {
    if (!ok || !rest.starts_with(c)) return false;
    rest.remove_prefix(1);
    return true;
  }
  void expect(char c) { ok = accept(c) && ok; }

  /// `.123`, if there; in nanoseconds.
  Duration fraction() {
    if (!accept('.')) return 0ns;
    std::size_t digits = 0;
    Duration::rep value = 0;
    for (; digits < rest.size() && rest[digits] >= '0' && rest[digits] <= '9'; ++digits) {
      if (digits < max_fraction_digits) value = value * 10 + (rest[digits] - '0');
    }
    ok = ok && digits >= 1 && digits <= max_fraction_digits;
    rest.remove_prefix(digits);
    for (; digits < max_fraction_digits; ++digits) value *= 10;
    return Duration(value);
  }
  /// `Z` or `±hh:mm`.
  Duration offset() {
    if (accept('Z')) return 0ns;
    const bool west = accept('-');
    if (!west) expect('+');
    const int hours = number(2, 0, 23);
    expect(':');
    const int minutes = number(2, 0, 59);
    const Duration magnitude = std::chrono::hours(hours) + std::chrono::minutes(minutes);
    return west ? -magnitude : magnitude;
  }
};

/// `2026-01-02T03:04:05` in UTC, with the fraction apart.
struct SplitTime {
  std::string date_time;
  Duration::rep nanoseconds;
};

SplitTime split(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss<Duration> clock(time - day);
  return {fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                      clock.minutes().count(), clock.seconds().count()),
          clock.subseconds().count()};
}
}  // namespace

Result<WallTime> parse_time(std::string_view text) {
  if (text == unset_time) return WallTime{};
  Reader in{text};
  const int year = in.number(4, first_year, last_year);
  in.expect('-');
  const int month = in.number(2, 1, 12);
  in.expect('-');
  const int day = in.number(2, 1, 31);
  in.expect('T');
  const int hour = in.number(2, 0, 23);
  in.expect(':');
  const int minute = in.number(2, 0, 59);
  in.expect(':');
  const int second = in.number(2, 0, 59);
  const Duration fraction = in.fraction();
  const Duration offset = in.offset();
  const std::chrono::year_month_day date(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day)));
  if (!in.ok || !in.rest.empty() || !date.ok()) {
    return fail(ErrorKind::invalid, "\"" + std::string(text.substr(0, 40)) + "\" is not a time in RFC 3339");
  }
  const Duration time_of_day = std::chrono::hours(hour) + std::chrono::minutes(minute) + std::chrono::seconds(second);
  return WallTime(std::chrono::sys_days(date)) + time_of_day + fraction - offset;
}

std::string format_time(WallTime time) {
  if (time == WallTime{}) return std::string(unset_time);
  const SplitTime parts = split(time);
  return fmt::format("{}.{:09}Z", parts.date_time, parts.nanoseconds);
}

std::string format_time_nano(WallTime time) {
  if (time == WallTime{}) return std::string(unset_time);
  const SplitTime parts = split(time);
  if (parts.nanoseconds == 0) return parts.date_time + "Z";
  std::string fraction = fmt::format("{:09}", parts.nanoseconds);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return fmt::format("{}.{}Z", parts.date_time, fraction);
}

}  // namespace berth
