#include "args.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include "berth/model/uuid.hpp"

namespace berth::runner {
namespace {

struct Flag {
  std::string_view name;
  bool takes_value;
};

/// Those that parse_arguments does nothing about are accepted because the reference has them.
constexpr Flag flags[] = {{"detach", false},
                          {"no-detach", false},
                          {"stdin-config", false},
                          {"list", false},
                          {"watch", false},
                          {"stdin-prices", false},
                          {"kill", true},
                          {"version", false},
                          {"help", false},
                          {"h", false},
                          {"enable-memory-limit", false},
                          {"broken-node-hook", true},
                          {"crunchstat-interval", true},
                          {"cgroup-parent-subsystem", true},
                          {"ca-certs", true},
                          {"config", true},
                          {"container-enable-networking", true},
                          {"container-network-mode", true},
                          {"memprofile", true},
                          {"runtime-engine", true},
                          {"sleep", true},
                          {"cgroup-root", true},
                          {"cgroup-parent", true},
                          {"check-containerd", true}};

std::optional<bool> parse_bool(std::string_view text) {
  for (const char* yes : {"true", "1", "t", "T", "TRUE", "True"})
    if (text == yes) return true;
  for (const char* no : {"false", "0", "f", "F", "FALSE", "False"})
    if (text == no) return false;
  return std::nullopt;
}

void set_mode(Arguments& arguments, Mode mode, bool on) {
  if (on) arguments.mode = mode;
}

Result<void> apply_switch(Arguments& arguments, std::string_view name, bool on) {
  if (name == "detach") set_mode(arguments, Mode::detach, on);
  if (name == "list") set_mode(arguments, Mode::list, on);
  if (name == "watch") set_mode(arguments, Mode::watch, on);
  if (name == "version") set_mode(arguments, Mode::version, on);
  if (name == "help" || name == "h") set_mode(arguments, Mode::help, on);
  if (name == "no-detach") arguments.no_detach = on;
  if (name == "stdin-config") arguments.stdin_config = on;
  if (name == "stdin-prices") arguments.stdin_prices = on;
  if (name == "enable-memory-limit") arguments.memory_limit = on;
  return {};
}

Result<void> apply_value(Arguments& arguments, std::string_view name, const std::string& value) {
  if (name == "broken-node-hook") arguments.broken_node_hook = value;
  if (name != "kill") return {};
  arguments.mode = Mode::kill;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), arguments.signal);
  if (error != std::errc() || end != value.data() + value.size() || arguments.signal < 0 || arguments.signal > 64)
    return fail(ErrorKind::invalid, "-kill: \"" + value + "\" is no signal number");
  return {};
}

/// The flag at `at`, which moves past it.
Result<void> parse_flag(const std::vector<std::string>& words, std::size_t& at, Arguments& arguments) {
  std::string_view text = words[at++];
  text.remove_prefix(text.starts_with("--") ? 2 : 1);
  const auto equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const auto* flag = std::ranges::find(flags, name, &Flag::name);
  if (flag == std::end(flags)) return fail(ErrorKind::invalid, "flag provided but not defined: -" + std::string(name));
  if (!flag->takes_value) {
    const auto on = equals == text.npos ? true : parse_bool(text.substr(equals + 1));
    if (!on) return fail(ErrorKind::invalid, "-" + std::string(name) + ": not true or false");
    return apply_switch(arguments, name, *on);
  }
  if (equals != text.npos) return apply_value(arguments, name, std::string(text.substr(equals + 1)));
  if (at == words.size()) return fail(ErrorKind::invalid, "flag needs an argument: -" + std::string(name));
  return apply_value(arguments, name, words[at++]);
}

}  // namespace

Result<Arguments> parse_arguments(const std::vector<std::string>& words) {
  Arguments arguments;
  std::size_t at = 0;
  while (at < words.size() && words[at].size() > 1 && words[at][0] == '-') {
    if (words[at] == "--") {
      ++at;
      break;
    }
    if (auto parsed = parse_flag(words, at, arguments); !parsed) return fail(parsed.error());
  }
  if (arguments.no_detach && arguments.mode == Mode::detach) arguments.mode = Mode::run;
  const bool wants_uuid = arguments.mode == Mode::run || arguments.mode == Mode::detach || arguments.mode == Mode::kill;
  if (!wants_uuid) return arguments;
  if (words.size() - at != 1) return fail(ErrorKind::invalid, "exactly one container uuid is needed");
  arguments.uuid = words[at];
  if (!is_container_uuid(arguments.uuid))
    return fail(ErrorKind::invalid, "\"" + arguments.uuid + "\" is no uuid of a container");
  return arguments;
}

std::string usage() {
  std::string text =
      "usage: berth-run [--detach] [--stdin-config] [OPTIONS] UUID\n"
      "       berth-run --list [--stdin-prices]\n"
      "       berth-run --watch\n"
      "       berth-run --kill SIGNAL UUID\n"
      "       berth-run --version\n"
      "options:";
  for (const Flag& flag : flags) text.append(" --").append(flag.name).append(flag.takes_value ? "=…" : "");
  return text + '\n';
}

}  // namespace berth::runner
