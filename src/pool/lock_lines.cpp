#include "lock_lines.hpp"

#include <nlohmann/json.hpp>

#include "berth/base/shell.hpp"
#include "berth/model/uuid.hpp"

#include "commands.hpp"

namespace berth {
namespace {

constexpr std::size_t longest_line = 256;
constexpr std::int64_t largest_pid = 1 << 22;  // Linux: PID_MAX_LIMIT

void read_line(std::string_view line, std::map<std::string, std::int64_t>& pids) {
  if (line.size() > longest_line) return;
  const auto json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) return;
  const auto uuid = json.find("UUID");
  const auto pid = json.find("PID");
  if (uuid == json.end() || !uuid->is_string() || !is_container_uuid(uuid->get_ref<const std::string&>())) return;
  if (pid == json.end() || !pid->is_number_integer() || *pid < 2 || *pid > largest_pid) return;
  pids[uuid->get<std::string>()] = pid->get<std::int64_t>();
}

}  // namespace

std::string lock_files_command(std::string_view login_user, const std::vector<std::string>& uuids) {
  std::string script = "for uuid in";
  for (const auto& uuid : uuids) script += ' ' + shell_word(uuid);
  script += "; do cat \"${BERTH_LOCK_DIR:-/var/lock}/crunch-run-$uuid.lock\" && echo; done 2>/dev/null; exit 0";
  return std::string(sudo_prefix(login_user)) + "sh -c " + shell_quote(script);
}

std::map<std::string, std::int64_t> parse_lock_lines(std::string_view text) {
  std::map<std::string, std::int64_t> pids;
  while (!text.empty()) {
    const auto end = text.find('\n');
    read_line(text.substr(0, end), pids);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return pids;
}

}  // namespace berth
