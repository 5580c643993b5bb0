#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

namespace berth {

/// `10s`, `2m30s`, `1.5h`, `0` (facts §1.2); a bare number other than 0 is an error.
Result<Duration> parse_duration(std::string_view text);
/// Go style without trailing zero units: `1m`, `2m30s`, `1h`.
std::string format_duration(Duration duration);
/// `550MiB`, `4.5 GB`, `1E0EB` (facts §1.2): bytes.
Result<std::int64_t> parse_bytes(std::string_view text);
/// For humans and exact: in the largest binary unit of which it is a multiple of a quarter: `8 GiB`, `1.25 MiB`,
/// `1001 bytes`.
std::string format_bytes(std::int64_t bytes);

/// RFC 3339 with up to 9 fractional digits, any offset. A Go zero time (`0001-01-01T00:00:00Z`) parses as the epoch.
Result<WallTime> parse_time(std::string_view text);
/// RFC 3339 in UTC with 9 fractional digits; the epoch (unset) prints as `0001-01-01T00:00:00Z`.
std::string format_time(WallTime time);
/// RFC 3339 in UTC as Go prints RFC3339Nano: trailing zeros of the fraction are dropped.
std::string format_time_nano(WallTime time);

}  // namespace berth
