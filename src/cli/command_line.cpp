#include "berth/cli/command_line.hpp"

#include <cstdio>

#include <CLI/CLI.hpp>

#include "verbs.hpp"

namespace berth {
namespace {

struct Choice {
  std::string env_file;
  SubmitOptions submit;
  bool all = false, follow = false;
  std::string uuid, instance, verb;
};

void describe(CLI::App& app, Choice& choice) {
  app.require_subcommand(1);
  app.add_option("--env-file", choice.env_file,
                 "DIR/env of a standalone daemon (default: the environment, then the default DIR)");

  auto* submit = app.add_subcommand("submit", "ask for a container; prints its uuid");
  SubmitOptions& s = choice.submit;
  submit->add_option("--name", s.name, "what to call it");
  submit->add_option("--vcpus", s.vcpus, "processors")->capture_default_str();
  submit->add_option("--ram", s.ram, "memory, e.g. 512MiB")->capture_default_str();
  submit->add_option("--scratch", s.scratch, "disk for temporary files, e.g. 1GiB")->capture_default_str();
  submit->add_option("--priority", s.priority, "1 (lowest) to 1000")->capture_default_str();
  submit->add_option("--max-run-time", s.max_run_time, "seconds; 0 = no limit")->capture_default_str();
  submit->add_option("--env", s.environment, "KEY=value for the command; may be repeated")->allow_extra_args(false);
  submit->add_option("--cwd", s.cwd, "directory to run in");
  submit->add_flag("--wait", s.wait, "wait for its end; exit with its exit code");
  submit->add_option("command", s.command, "command and arguments, after --")->required();

  auto* queue = app.add_subcommand("queue", "containers in scheduling order, and why each waits");
  queue->add_flag("--all", choice.all, "the last 1000 that ended, too");
  app.add_subcommand("instances", "instances and what runs on them");
  auto* logs = app.add_subcommand("logs", "what a container printed");
  logs->add_option("uuid", choice.uuid, "of a container or a request")->required();
  logs->add_flag("-f,--follow", choice.follow, "go on until it ends");
  auto* cancel = app.add_subcommand("cancel", "stop a container, or take it from the queue");
  cancel->add_option("uuid", choice.uuid, "of a container or a request")->required();
  auto* instance = app.add_subcommand("instance", "hold, drain, run or kill an instance");
  instance->add_option("verb", choice.verb)->required()->check(CLI::IsMember({"hold", "drain", "run", "kill"}));
  instance->add_option("instance", choice.instance)->required();
}

Result<int> carry_out(const CLI::App& app, const Choice& choice) {
  const auto endpoint = find_endpoint(choice.env_file);
  if (!endpoint) return fail(endpoint.error());
  DaemonConnection connection(*endpoint);
  const auto code = [](const Result<void>& done) { return done ? Result<int>(0) : Result<int>(fail(done.error())); };
  if (app.got_subcommand("submit")) return submit(connection, choice.submit);
  if (app.got_subcommand("queue")) return code(show_queue(connection, choice.all));
  if (app.got_subcommand("instances")) return code(show_instances(connection));
  if (app.got_subcommand("logs")) return code(show_logs(connection, choice.uuid, choice.follow));
  if (app.got_subcommand("cancel")) return code(cancel(connection, choice.uuid));
  return code(instance_verb(connection, choice.verb, choice.instance));
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  CLI::App app("Talks to a berthd: submits containers, shows queue and instances.", "berthctl");
  Choice choice;
  describe(app, choice);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto done = carry_out(app, choice);
  if (done) return *done;
  std::fprintf(stderr, "berthctl: %s\n", done.error().message.c_str());
  return 1;
}

}  // namespace berth
