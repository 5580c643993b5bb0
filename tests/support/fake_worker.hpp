#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/runtime.hpp"
#include "berth/base/signal.hpp"
#include "berth/remote/ssh.hpp"

namespace berth {

/// A worker machine in simulated time: boots, holds runner processes and files, and obeys the commands of the runner's
/// contract (facts §7). Everything is public: tests steer it and look into it. One thread only.
class FakeMachine {
 public:
  struct Runner {
    std::string config;  ///< what its stdin got
    SteadyTime started{};
    bool ignores_term = false;
  };

  explicit FakeMachine(Runtime& runtime) : runtime(runtime), boots_at(runtime.now()) {}

  Runtime& runtime;
  SteadyTime boots_at;                        ///< before that there is no connection
  std::string runner_command = "crunch-run";  ///< what is in its PATH
  Duration latency{};                         ///< of each command
  std::map<std::string, Runner> runners;      ///< alive, by uuid
  std::set<std::string> stale_locks;          ///< runner gone, lock still held
  bool broken = false;
  bool unreachable = false;     ///< commands fail with a network error
  bool hanging = false;         ///< commands are never answered
  std::string hanging_command;  ///< only those that contain this text hang
  bool boot_probe_fails = false;
  bool list_fails = false;
  bool start_fails = false;  ///< with exit status 1, nothing started
  bool new_runners_ignore_term = false;
  std::string host_key = "ssh-ed25519 AAAA";  ///< a new one is verified before anything else
  std::optional<std::string> secret;          ///< what its init command wrote
  bool copying_fails = false;                 ///< of a runner binary
  std::map<std::string, std::string> files;   ///< deployed: md5 by path
  std::function<void(const std::string& uuid, const std::string& config)> on_start;
  std::function<void(const std::string& uuid)> on_term;  ///< after a runner ended by SIGTERM
  std::vector<std::string> commands;                     ///< all that were begun, in order
  std::function<void(const Command&)> on_command;        ///< sees each before it begins
  bool watchable = false;                                ///< its runner knows `--watch`; else streams end at once
  Duration watch_latency{};                              ///< from an end to the line that tells of it

  /// One stream's command: what it has still to say, and what it got on stdin.
  struct Watch {
    std::deque<std::pair<SteadyTime, std::string>> lines;
    std::optional<int> ended;  ///< exit status
    Signal changed;
    std::shared_ptr<StreamInput> input;
  };
  std::vector<std::shared_ptr<Watch>> watches;  ///< all that were begun

  void exit(const std::string& uuid) {
    if (runners.erase(uuid) > 0) tell("end " + uuid);
  }
  /// A line of each watch that runs.
  void tell(const std::string& line) {
    for (const auto& watch : watches) {
      watch->lines.emplace_back(runtime.now() + watch_latency, line);
      watch->changed.notify();
    }
  }
  void end_watches(int status) {
    for (const auto& watch : watches) {
      watch->ended = watch->ended.value_or(status);
      watch->changed.notify();
    }
  }
  std::int64_t count_commands(std::string_view part) const {
    std::int64_t count = 0;
    for (const auto& command : commands) count += command.find(part) != std::string::npos ? 1 : 0;
    return count;
  }

  /// Carries out a command at once.
  Result<CommandOutput> carry_out(const Command& command) {
    if (unreachable || runtime.now() < boots_at) return fail(ErrorKind::network, "no route to host");
    std::string_view text = command.text;
    if (text.starts_with("sudo ")) text.remove_prefix(5);
    if (text == "cat /var/run/arvados-instance-secret")
      return secret ? answer(0, *secret) : answer(1, {}, "cat: No such file or directory");
    if (text.starts_with("md5sum ")) return md5sum(std::string(text.substr(7)));
    if (text.starts_with("sh -c 'for uuid in ")) return lock_files();
    if (text.starts_with("sh -c ")) return install(text);
    for (const auto& runner : runner_names())
      if (text.starts_with(runner + " --"))
        return run_runner(text.substr(runner.size() + 1), std::string(command.stdin_data.view()));
    return answer(boot_probe_fails ? 1 : 0);
  }
  bool hangs(const std::string& text) const {
    return hanging || (!hanging_command.empty() && text.find(hanging_command) != std::string::npos);
  }

 private:
  static Result<CommandOutput> answer(int status, std::string out = {}, std::string err = {}) {
    return CommandOutput{status, std::move(out), std::move(err)};
  }

  std::vector<std::string> runner_names() const {
    std::vector<std::string> names{runner_command};
    for (const auto& [path, md5] : files) names.push_back(path);
    return names;
  }

  Result<CommandOutput> run_runner(std::string_view arguments, const std::string& stdin_data) {
    if (arguments.starts_with("--list")) return list();
    if (arguments.starts_with("--kill 15 ")) return term(std::string(arguments.substr(10)));
    if (arguments.starts_with("--detach --stdin-config")) return start(arguments, stdin_data);
    return answer(2, {}, "bad flags");
  }

