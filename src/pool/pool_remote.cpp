#include <algorithm>

#include "berth/base/blocking.hpp"
#include "berth/base/deadline.hpp"

#include "commands.hpp"
#include "lock_lines.hpp"
#include "pool.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration runner_retry = 10s;
constexpr Duration longest_probe_of_all = 15s;

std::string failure_text(const Result<CommandOutput>& output) {
  if (!output) return output.error().message;
  constexpr std::size_t enough = 1000;
  return "exit status " + std::to_string(output->exit_status) + ": " + output->stderr_text.substr(0, enough);
}

bool succeeded(const Result<CommandOutput>& output) {
  return output && output->exit_status == 0;
}

}  // namespace

awaitable<void> WorkerPool::Impl::load_runner() {
  if (options_.runner_binary_path.empty()) {
    runner_ = RunnerSource{options_.runner_command, {}, {}, nullptr};
    co_return;
  }
  while (!runner_) {
    auto work = [path = options_.runner_binary_path, directory = options_.deploy_directory] {
      return read_runner(path, directory);
    };
    auto runner = co_await run_blocking(runtime_, std::move(work));
    {
      const std::lock_guard lock(health_mutex_);
      unhealthy_ = runner ? std::nullopt : std::optional(runner.error().message);
    }
    publish_room();
    if (runner) {
      runner_ = std::move(*runner);
      co_return;
    }
    log_.error("no runner to deploy", {{"error", runner.error().message}});
    co_await runtime_.sleep_for(runner_retry);
  }
}

awaitable<void> WorkerPool::Impl::probe_loop() {
  co_await load_runner();
  for (;;) {
    if (const auto number = take_probe()) {
      if (begin_probe(*number)) co_await runtime_.sleep_until(pace_.next_probe(runtime_.now()));
    } else {
      co_await probe_wakeup_.wait_until(runtime_, pace_.next_round());
    }
  }
}

/// The next worker to probe; begins a new round when the last is over and its time has come.
std::optional<std::uint64_t> WorkerPool::Impl::take_probe() {
  if (urgent_.empty() && round_.empty() && runtime_.now() >= pace_.next_round()) begin_round();
  auto& source = urgent_.empty() ? round_ : urgent_;
  if (source.empty()) return std::nullopt;
  const std::uint64_t number = source.front();
  source.pop_front();
  return number;
}

void WorkerPool::Impl::begin_round() {
  for (const auto& [number, member] : members_)
    if (!may_skip_probe(*member)) round_.push_back(number);
  pace_.begin_round(runtime_.now(), runtime_.random_below(pace_.jitter()));
  metrics_.set_probe_lag(pace_.lateness(runtime_.now()));
  const bool overload = !pace_.fits(round_.size());
  if (overload && !overload_told_)
    log_.warn("MaxProbesPerSecond is too low to probe all workers every ProbeInterval",
              {{"Workers", round_.size()}, {"MaxProbesPerSecond", options_.max_probes_per_second}});
  overload_told_ = overload;
}

bool WorkerPool::Impl::begin_probe(std::uint64_t number) {
  Member* member = find(number);
  if (!member || member->worker.stage == WorkerStage::shutdown || member->worker.probe) return false;
  step(*member, event::ProbeBegun{});
  tasks_.spawn(probe(number));
  return true;
}

void WorkerPool::Impl::request_probe(std::uint64_t number) {
  Member* member = find(number);
  if (!member) return;
  if (member->worker.probe) {
    member->probe_again = true;
    return;
  }
  urgent_.push_back(number);
  probe_wakeup_.wake();
}

awaitable<void> WorkerPool::Impl::probe(std::uint64_t number) {
  Member* member = find(number);
  if (!member) co_return;
  const SteadyTime begun = runtime_.now();
  const WorkerStage stage = member->worker.stage;
  const event::ProbeEnded ended = co_await probe_steps(number, stage);
  member = find(number);
  if (!member) co_return;
  if (ended.list && (ended.booted || stage == WorkerStage::in_service)) member->trouble.clear();
  step(*member, ended);
  look_for_pids(*member);
  compare_watch(*member, begun, ended.list.has_value());
  if (std::exchange(member->probe_again, false)) request_probe(number);
  member->last_probe_began = begun;
  if (probing_all_) probe_ended_.notify();
}

