#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace berth {

/// `0`, `999`, `1,000`, `-12,345`.
std::string with_commas(std::int64_t number);
/// `1 container`, `2 containers`, `1,000 containers`: the noun is one that takes an s.
std::string plural(std::int64_t number, std::string_view noun);

}  // namespace berth
