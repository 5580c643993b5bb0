#include "berth/base/units.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace berth {
namespace {
using namespace std::chrono_literals;

template <class T>
struct Case {
  std::string text;
  std::optional<T> expected;  // nothing: an error
};

template <class T, class Parse>
void check(const std::vector<Case<T>>& cases, Parse parse) {
  for (const auto& c : cases) {
    SCOPED_TRACE("\"" + c.text + "\"");
    const Result<T> result = parse(c.text);
    ASSERT_EQ(result.has_value(), c.expected.has_value());
    if (result) {
      EXPECT_EQ(*result, *c.expected);
    } else {
      EXPECT_EQ(result.error().kind, ErrorKind::invalid);
      EXPECT_FALSE(result.error().message.empty());
    }
  }
}

TEST(ParseBytes, EveryFormOfFacts_1_2) {
  check<std::int64_t>(
      {
          {"0", 0},
          {"12345", 12345},
          {"1e9", 1'000'000'000},
          {"1.5e1", 15},
          {"10.0", 10},
          {"1.5", std::nullopt},
          {"10.5", std::nullopt},
          {"5e-1", std::nullopt},
          {"123456789012345.5", std::nullopt},
          {"550MiB", 550ll << 20},
          {"4.5 GB", 4'500'000'000},
          {"1KB", 1'000},
          {"1K", 1'000},
          {"1Ki", 1024},
          {"1MB", 1'000'000},
          {"1Mi", 1 << 20},
          {"1G", 1'000'000'000},
          {"1GiB", 1 << 30},
          {"1T", 1'000'000'000'000},
          {"1TiB", 1ll << 40},
          {"1PB", 1'000'000'000'000'000},
          {"1Pi", 1ll << 50},
          {"1E", 1'000'000'000'000'000'000},
          {"1EiB", 1ll << 60},
          {"1E0EB", 1'000'000'000'000'000'000},
          {"1E0E", 1'000'000'000'000'000'000},
          {"1E+1K", 10'000},
          {"20E-1 KiB", 2048},
          {"4.5EiB", 5'188'146'770'730'811'392},
          {"1.234 GiB", 1'324'997'410},
          {"1.5GB", 1'500'000'000},
          {"1.9B", 1},
          {" 4 KiB ", 4096},
          {"5B", 5},
          {"5 B", 5},
          {"0Ki", 0},
          {"9223372036854775807", std::numeric_limits<std::int64_t>::max()},
          {"9.223372036854775807EB", std::numeric_limits<std::int64_t>::max()},
          {"7.99EiB", 9'211'842'821'808'707'338},
      },
      parse_bytes);
}

TEST(ParseBytes, Refuses) {
  std::vector<Case<std::int64_t>> cases;
  for (const char* text :
       {"",     " ",           "B",    "K",     "KiB",   "4b",        "4m",        "4mib", "4KIB",
        "4iB",  "4A",          "4BB",  "4K iB", "4 K B", "400000 EB", "4.11e4 EB", "8EiB", "9223372036854775808",
        "1e99", "1e999999999", "01",   ".5K",   "5.K",   "-1",        "+1",        "1e+",  "1 2",
        "0x10", "1\tK",        "1,5K", "4K\n",  "NaN",   "1e-K"}) {
    cases.push_back({text, std::nullopt});
  }
  cases.push_back({std::string(10'000, '1'), std::nullopt});
  check<std::int64_t>(cases, parse_bytes);
}

TEST(ParseBytes, TinyAndHugeExponents) {
  EXPECT_EQ(*parse_bytes("1e-999999999K"), 0);
  EXPECT_EQ(*parse_bytes("0e999999999K"), 0);
  EXPECT_EQ(*parse_bytes("123456789e-8 KB"), 1234);
}

TEST(FormatBytes, IsExactAndReadsBack) {
  const std::vector<std::pair<std::int64_t, std::string>> cases = {
      {0, "0 bytes"},
      {1001, "1001 bytes"},
      {1023, "1023 bytes"},
      {1024, "1 KiB"},
      {1280, "1.25 KiB"},
      {1281, "1281 bytes"},
      {1536, "1.5 KiB"},
      {8ll << 30, "8 GiB"},
      {(8ll << 30) + 1, "8589934593 bytes"},
      {7ll << 28, "1.75 GiB"},
      {1000 * (1ll << 40), "1000 TiB"},
      {std::numeric_limits<std::int64_t>::max(), "9223372036854775807 bytes"},
      {-5, "-5 bytes"},
  };
  for (const auto& [bytes, text] : cases) {
    EXPECT_EQ(format_bytes(bytes), text);
    if (bytes >= 0 && !text.ends_with(" bytes")) EXPECT_EQ(parse_bytes(text).value_or(-1), bytes);
  }
}

TEST(ParseDuration, EveryFormOfFacts_1_2) {
  check<Duration>({{"0", 0ns},
                   {"-0", 0ns},
                   {"10s", 10s},
                   {"2m30s", 150s},
                   {"1.5h", 90min},
                   {".5s", 500ms},
                   {"1.s", 1s},
                   {"-1.5h", -90min},
                   {"+3m", 3min},
                   {"5ns", 5ns},
                   {"5us", 5us},
                   {"5\u00B5s", 5us},
                   {"5\u03BCs", 5us},
                   {"5ms", 5ms},
                   {"100h10m", 100h + 10min},
                   {"1s1h", 1h + 1s},
                   {"0.1s", 100ms},
                   {"0.000000001s", 1ns},
                   {"0.0000000019s", 1ns},
                   {"9223372036854775807ns", Duration::max()},
                   {"10", std::nullopt},
                   {"1.234", std::nullopt},
                   {"1", std::nullopt},
                   {"00", std::nullopt},
                   {"", std::nullopt},
                   {"-", std::nullopt},
                   {"s", std::nullopt},
                   {".s", std::nullopt},
                   {"1 s", std::nullopt},
                   {" 1s", std::nullopt},
                   {"1s ", std::nullopt},
                   {"1d", std::nullopt},
                   {"1S", std::nullopt},
                   {"1e3s", std::nullopt},
                   {"9223372036854775808ns", std::nullopt},
                   {"9223372036854775807ns1ns", std::nullopt},
                   {"3000000h", std::nullopt},
                   {"1h-1m", std::nullopt},
                   {std::string(10'000, '1') + "s", std::nullopt}},
                  parse_duration);
}

TEST(FormatDuration, WithoutZeroUnits) {
  const std::vector<std::pair<Duration, std::string>> cases = {
      {0ns, "0s"},
      {1min, "1m"},
      {150s, "2m30s"},
      {1h, "1h"},
      {2h + 1s, "2h1s"},
      {100h + 10min, "100h10m"},
      {1500ms, "1.5s"},
      {1h + 1ns, "1h0.000000001s"},
      {250ms, "250ms"},
      {1500us, "1.5ms"},
      {1500ns, "1.5\u00B5s"},
      {7ns, "7ns"},
      {-90s, "-1m30s"},
      {Duration::min(), "-2562047h47m16.854775808s"},
      {Duration::max(), "2562047h47m16.854775807s"},
  };
  for (const auto& [duration, expected] : cases) {
    EXPECT_EQ(format_duration(duration), expected);
    if (duration != Duration::min()) EXPECT_EQ(*parse_duration(expected), duration);
  }
}

constexpr WallTime at(int year, unsigned month, unsigned day, Duration time_of_day = 0ns) {
  return WallTime(std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day))) +
         time_of_day;
}

TEST(ParseTime, Rfc3339) {
  check<WallTime>({{"2026-01-02T03:04:05Z", at(2026, 1, 2, 3h + 4min + 5s)},
                   {"2026-01-02T03:04:05.123456789Z", at(2026, 1, 2, 3h + 4min + 5s + 123456789ns)},
                   {"2026-01-02T03:04:05.5Z", at(2026, 1, 2, 3h + 4min + 5s + 500ms)},
                   {"2026-01-02T03:04:05+02:30", at(2026, 1, 2, 34min + 5s)},
                   {"2026-01-02T03:04:05-02:00", at(2026, 1, 2, 5h + 4min + 5s)},
                   {"2024-02-29T00:00:00Z", at(2024, 2, 29)},
                   {"1970-01-01T00:00:00.000000001Z", WallTime(1ns)},
                   {"0001-01-01T00:00:00Z", WallTime{}},
                   {"2026-02-29T00:00:00Z", std::nullopt},
                   {"2026-13-01T00:00:00Z", std::nullopt},
                   {"2026-00-01T00:00:00Z", std::nullopt},
                   {"2026-01-02T24:00:00Z", std::nullopt},
                   {"2026-01-02T03:60:05Z", std::nullopt},
                   {"2026-01-02T03:04:60Z", std::nullopt},
                   {"2026-01-02T03:04:05.Z", std::nullopt},
                   {"2026-01-02T03:04:05.1234567890Z", std::nullopt},
                   {"2026-01-02T03:04:05", std::nullopt},
                   {"2026-01-02T03:04:05z", std::nullopt},
                   {"2026-01-02 03:04:05Z", std::nullopt},
                   {"2026-01-02T03:04:05Zx", std::nullopt},
                   {"2026-01-02T03:04:05+0200", std::nullopt},
                   {"2026-01-02T03:04:05+24:00", std::nullopt},
                   {"2026-1-2T03:04:05Z", std::nullopt},
                   {"9999-01-01T00:00:00Z", std::nullopt},
                   {"1600-01-01T00:00:00Z", std::nullopt},
                   {"20/6-01-02T03:04:05Z", std::nullopt},
                   {"", std::nullopt},
                   {"2026", std::nullopt},
                   {std::string(1000, '2'), std::nullopt}},
                  parse_time);
}

TEST(FormatTime, NineDigitsOrAsFewAsPossible) {
  struct {
    WallTime time;
    std::string nine, nano;
  } const cases[] = {
      {WallTime{}, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"},
      {at(2026, 1, 2, 3h + 4min + 5s), "2026-01-02T03:04:05.000000000Z", "2026-01-02T03:04:05Z"},
      {at(2026, 11, 22, 23h + 120ms), "2026-11-22T23:00:00.120000000Z", "2026-11-22T23:00:00.12Z"},
      {WallTime(-1ns), "1969-12-31T23:59:59.999999999Z", "1969-12-31T23:59:59.999999999Z"},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(format_time(c.time), c.nine);
    EXPECT_EQ(format_time_nano(c.time), c.nano);
    EXPECT_EQ(*parse_time(c.nine), c.time);
    EXPECT_EQ(*parse_time(c.nano), c.time);
  }
}

}  // namespace
}  // namespace berth