/// Who asks while all are being probed is served by the next time.
awaitable<void> WorkerPool::Impl::probe_all() {
  const std::uint64_t mine = ++all_asked_;
  auto probed = all_were_probed_.subscribe();
  if (!std::exchange(probing_all_, true)) tasks_.spawn(serve_probe_all());
  while (all_probed_ < mine) co_await probed.wait();
}

awaitable<void> WorkerPool::Impl::serve_probe_all() {
  while (all_probed_ < all_asked_) {
    const std::uint64_t served = all_asked_;
    co_await probe_since(runtime_.now());
    all_probed_ = served;
    all_were_probed_.notify();
  }
  probing_all_ = false;
}

awaitable<void> WorkerPool::Impl::probe_since(SteadyTime asked) {
  auto ended = probe_ended_.subscribe();
  std::vector<std::uint64_t> unprobed;
  for (const auto& [number, member] : members_)
    if (member->worker.stage == WorkerStage::in_service) unprobed.push_back(number);
  for (const std::uint64_t number : unprobed) request_probe(number);
  const auto is_over = [&](std::uint64_t number) {
    const Member* member = find(number);
    return !member || member->worker.stage != WorkerStage::in_service || member->last_probe_began >= asked;
  };
  for (bool in_time = true; in_time;) {
    while (!unprobed.empty() && is_over(unprobed.back())) unprobed.pop_back();
    in_time = !unprobed.empty() && co_await ended.wait_until(runtime_, asked + longest_probe_of_all);
  }
}

/// Which steps are made: facts §6.8, by the stage at the beginning.
awaitable<event::ProbeEnded> WorkerPool::Impl::probe_steps(std::uint64_t number, WorkerStage stage) {
  event::ProbeEnded ended;
  if (stage == WorkerStage::booting || stage == WorkerStage::unknown) {
    const bool booted = co_await boot_probe(number);
    if (!booted && stage == WorkerStage::booting) co_return ended;
    const bool deployed = co_await deploy(number);
    if (!deployed && stage == WorkerStage::booting) co_return ended;
    ended.booted = booted && deployed;
  }
  ended.list = co_await run_probe(number);
  co_return ended;
}

Command WorkerPool::Impl::command_of(std::string text) const {
  Command command;
  command.text = std::move(text);
  command.deadline = options_.command_deadline;
  return command;
}

void WorkerPool::Impl::note_trouble(std::uint64_t number, LogLevel level, std::string_view what, std::string error) {
  Member* member = find(number);
  if (!member) return;
  log_for(*member).log(level, what, {{"error", error}});
  member->trouble = std::string(what) + ": " + std::move(error);
}

awaitable<bool> WorkerPool::Impl::boot_probe(std::uint64_t number) {
  const auto output = co_await execute(number, command_of(options_.boot_probe_command));
  if (succeeded(output)) co_return true;
  note_trouble(number, LogLevel::debug, "boot probe failed", failure_text(output));
  co_return false;
}

awaitable<bool> WorkerPool::Impl::deploy(std::uint64_t number) {
  Member* member = find(number);
  if (!member) co_return false;
  if (runner_->path.empty()) co_return true;
  const std::string user = member->instance->remote_user();
  const auto checked = co_await execute(number, command_of(deploy_check_command(runner_->path)));
  if (!checked) {
    note_trouble(number, LogLevel::debug, "runner not looked for", failure_text(checked));
    co_return false;
  }
  if (deploy_check_passed(*checked, runner_->path, runner_->md5)) co_return true;
  Command install = command_of(deploy_install_command(user, options_.deploy_directory, runner_->path, runner_->md5));
  install.stdin_data = runner_->binary;
  install.deadline = options_.deploy_deadline;
  install.background = true;
  const auto installed = co_await execute(number, std::move(install));
  if (succeeded(installed)) co_return true;
  note_trouble(number, LogLevel::warn, "runner not deployed", failure_text(installed));
  co_return false;
}

