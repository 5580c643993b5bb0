#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "berth/cloud/driver.hpp"
#include "berth/remote/executor.hpp"

namespace berth {

/// What goes before a command that needs root: nothing for the login user `root`, else `sudo ` (facts §6.8).
std::string_view sudo_prefix(std::string_view login_user);

/// `runner` is shell text. Facts §6.8.
std::string list_command(std::string_view login_user, std::string_view runner, bool with_prices);
std::string start_command(std::string_view login_user, std::string_view runner,
                          const std::vector<std::string>& arguments, std::string_view uuid);
std::string kill_command(std::string_view login_user, std::string_view runner, std::string_view uuid);
/// The stdin of a list with prices: a JSON array in the given order (newest first).
std::string prices_json(const std::vector<InstancePrice>& prices);

/// Where a runner binary with this MD5 (lower-case hex) is deployed: `<directory>/crunch-run~<md5>` (facts §6.9).
std::string deployed_path(std::string_view directory, std::string_view md5);
std::string deploy_check_command(std::string_view path);
/// Whether the check's output says that the right binary is there.
bool deploy_check_passed(const CommandOutput& output, std::string_view path, std::string_view md5);
/// Installs the binary given on stdin: written beside its place, verified, then renamed, so that no half-written file
/// is ever seen under its name. Exit status 0 only if it is in place.
std::string deploy_install_command(std::string_view login_user, std::string_view directory, std::string_view path,
                                   std::string_view md5);

}  // namespace berth
