#include "arguments.hpp"

#include <sstream>

#include <CLI/CLI.hpp>

namespace berth {
namespace {

constexpr std::int64_t kMaxCount = 1'000'000;
constexpr std::int64_t kMaxSeconds = std::int64_t{100} * 365 * 24 * 3600;

void describe_submit(CLI::App& app, SubmitOptions& s) {
  auto* submit = app.add_subcommand("submit", "ask for a container; prints its uuid");
  submit->add_option("--name", s.name, "what to call it");
  submit->add_option("--vcpus", s.vcpus, "processors")
      ->check(CLI::Range(std::int64_t{1}, kMaxCount))
      ->capture_default_str();
  submit->add_option("--ram", s.ram, "memory, e.g. 512MiB; each process is stopped at 256 MiB above it")
      ->capture_default_str();
  submit->add_option("--scratch", s.scratch, "disk for temporary files, e.g. 1GiB")->capture_default_str();
  submit->add_option("--priority", s.priority, "1 (lowest) to 1000; 0 holds it back")
      ->check(CLI::Range(std::int64_t{0}, kMaxPriority))
      ->capture_default_str();
  submit->add_option("--max-run-time", s.max_run_time, "seconds; 0 = no limit")
      ->check(CLI::Range(std::int64_t{0}, kMaxSeconds))
      ->capture_default_str();
  submit->add_option("--env", s.environment, "KEY=value for the command; may be repeated")->allow_extra_args(false);
  submit->add_option("--cwd", s.cwd, "directory to run in");
  submit->add_flag("--wait", s.wait, "wait for its end; exit with its exit code");
  submit->add_option("command", s.command, "command and arguments, after --")->required();
}

void describe(CLI::App& app, Choice& choice) {
  app.require_subcommand(1);
  app.add_option("--env-file", choice.env_file,
                 "DIR/env of a standalone daemon (default: the environment, then the default DIR)");
  describe_submit(app, choice.submit);
  auto* queue = app.add_subcommand("queue", "containers in scheduling order, and why each waits");
  queue->add_flag("--all", choice.all, "the last 1000 that ended, too");
  app.add_subcommand("instances", "instances and what runs on them");
  const char* const whose = "of a container or a request";
  auto* logs = app.add_subcommand("logs", "what a container printed");
  logs->add_option("uuid", choice.uuid, whose)->required();
  logs->add_flag("-f,--follow", choice.follow, "go on until it ends");
  auto* priority = app.add_subcommand("priority", "move a container up or down in the queue");
  priority->add_option("uuid", choice.uuid, whose)->required();
  priority->add_option("number", choice.priority, "1 (lowest) to 1000; 0 stops it and holds it back")
      ->required()
      ->check(CLI::Range(std::int64_t{0}, kMaxPriority));
  auto* cancel = app.add_subcommand("cancel", "stop a container, or take it from the queue");
  cancel->add_option("uuid", choice.uuid, whose)->required();
  auto* instance = app.add_subcommand("instance", "hold, drain, run or kill an instance");
  instance->add_option("verb", choice.instance_verb)
      ->required()
      ->check(CLI::IsMember({"hold", "drain", "run", "kill"}));
  instance->add_option("instance", choice.instance)->required();
}

}  // namespace

tl::expected<Choice, UsageExit> parse_command_line(int argc, const char* const* argv) {
  CLI::App app("Talks to a berthd: submits containers, shows queue and instances.", "berthctl");
  Choice choice;
  describe(app, choice);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::ostringstream out, err;
    const int code = app.exit(error, out, err) == 0 ? 0 : kUsageError;
    return tl::unexpected<UsageExit>({code, out.str(), err.str()});
  }
  choice.verb = app.get_subcommands().front()->get_name();
  return choice;
}

}  // namespace berth
