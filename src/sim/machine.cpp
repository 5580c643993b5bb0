#include "machine.hpp"

#include <nlohmann/json.hpp>

#include "cloud_model.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr std::string_view runner_program = "crunch-run ";

Result<CommandOutput> answer(int status, std::string out = {}, std::string err = {}) {
  return CommandOutput{status, std::move(out), std::move(err)};
}

}  // namespace

const SimRunner* SimMachine::find(const std::string& uuid) const {
  const auto found = runners_.find(uuid);
  return found == runners_.end() ? nullptr : &found->second;
}

bool SimMachine::has_stale_lock(const std::string& uuid) const {
  const auto found = stale_until_.find(uuid);
  return found != stale_until_.end() && found->second > core_.now();
}

bool SimMachine::keeps_out(const std::string& uuid) const {
  const auto found = stale_until_.find(uuid);
  return found != stale_until_.end() && found->second + 1min > core_.now();
}

Result<CommandOutput> SimMachine::carry_out(const Command& command, const Link& link) {
  std::string_view text = command.text;
  if (text.starts_with("sudo ")) text.remove_prefix(5);
  if (text == "cat /var/run/arvados-instance-secret") return answer(0, secret);
  if (text.starts_with("sh -c 'for uuid in ")) return lock_files();
  if (text.starts_with(runner_program))
    return run_runner(text.substr(runner_program.size()), command.stdin_data.view(), link);
  return answer(0);  // the boot probe
}

Result<CommandOutput> SimMachine::run_runner(std::string_view arguments, std::string_view input, const Link& link) {
  if (arguments.starts_with("--list")) return list();
  if (arguments.starts_with("--kill 15 ")) return kill(std::string(arguments.substr(10)));
  if (arguments.starts_with("--detach --stdin-config")) return start(arguments, input, link);
  return answer(2, {}, "bad flags");
}

Result<CommandOutput> SimMachine::list() {
  std::string lines;
  for (const auto& [uuid, runner] : runners_) lines += uuid + '\n';
  for (const auto& [uuid, until] : stale_until_)
    if (until > core_.now()) lines += uuid + " stale\n";
  if (broken) lines += "broken\n";
  return answer(0, std::move(lines));
}

/// The uuid is the last word, in quotes. Without its whole configuration a runner does nothing.
Result<CommandOutput> SimMachine::start(std::string_view arguments, std::string_view config, const Link& link) {
  const auto quote = arguments.rfind('\'', arguments.size() - 2);
  const std::string uuid(arguments.substr(quote + 1, arguments.size() - quote - 2));
  core_.note(SimEventKind::start_command, uuid, vm_.id);
  const bool fails =
      core_.strikes(&SimFaults::start_fails) || (core_.options.check_invariants && !nlohmann::json::accept(config));
  if (fails || has_stale_lock(uuid)) shared_.watcher.start_refused(uuid);
  if (fails) return answer(1, {}, "cannot start");
  if (runners_.contains(uuid) || has_stale_lock(uuid)) return answer(1, {}, "lock is held");
  SimRunner& runner = runners_[uuid];
  runner.uuid = uuid;
  runner.pid = ++last_pid_;
  runner.started_by = link.number;
  runner.began = core_.now();
  runner.ignores_term = core_.strikes(&SimFaults::ignores_term);
  core_.note(SimEventKind::runner_began, uuid, vm_.id);
  shared_.watcher.runner_began(vm_, runner, link);
  if (core_.strikes(&SimFaults::watch_lies)) tell_end(uuid);
  prepare(runner);
  return answer(0, "{\"UUID\":\"" + uuid + "\",\"PID\":" + std::to_string(last_pid_) + "}\n");
}

Result<CommandOutput> SimMachine::kill(const std::string& uuid) {
  core_.note(SimEventKind::kill_command, uuid, vm_.id);
  const auto found = runners_.find(uuid);
  if (found == runners_.end()) return answer(0);
  SimRunner& runner = found->second;
  if (runner.ignores_term) return answer(1, {}, "still alive");
  if (!runner.stopping) {
    runner.stopping = true;
    constexpr double at_once = 0.7;
    if (core_.chance.with(at_once))
      stop(runner);
    else
      then(runner, core_.chance.between(1s, 20s), &SimMachine::stop);
  }
  return runners_.contains(uuid) ? answer(1, {}, "still alive") : answer(0);
}

Result<CommandOutput> SimMachine::lock_files() const {
  std::string lines;
  for (const auto& [uuid, runner] : runners_)
    lines += "{\"UUID\":\"" + uuid + "\",\"PID\":" + std::to_string(runner.pid) + "}\n\n";
  return answer(0, std::move(lines));
}

void SimMachine::watch(const std::shared_ptr<LineStream>& stream) {
  streams_.push_back(stream);
  tell(stream, "watching");
  if (core_.strikes(&SimFaults::watch_breaks))
    core_.after(core_.chance.between(1s, 10min),
                [stream] { stream->end(fail(ErrorKind::network, "connection lost")); });
}

/// Lines wait while there is no network, or for ever if the host hangs.
void SimMachine::tell(const std::shared_ptr<LineStream>& stream, const std::string& line) {
  const Duration travel = core_.chance.draw(core_.options.workers.command) / 2;
  core_.after(travel, [self = shared_from_this(), stream, line] {
    if (stream->ended || self->dead || self->hangs) return;
    if (!self->offline) return stream->put(line);
    self->core_.after(1s, [self, stream, line] { self->tell(stream, line); });
  });
}

void SimMachine::tell_end(const std::string& uuid) {
  std::erase_if(streams_, [](const auto& weak) { return weak.expired() || weak.lock()->ended; });
  for (const auto& weak : streams_) tell(weak.lock(), "end " + uuid);
}

void SimMachine::switch_off() {
  dead = true;
  if (!core_.options.check_invariants)
    for (const auto& weak : streams_)
      core_.after(keepalive_time, [weak] {
        if (const auto stream = weak.lock()) stream->end(fail(ErrorKind::network, "the peer is silent"));
      });
  while (!runners_.empty()) end(runners_.begin()->first, "power off");
  stale_until_.clear();
}

}  // namespace berth
