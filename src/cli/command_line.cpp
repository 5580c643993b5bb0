#include "berth/cli/command_line.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "berth/config/data_dir.hpp"

#include "arguments.hpp"
#include "start_up.hpp"
#include "verbs.hpp"

namespace berth {
namespace {

Result<int> carry_out(const Choice& choice) {
  const std::string default_file = default_data_dir() + "/env";
  const std::string file = env_file_to_read(choice.env_file, default_file, ::getenv);
  const auto find = [&] { return find_endpoint(choice.env_file, default_file, ::getenv); };
  const auto endpoint =
      file.empty() ? find() : find_started(std::filesystem::absolute(file).parent_path().string(), find);
  if (!endpoint) return fail(endpoint.error());
  DaemonConnection connection(*endpoint);
  if (choice.verb == "submit") return submit(connection, choice.submit);
  const auto code = [](const Result<void>& done) { return done ? Result<int>(0) : Result<int>(fail(done.error())); };
  if (choice.verb == "queue") return code(show_queue(connection, choice.all));
  if (choice.verb == "instances") return code(show_instances(connection));
  if (choice.verb == "logs") return code(show_logs(connection, choice.uuid, choice.follow));
  if (choice.verb == "priority") return code(set_priority(connection, choice.uuid, choice.priority));
  if (choice.verb == "cancel") return code(cancel(connection, choice.uuid));
  return code(change_instance(connection, choice.instance_verb, choice.instance));
}

}  // namespace

int run_command_line(int argc, const char* const* argv) {
  const auto choice = parse_command_line(argc, argv);
  if (!choice) {
    std::fputs(choice.error().out.c_str(), stdout);
    std::fputs(choice.error().err.c_str(), stderr);
    return choice.error().exit_code;
  }
  auto done = carry_out(*choice);
  if (done && (std::fflush(stdout) != 0 || std::ferror(stdout) != 0))
    done = fail(ErrorKind::failed, std::string("stdout: ") + std::strerror(errno));
  if (done) return *done;
  std::fprintf(stderr, "berthctl: %s\n", done.error().message.c_str());
  return done.error().kind == ErrorKind::invalid ? kUsageError : 1;
}

}  // namespace berth
