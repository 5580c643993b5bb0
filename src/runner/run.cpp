#include "run.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "clock.hpp"
#include "detach.hpp"
#include "guard.hpp"
#include "strays.hpp"
#include "supervise.hpp"
#include "workplace.hpp"

namespace berth::runner {
namespace {

using nlohmann::json;

/// How long the API may be away before the command runs, and after it has ended, in all: a final state is worth a long
/// wait, of which the log takes its part. While the command runs, the API may be away for as long as it likes.
constexpr Duration patience_before = std::chrono::minutes(5);
constexpr Duration patience_log = std::chrono::minutes(10);
constexpr Duration patience_after = std::chrono::minutes(15);
constexpr Duration first_pause = std::chrono::milliseconds(100);
constexpr Duration longest_pause = std::chrono::seconds(5);
constexpr std::size_t max_config = 64 << 20;

void complain(const std::string& message) {
  const std::string line = log_time(wall_now()) + " berth-run: " + message + '\n';
  (void)write_all(STDERR_FILENO, line);
}

/// Repeats a call until it succeeds, fails for good, it is time to give up or, if `stoppable`, somebody asked to stop.
template <class Call>
auto persist(Signals& signals, SteadyTime give_up, bool stoppable, const Call& call) -> decltype(call()) {
  for (Duration pause = first_pause;; pause = std::min(pause * 2, longest_pause)) {
    auto result = call();
    if (result || !is_retryable(result.error().kind)) return result;
    const SteadyTime next = steady_now() + pause + random_below(pause);
    if (next > give_up) return result;
    complain(result.error().message + "; trying again");
    signals.wait_until(next, stoppable);
    if (stoppable && signals.stop_signal() != 0) return result;
  }
}

/// The container's final state, or Queued to give it back.
struct Ending {
  std::string state;
  std::string error;         ///< for runtime_status; empty: none
  int exit_code = -1;        ///< -1: no command ran
  std::string warning = {};  ///< for runtime_status; empty: none
  bool permanent = false;    ///< for runtime_status: it is the record's fault, another attempt would end likewise

  void warn(const std::string& text) { warning += (warning.empty() ? "" : "; ") + text; }
};

json to_fields(const Ending& ending, double cost) {
  json fields = {{"state", ending.state}};
  if (ending.state == "Queued") return fields;  // which also clears runtime_status
  if (ending.exit_code >= 0) fields["exit_code"] = ending.exit_code;
  if (ending.exit_code >= 0 && cost > 0) fields["cost"] = cost;
  if (!ending.error.empty()) fields["runtime_status"]["error"] = ending.error;
  if (ending.permanent) fields["runtime_status"]["permanent"] = true;
  if (!ending.warning.empty()) fields["runtime_status"]["warning"] = ending.warning;
  return fields;
}

std::string describe_signal(int signal) {
  const char* name = ::sigabbrev_np(signal);
  return "SIG" + std::string(name == nullptr ? std::to_string(signal) : name);
}

class ContainerRun {
 public:
  ContainerRun(const LockDirectory& locks, const Arguments& arguments, RunnerConfig config, ApiUrl url, Guard& guard,
               Signals& signals)
      : locks_(locks),
        arguments_(arguments),
        config_(std::move(config)),
        url_(std::move(url)),
        guard_(guard),
        signals_(signals),
        claim_address_("berth-run-" + random_name() + ":0"),
        api_(make_api()) {}

  /// False if the container did not end in an orderly way.
  bool run();
  /// Whether everything has ended that run() started.
  bool left_nothing() const { return left_nothing_; }

 private:
  enum class Claim { ours, refused, unknown };

  Api make_api() const { return Api(HttpClient(url_, config_.variable("ARVADOS_API_TOKEN")), arguments_.uuid); }
  Result<Record> fetch() {
    return persist(signals_, steady_now() + patience_before, true, [&] { return api_.fetch_record(); });
  }
  Claim claim(const Record& record);
  /// From the record Running on.
  Ending run_command(const Record& record, const Workplace& place, LogSpool& log);
  void finish_log(LogSpool& log, Ending& ending);
  /// What the record says already about a container that is being stopped, to be kept: `: killed by …`.
  std::string known_reason();
  CommandSpec make_spec(const Record& record, const Workplace& place) const;
  bool finalize(const Ending& ending);
  bool cancel_for_good(const std::string& error) {
    return finalize({.state = "Cancelled", .error = error, .permanent = true});
  }
  void report_broken() const;

