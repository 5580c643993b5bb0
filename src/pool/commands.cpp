#include "commands.hpp"

#include <nlohmann/json.hpp>

#include "berth/base/shell.hpp"
#include "berth/base/units.hpp"

namespace berth {
namespace {

std::string with_sudo(std::string_view login_user, std::string_view command) {
  return std::string(sudo_prefix(login_user)).append(command);
}

}  // namespace

std::string_view sudo_prefix(std::string_view login_user) {
  return login_user == "root" ? "" : "sudo ";
}

std::string list_command(std::string_view login_user, std::string_view runner, bool with_prices) {
  return with_sudo(login_user, runner) + (with_prices ? " --list --stdin-prices" : " --list");
}

std::string start_command(std::string_view login_user, std::string_view runner,
                          const std::vector<std::string>& arguments, std::string_view uuid) {
  std::string command = with_sudo(login_user, runner) + " --detach --stdin-config";
  for (const auto& argument : arguments) command += ' ' + shell_quote(argument);
  return command += ' ' + shell_quote(uuid);
}

std::string kill_command(std::string_view login_user, std::string_view runner, std::string_view uuid) {
  return with_sudo(login_user, runner) + " --kill 15 " + shell_word(uuid);
}

std::string prices_json(const std::vector<InstancePrice>& prices) {
  auto list = nlohmann::ordered_json::array();
  for (const auto& entry : prices) {
    nlohmann::ordered_json item;
    item["StartTime"] = format_time_nano(entry.start);
    item["Price"] = entry.price;
    list.push_back(std::move(item));
  }
  return list.dump();
}

std::string deployed_path(std::string_view directory, std::string_view md5) {
  return std::string(directory) + "/crunch-run~" + std::string(md5);
}

std::string deploy_check_command(std::string_view path) {
  return "md5sum " + shell_word(path);
}

bool deploy_check_passed(const CommandOutput& output, std::string_view path, std::string_view md5) {
  const std::string expected = std::string(md5) + "  " + std::string(path) + '\n';
  return output.exit_status == 0 && output.stderr_text.empty() && output.stdout_text == expected;
}

std::string deploy_install_command(std::string_view login_user, std::string_view directory, std::string_view path,
                                   std::string_view md5) {
  const std::string script = "set -e; umask 022; dir=" + shell_word(directory) + "; target=" + shell_word(path) +
                             "; if [ -d \"$target\" ]; then echo \"$target is a directory\" >&2; exit 1; fi"
                             "; aside=\"$target.new.$$\"; trap 'rm -f \"$aside\"' EXIT; mkdir -p \"$dir\"; "
                             "chmod 0755 \"$dir\"; cat >\"$aside\"; test \"$(md5sum <\"$aside\")\" = '" +
                             std::string(md5) + "  -'; chmod 0755 \"$aside\"; mv -f \"$aside\" \"$target\"";
  return with_sudo(login_user, "sh -c " + shell_quote(script));
}

}  // namespace berth
