#pragma once

#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth::loopback {

/// Errors: not_found, failed; exhausted if it is longer than 1 MiB.
Result<std::string> read_file(const std::string& path);
/// Written aside, synced, renamed: the file holds the old text or the new one, whatever happens. Errors: failed.
Result<void> replace_file(const std::string& path, std::string_view text);

/// Whether instances can be kept in that directory, or it can be made; touches nothing. Errors: failed, naming the path
/// that stands in the way.
Result<void> check_state_directory(const std::string& path);

}  // namespace berth::loopback
