#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

/// Shows the lock files of containers (facts §7), whichever are there; also where a loopback instance keeps them.
std::string lock_files_command(std::string_view login_user, const std::vector<std::string>& uuids);

/// PIDs by container, of lock files or of what a start command prints: lines `{"UUID":"…","PID":n}`. Anything else is
/// passed over.
std::map<std::string, std::int64_t> parse_lock_lines(std::string_view text);

}  // namespace berth
