#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// The whole of a file. Errors: failed, with path and the system's text; exhausted if it is larger than `most` bytes.
Result<std::string> read_input_file(const std::string& path, std::size_t most);
/// Whether both paths lead to one regular file, or would if it were there. What is no file, as a terminal or a pipe, is
/// none that could be lost.
bool is_same_file(const std::string& one, const std::string& other);
/// Whether it could be written to: an absent one is there afterwards, empty. Errors: failed.
Result<void> check_output_file(const std::string& path);
/// Replaces a file. Errors: failed, with path and the system's text.
Result<void> write_output_file(const std::string& path, std::string_view text);

}  // namespace berth