  Result<CommandOutput> list() const {
    if (list_fails) return answer(1, {}, "cannot list");
    std::string lines;
    for (const auto& [uuid, runner] : runners) lines += uuid + '\n';
    for (const auto& uuid : stale_locks) lines += uuid + " stale\n";
    return answer(0, lines + (broken ? "broken\n" : ""));
  }

  /// The uuid is the last word, in quotes.
  Result<CommandOutput> start(std::string_view arguments, const std::string& config) {
    const auto quote = arguments.rfind('\'', arguments.size() - 2);
    const std::string uuid(arguments.substr(quote + 1, arguments.size() - quote - 2));
    if (start_fails) return answer(1, {}, "cannot start");
    if (runners.contains(uuid) || stale_locks.contains(uuid)) return answer(1, {}, "lock is held");
    runners[uuid] = Runner{config, runtime.now(), new_runners_ignore_term};
    if (on_start) on_start(uuid, config);
    return answer(0, "{\"UUID\":\"" + uuid + "\",\"PID\":4242}\n");
  }

  Result<CommandOutput> term(const std::string& uuid) {
    const auto found = runners.find(uuid);
    if (found == runners.end()) return answer(0);
    if (found->second.ignores_term) return answer(1, {}, "still alive");
    exit(uuid);
    if (on_term) on_term(uuid);
    return answer(0);
  }

  Result<CommandOutput> lock_files() const {
    std::string lines;
    for (const auto& [uuid, runner] : runners) lines += "{\"UUID\":\"" + uuid + "\",\"PID\":4242}\n\n";
    return answer(0, lines);
  }

  Result<CommandOutput> md5sum(const std::string& path) const {
    const auto found = files.find(path);
    if (found == files.end()) return answer(1, {}, "md5sum: " + path + ": No such file or directory\n");
    return answer(0, found->second + "  " + path + '\n');
  }

  /// The script names the path, which ends in the MD5.
  Result<CommandOutput> install(std::string_view script) {
    if (copying_fails) return answer(1, {}, "disk full");
    const auto begin = script.find("target=") + 7;
    const std::string path(script.substr(begin, script.find(';', begin) - begin));
    files[path] = path.substr(path.rfind('~') + 1);
    return answer(0);
  }
};

/// One connection to a FakeMachine.
class FakeExecutor final : public Executor {
 public:
  explicit FakeExecutor(std::shared_ptr<FakeMachine> machine, HostCheck check = {})
      : machine_(std::move(machine)), check_(std::move(check)) {}

  awaitable<Result<CommandOutput>> execute(Command command) override {
    const auto machine = machine_;
    if (*closed_) co_return fail(ErrorKind::network, "connection closed");
    if (check_ && verified_ != machine->host_key && !machine->unreachable &&
        machine->runtime.now() >= machine->boots_at) {
      const std::string key = machine->host_key;
      FakeExecutor unverified(machine);
      if (auto verdict = co_await check_(key, unverified); !verdict) co_return fail(verdict.error());
      verified_ = key;
    }
    machine->commands.push_back(command.text);
    if (machine->on_command) machine->on_command(command);
    const bool hangs = machine->hangs(command.text);
    if (!hangs && machine->latency == Duration{}) co_return machine->carry_out(command);
    Subscription closing = closing_->subscribe();
    const auto closed = closed_;
    co_await closing.wait_until(machine->runtime,
                                machine->runtime.now() + (hangs ? std::chrono::hours(24 * 365) : machine->latency));
    if (*closed || hangs) co_return fail(ErrorKind::network, "connection closed");
    co_return machine->carry_out(command);
  }
  awaitable<Result<int>> stream(Command command, std::function<void(std::string_view)> on_line) override {
    const auto machine = machine_;
    const auto closed = closed_;
    if (*closed || machine->unreachable) co_return fail(ErrorKind::network, "no connection");
    if (!machine->watchable) co_return 127;
    auto watch = std::make_shared<FakeMachine::Watch>();
    watch->input = command.input;
    machine->watches.push_back(watch);
    watch->lines.emplace_back(machine->runtime.now() + machine->latency, "watching");
    Subscription changed = watch->changed.subscribe();
    while (!watch->ended) {
      if (watch->lines.empty()) {
        co_await changed.wait();
      } else {
        co_await machine->runtime.sleep_until(watch->lines.front().first);
        const std::string line = watch->lines.front().second;
        watch->lines.pop_front();
        if (!machine->hanging) on_line(line);
      }
      if (*closed || machine->unreachable) co_return fail(ErrorKind::network, "connection closed");
    }
    co_return *watch->ended;
  }
  void set_address(std::string address) override { addresses.push_back(std::move(address)); }
  void close() override {
    *closed_ = true;
    closing_->notify();
    machine_->end_watches(255);
  }

  std::vector<std::string> addresses;  ///< all that were set

 private:
  std::shared_ptr<FakeMachine> machine_;
  HostCheck check_;
  std::string verified_;  ///< host key
  std::shared_ptr<bool> closed_ = std::make_shared<bool>(false);
  std::shared_ptr<Signal> closing_ = std::make_shared<Signal>();
};

}  // namespace berth
