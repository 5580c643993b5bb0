#include "arguments.hpp"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <CLI/CLI.hpp>

namespace berth {
namespace {

/// `-legacy-ws-config`, `-legacy-keepweb-config=FILE` and their like: files that the reference still reads.
bool is_legacy_file_flag(std::string_view argument) {
  const std::string_view name = argument.substr(0, argument.find('='));
  return name.starts_with("--legacy-") && name.ends_with("-config");
}

/// CLI11 reads `-config` as bundled one-letter flags, so a single dash before a word becomes two. For `--name=` it
/// takes the next argument as the value, so the empty one becomes an argument of its own. Last argument first, as CLI11
/// wants it. Flags for legacy files go to `ignored`, with their values.
std::vector<std::string> normalised(int argc, const char* const* argv, std::vector<std::string>& ignored) {
  std::vector<std::string> out;
  for (int i = 1; i < argc; ++i) {
    std::string argument = argv[i];
    if (argument.size() > 2 && argument[0] == '-' && argument[1] != '-') argument.insert(0, 1, '-');
    if (is_legacy_file_flag(argument)) {
      const bool has_value = argument.find('=') != std::string::npos;
      if (has_value || i + 1 < argc) {
        ignored.push_back(argument.substr(0, argument.find('=')));
        i += has_value ? 0 : 1;
        continue;
      }
    }
    const bool value_is_empty = argument.starts_with("--") && argument.find('=') == argument.size() - 1;
    if (value_is_empty) argument.pop_back();
    out.push_back(std::move(argument));
    if (value_is_empty) out.emplace_back();
  }
  std::reverse(out.begin(), out.end());
  return out;
}

CLI::Validator not_empty() {
  return {[](const std::string& value) { return value.empty() ? std::string("must not be empty") : std::string(); }, "",
          "not empty"};
}

void add_standalone_options(CLI::App& app, CLI::Option& standalone, Arguments& a) {
  const auto add = [&](const char* name, auto& value, const char* help) {
    return app.add_option(name, value, help)->needs(&standalone);
  };
  add("--data-dir", a.data_dir, "standalone: where everything is kept (default: /var/lib/berth for root)")
      ->check(not_empty());
  add("--listen", a.listen, "standalone: ADDRESS:PORT of API and management API")
      ->capture_default_str()
      ->check(not_empty());
  add("--vcpus", a.vcpus, "standalone: pretend to have so many processors")->check(CLI::Range(1, 4096));
  add("--ram", a.ram, "standalone: pretend to have so much memory, e.g. 16GiB")->check(not_empty());
  add("--runner", a.runner, "standalone: path of berth-run (default: beside this program)")->check(not_empty());
}

}  // namespace

ParsedArguments parse_arguments(int argc, const char* const* argv) {
  ParsedArguments parsed;
  Arguments& a = parsed.arguments;
  if (const char* config = std::getenv("ARVADOS_CONFIG"); config && *config) a.config = config;

  CLI::App app(
      "Berth dispatches containers: it watches a queue of them, creates instances that fit, runs them there and\n"
      "destroys the instances that nobody needs. With --standalone it does so on this machine alone.",
      "berthd");
  // The last of several values counts, as with the reference's flags.
  app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  auto* config_file = app.add_option("--config", a.config, "cluster configuration file; - reads standard input")
                          ->capture_default_str()
                          ->check(not_empty());
  auto* check = app.add_flag("--check-config", a.check_config,
                             "read the configuration and all that it names, say what is wrong, and exit");
  auto* dump = app.add_flag("--dump-config", a.dump_config,
                            "print what configuration and defaults come to, without secrets, and exit")
                   ->excludes(check);
  app.add_flag("--unmask", a.unmask, "with --dump-config: print secrets, too")->needs(dump);
  app.add_flag("--dump-config-reference", a.config_reference, "")->group("");
  auto* no_lock =
      app.add_flag("--no-lock", a.no_lock, "do not take the lock that keeps a second dispatcher from acting");
  app.add_option("--threads", a.threads, "threads that run the event loop")
      ->capture_default_str()
      ->check(CLI::Range(1, 256));
  app.add_flag("--version", a.version, "print the version and exit");
  auto* standalone =
      app.add_flag("--standalone", a.standalone, "run on this machine alone, with an embedded queue and local workers");
  // Nothing that is given is without effect: a flag for the other kind of daemon is a usage error.
  for (CLI::Option* of_a_cluster : {config_file, check, dump, no_lock}) of_a_cluster->excludes(standalone);
  add_standalone_options(app, *standalone, a);
  std::string pprof;
  bool skip_legacy = false;
  const auto* pprof_option = app.add_option("--pprof", pprof, "")->group("");
  app.add_flag("--skip-legacy", skip_legacy, "")->group("");
  try {
    app.parse(normalised(argc, argv, a.ignored));
    if (pprof_option->count() > 0) a.ignored.emplace_back("--pprof");
  } catch (const CLI::ParseError& error) {
    parsed.exit_code = app.exit(error) == 0 ? 0 : 2;
  }
  return parsed;
}

}  // namespace berth
