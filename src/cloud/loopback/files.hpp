#pragma once

#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth::loopback {

/// Errors: not_found, failed; exhausted if it is longer than 1 MiB.
Result<std::string> read_file(const std::string& path);
/// Written aside, synced, renamed: the file holds the old text or the new one, whatever happens. Errors: failed.
Result<void> replace_file(const std::string& path, std::string_view text);

}  // namespace berth::loopback