  const LockDirectory& locks_;
  const Arguments& arguments_;
  const RunnerConfig config_;
  const ApiUrl url_;
  Guard& guard_;
  Signals& signals_;
  /// Tells our claim from another runner's; port 0, since there is no gateway to dial.
  const std::string claim_address_;
  Api api_;
  SteadyTime started_{};
  bool left_nothing_ = true;
  /// When to give up telling the API how the container ended; set once.
  std::optional<SteadyTime> give_up_;
};

bool ContainerRun::run() {
  const auto record = fetch();
  if (!record) {
    complain("cannot get the container's record: " + record.error().message);
    return record.error().kind == ErrorKind::type_mismatch
               ? cancel_for_good("the container's record is malformed: " + record.error().message)
               : false;
  }
  if (record->state != "Locked") {
    complain("the container is " + record->state + ", not Locked");
    return false;
  }
  if (const std::string obstacle = find_obstacle(*record); !obstacle.empty()) return cancel_for_good(obstacle);
  auto place = Workplace::make(arguments_.uuid);
  if (!place) {
    complain("cannot make a place to work in: " + place.error().message);
    if (place.error().kind == ErrorKind::exhausted) report_broken();
    finalize({"Queued", ""});
    return false;
  }
  if (signals_.take(); signals_.stop_signal() != 0)
    return finalize({"Cancelled", "the runner was stopped by " + describe_signal(signals_.stop_signal()) +
                                      " before the command ran"});
  switch (claim(*record)) {
    case Claim::refused:
      return false;
    case Claim::unknown:
      finalize({"Queued", ""});
      return false;
    case Claim::ours:
      break;
  }
  LogSpool log(make_api(), place->spool());
  Ending ending = run_command(*record, *place, log);
  give_up_ = steady_now() + patience_after;
  finish_log(log, ending);
  return finalize(ending);
}

/// What was lost of the log is said in the log itself, in the record and here.
void ContainerRun::finish_log(LogSpool& log, Ending& ending) {
  const auto say = [&](const std::string& text) {
    log.append(LogSpool::runner_messages, log_time(wall_now()) + ' ' + text + '\n');
  };
  if (!ending.error.empty()) say(ending.error);
  if (const std::uint64_t bytes = log.lost_bytes(); bytes > 0) {
    const std::string lost = std::to_string(bytes) + " bytes of output were lost: no room on the worker's disk";
    complain(lost);
    say(lost);
    ending.warn(lost);
  }
  if (log.finish(steady_now() + patience_log)) return;
  const std::string refused = "the API did not take the whole log";
  complain(refused);
  ending.warn(refused);
}

/// Sets the state Running. The command may run only if that is certain to have happened, and by us. After a lost answer
/// or a refusal (perhaps of the second attempt, because the first got through) the record says whether it did.
ContainerRun::Claim ContainerRun::claim(const Record& record) {
  const auto attempt = [&]() -> Result<bool> {
    auto updated = api_.update({{"state", "Running"}, {"gateway_address", claim_address_}});
    if (updated) return true;
    const bool refused = !is_retryable(updated.error().kind);
    if (refused && updated.error().kind != ErrorKind::conflict) return fail(updated.error());
    const auto seen = api_.fetch_record();
    if (!seen) return fail(seen.error());
    if (seen->state == "Running" && seen->gateway_address == claim_address_) return true;
    if (seen->state == "Locked" && seen->locked_by_uuid == record.locked_by_uuid) return fail(updated.error());
    return fail(ErrorKind::conflict, refused ? updated.error().message : "the container is " + seen->state + " now");
  };
  const auto claimed = persist(signals_, steady_now() + patience_before, true, attempt);
  if (claimed) return Claim::ours;
  complain("the container is not run: " + claimed.error().message);
  return is_retryable(claimed.error().kind) ? Claim::unknown : Claim::refused;
}

CommandSpec ContainerRun::make_spec(const Record& record, const Workplace& place) const {
  CommandSpec spec;
  spec.command = record.command;
  spec.environment = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}, {"HOME", place.work()}};
  for (const auto& [name, value] : record.environment) spec.environment[name] = value;
  spec.directory = record.cwd.starts_with('/') ? record.cwd : place.work() + '/' + record.cwd;
  spec.environment[mark_variable] = mark_of(locks_.lock_path(arguments_.uuid));
  if (arguments_.memory_limit) spec.memory_limit = memory_limit_for(record.ram);
  return spec;
}

