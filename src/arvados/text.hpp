#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace berth {

/// The beginning of a text from outside, made fit for a log line: runs of white space are one space, other bytes that
/// are not printable ASCII are `?`; longer texts end in `…`.
std::string safe_excerpt(std::string_view text, std::size_t max_length = 200);

}  // namespace berth