awaitable<std::optional<RunProbe>> WorkerPool::Impl::run_probe(std::uint64_t number) {
  Member* member = find(number);
  if (!member) co_return std::nullopt;
  const auto prices = member->instance->price_history(member->type);
  Command command = command_of(list_command(member->instance->remote_user(), runner_->command, !prices.empty()));
  if (!prices.empty()) command.stdin_data = prices_json(prices);
  const SteadyTime begun = runtime_.now();
  const auto output = co_await execute(number, std::move(command));
  Result<RunProbe> list = fail(ErrorKind::failed, succeeded(output) ? "" : failure_text(output));
  if (succeeded(output)) list = parse_run_probe(output->stdout_text, options_.cluster_id);
  metrics_.observe_run_probe(runtime_.now() - begun, list.has_value());
  if (list) co_return std::move(*list);
  note_trouble(number, LogLevel::warn, "run probe failed", list.error().message);
  co_return std::nullopt;
}

awaitable<void> WorkerPool::Impl::start_process(std::uint64_t number, std::string uuid, WallTime created_at) {
  Member* member = find(number);
  if (!member) co_return;
  const Logger log = log_for(*member).with({{"ContainerUUID", uuid}});
  Command command =
      command_of(start_command(member->instance->remote_user(), runner_->command, options_.runner_arguments, uuid));
  command.stdin_data = runner_config_(uuid, member->type, member->address);
  const auto output = co_await execute(number, std::move(command));
  if (created_at != WallTime{}) metrics_.observe_queue_to_start(runtime_.wall_now() - created_at);
  if (succeeded(output)) learn_pids(number, output->stdout_text);
  if (succeeded(output))
    log.info("runner started");
  else
    log.error("start command failed; probes decide", {{"error", failure_text(output)}});
  step_number(number, event::StartEnded{uuid, output && output->exit_status != 0});
  if (Member* still = find(number)) check_ends(*still);
}

awaitable<void> WorkerPool::Impl::send_signal(std::uint64_t number, std::string uuid) {
  Member* member = find(number);
  if (!member) co_return;
  const Logger log = log_for(*member).with({{"ContainerUUID", uuid}});
  const std::string text = kill_command(member->instance->remote_user(), runner_->command, uuid);
  const auto output = co_await execute(number, command_of(text));
  if (!succeeded(output)) log.info("runner not yet stopped", {{"error", failure_text(output)}});
  step_number(number, event::KillEnded{uuid, succeeded(output)});
}

/// Of processes that this pool did not start, and those whose start command was not heard of.
void WorkerPool::Impl::look_for_pids(Member& member) {
  std::vector<std::string> unknown;
  for (const auto& [uuid, process] : member.worker.processes)
    if (!process.starting && !member.pids.contains(uuid)) unknown.push_back(uuid);
  if (!unknown.empty() && member.worker.stage != WorkerStage::shutdown)
    tasks_.spawn(read_lock_files(member.number, std::move(unknown)));
}

awaitable<void> WorkerPool::Impl::read_lock_files(std::uint64_t number, std::vector<std::string> uuids) {
  Member* member = find(number);
  if (!member) co_return;
  Command command = command_of(lock_files_command(member->instance->remote_user(), uuids));
  command.background = true;
  const auto output = co_await execute(number, std::move(command));
  if (succeeded(output)) learn_pids(number, output->stdout_text);
}

void WorkerPool::Impl::learn_pids(std::uint64_t number, std::string_view lock_lines) {
  Member* member = find(number);
  if (!member) return;
  for (const auto& [uuid, pid] : parse_lock_lines(lock_lines)) {
    if (!member->worker.processes.contains(uuid)) continue;
    member->pids[uuid] = pid;
    watch_pid(*member, pid);
    log_for(*member).debug("runner's process known", {{"ContainerUUID", uuid}, {"RunnerPID", pid}});
    publish_process(uuid);
  }
}

/// With the pool's deadline around the executor's own.
awaitable<Result<CommandOutput>> WorkerPool::Impl::execute(std::uint64_t number, Command command) {
  Member* member = find(number);
  if (!member) co_return fail(ErrorKind::not_found, "the instance is gone");
  const auto executor = member->executor;
  const Duration deadline = command.deadline;
  auto output = co_await with_deadline(runtime_, deadline, executor->execute(std::move(command)));
  member = find(number);
  if (output && member && !member->worker.first_contact) step(*member, event::Contacted{});
  co_return output;
}

}  // namespace berth