Ending ContainerRun::run_command(const Record& record, const Workplace& place, LogSpool& log) {
  const CommandSpec spec = make_spec(record, place);
  started_ = steady_now();
  auto command = start_command(spec);
  if (!command)
    return {.state = "Cancelled",
            .error = command.error().message,
            .permanent = command.error().kind == ErrorKind::invalid};
  std::optional<SteadyTime> deadline;
  constexpr std::int64_t longest = 1'000'000'000;  // beyond that it is no limit
  if (record.max_run_time > 0 && record.max_run_time < longest)
    deadline = started_ + std::chrono::seconds(record.max_run_time);
  left_nothing_ = false;
  const CommandEnd end = supervise(*command, guard_, signals_, log, deadline);
  left_nothing_ = end.nothing_left;
  if (end.unguarded) return {"Cancelled", "the command was stopped: the runner's guard was killed", end.exit_code};
  if (end.timed_out)
    return {"Cancelled",
            "the command was stopped: max_run_time of " + std::to_string(record.max_run_time) + " s passed",
            end.exit_code};
  if (end.stopped_by_signal != 0)
    return {"Cancelled",
            "the command was stopped: the runner got " + describe_signal(end.stopped_by_signal) + known_reason(),
            end.exit_code};
  Ending ending{"Complete", "", end.exit_code};
  if (end.exit_code != 0 && spec.memory_limit > 0 && speaks_of_memory(end.last_words))
    ending.warn("the command seems to have run out of memory: each of its processes may have " +
                std::to_string(spec.memory_limit >> 20) + " MiB, which is the container's ram and 256 MiB more");
  return ending;
}

std::string ContainerRun::known_reason() {
  const auto record = api_.fetch_record();
  if (!record) return "";
  if (!record->runtime_error.empty()) return ": " + record->runtime_error.substr(0, 1000);
  return record->priority < 1 ? ": its priority is 0 (cancelled, or held back)" : "";
}

bool ContainerRun::finalize(const Ending& ending) {
  const double hours = std::chrono::duration<double, std::ratio<3600>>(steady_now() - started_).count();
  const json fields = to_fields(ending, started_ == SteadyTime() ? 0 : hours * config_.price);
  const SteadyTime give_up = give_up_.value_or(steady_now() + patience_after);
  const auto updated = persist(signals_, give_up, false, [&] { return api_.update(fields); });
  if (updated) return true;
  if (!is_retryable(updated.error().kind)) {
    // Perhaps the first of several attempts got through, or somebody else ended the container.
    const auto record = persist(signals_, give_up, false, [&] { return api_.fetch_record(); });
    if (record && (record->state == ending.state || record->state == "Complete" || record->state == "Cancelled")) {
      if (record->state != ending.state) complain("the container was " + record->state + " already");
      return true;
    }
  }
  complain("cannot set the container's state to " + ending.state + ": " + updated.error().message);
  return false;
}

/// This machine cannot run containers: the hook is told, or the marker says so to the next `--list`.
void ContainerRun::report_broken() const {
  if (arguments_.broken_node_hook.empty()) return locks_.mark_broken();
  std::string hook = arguments_.broken_node_hook;
  char* argv[] = {hook.data(), nullptr};
  pid_t pid = 0;
  if (::posix_spawn(&pid, hook.c_str(), nullptr, nullptr, argv, environ) != 0) complain("cannot run " + hook);
}

/// Its file for complaints is only of interest if there are any.
void remove_if_empty(const std::string& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_size == 0) ::unlink(path.c_str());
}

Result<bool> run(const LockDirectory& locks, const Arguments& arguments, Signals& signals) {
  const auto lock = adopt_lock(locks, arguments.uuid, arguments.no_detach);
  if (!lock) return fail(lock.error());
  auto guard = Guard::start(*lock, arguments.uuid, mark_of(locks.lock_path(arguments.uuid)));
  if (!guard) return fail(guard.error());
  RunnerConfig config;
  if (arguments.stdin_config) {
    const auto text = read_all(STDIN_FILENO, max_config);
    auto parsed = text ? parse_config(*text) : Result<RunnerConfig>(fail(text.error()));
    if (!parsed) return fail(parsed.error());
    config = std::move(*parsed);
  }
  if (config.api_url().empty()) return fail(ErrorKind::invalid, "neither BERTH_API_URL nor ARVADOS_API_HOST is set");
  auto url = parse_api_url(config.api_url());
  if (!url) return fail(url.error());
  ContainerRun container(locks, arguments, std::move(config), std::move(*url), *guard, signals);
  const bool orderly = container.run();
  if (container.left_nothing()) {
    const std::string line = lock_line({arguments.uuid, ::getpid(), true});
    [[maybe_unused]] const auto written = ::pwrite(lock->get(), line.data(), line.size(), 0);
  }
  return orderly;
}

}  // namespace

int run_container(const LockDirectory& locks, const Arguments& arguments) {
  Signals signals;
  const auto orderly = run(locks, arguments, signals);
  if (!orderly) complain(orderly.error().message);
  if (arguments.no_detach) remove_if_empty(locks.complaints_path(arguments.uuid));
  return orderly && *orderly ? 0 : 1;
}

}  // namespace berth::runner
