#include <set>
#include <signal.h>

#include "call.hpp"
#include "sim_instances.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
constexpr Duration refused = 50ms;     ///< a host that answers "no such port"
constexpr Duration unreachable = 10s;  ///< a host that does not answer
constexpr Duration very_slow = 40s;
constexpr Duration never = 24h * 365;

/// The uuid that a start or kill command names last, quoted or not.
std::string last_word(std::string_view text) {
  if (text.ends_with('\'')) text.remove_suffix(1);
  return std::string(text.substr(text.find_last_of(" '") + 1));
}

enum class CommandKind { boot, list, start, kill, other };
CommandKind kind_of(std::string_view text, const SimOptions& options) {
  if (text == options.cluster.containers.cloud_vms.boot_probe_command) return CommandKind::boot;
  if (text.find("crunch-run --list") != text.npos) return CommandKind::list;
  if (text.find("crunch-run --detach") != text.npos) return CommandKind::start;
  if (text.find("crunch-run --kill") != text.npos) return CommandKind::kill;
  return CommandKind::other;
}

/// What a runner's `--list` says is `stale`.
std::set<std::string> run_locks_of(std::string_view list) {
  constexpr std::string_view stale = " stale";
  std::set<std::string> uuids;
  for (; !list.empty(); list.remove_prefix(list.find('\n') + 1))
    if (const std::string_view line = list.substr(0, list.find('\n')); line.ends_with(stale))
      uuids.emplace(line.substr(0, line.size() - stale.size()));
  return uuids;
}

/// One connection to a worker. It verifies its host before the first command, as over SSH (facts §6.2).
class SimExecutor final : public Executor {
 public:
  struct State {
    SimCore& core;
    SimWatcher& watcher;
    const std::shared_ptr<Link> link;
    const std::shared_ptr<SimVm> vm;
    bool closed = false;
    std::vector<std::weak_ptr<LineStream>> streams;
    std::uint64_t sent = 0;
    std::map<std::uint64_t, std::shared_ptr<SimCall<CommandOutput>>>
        under_way;  // in order, so that one seed stays one history
  };
  SimExecutor(std::shared_ptr<State> state, HostCheck check) : state_(std::move(state)), check_(std::move(check)) {}

  awaitable<Result<CommandOutput>> execute(Command command) override {
    note_probe(kind_of(command.text, state_->core.options));
    if (check_ && !verified_ && state_->vm->machine->reachable()) {
      SimExecutor unverified(state_, {});
      const auto verdict = co_await check_("ssh-ed25519 AAAA", unverified);
      if (!verdict) co_return fail(verdict.error());
      verified_ = true;
    }
    co_return co_await carry_out(state_, std::move(command));
  }

  /// The only long-lived command is the exit watch. A connection whose peer is silent for long is given up.
  awaitable<Result<int>> stream(Command /*command*/, std::function<void(std::string_view)> on_line) override {
    const auto stream = std::make_shared<LineStream>();
    if (!state_->closed) {
      state_->streams.push_back(stream);
      attach(state_, stream);
    } else {
      stream->end(fail(ErrorKind::network, "connection closed"));
    }
    const WaitingFor waiting(*state_->link);
    for (;;) {
      co_await stream->wake.wait();
      while (!stream->lines.empty()) {
        const std::string line = std::move(stream->lines.front());
        stream->lines.pop_front();
        if (line.starts_with("end ")) state_->watcher.end_told(*state_->link, *state_->vm);
        on_line(line);
      }
      if (stream->ended) co_return std::move(*stream->ended);
    }
  }
  void set_address(std::string /*address*/) override {}
  void close() override {
    state_->closed = true;
    for (const auto& weak : state_->streams)
      if (const auto stream = weak.lock()) stream->end(fail(ErrorKind::network, "connection closed"));
    for (const auto& [number, call] : state_->under_way) call->give(fail(ErrorKind::network, "connection closed"));
  }

 private:
  /// A list after a boot probe is part of the same probe (facts §6.8).
  void note_probe(CommandKind kind) {
    const bool begins = kind == CommandKind::boot || (kind == CommandKind::list && last_ != CommandKind::boot);
    if (kind == CommandKind::boot || kind == CommandKind::list) last_ = kind;
    if (begins) state_->watcher.probe_begun(*state_->link, *state_->vm);
  }
  static awaitable<Result<CommandOutput>> carry_out(std::shared_ptr<State> state, Command command) {
    if (state->closed) co_return fail(ErrorKind::network, "connection closed");
    const CommandKind kind = kind_of(command.text, state->core.options);
    announce(*state, kind, command.text);
    const std::string killed_uuid = kind == CommandKind::kill ? last_word(command.text) : std::string();
    auto as_of = std::make_shared<SteadyTime>();
    const CallRoute route = way(state->core, *state->vm->machine);
    const bool cut = state->core.strikes(&SimFaults::command_cut);
    const bool killed = state->core.strikes(&SimFaults::command_killed);
    auto effect = [state, command = std::move(command), as_of, cut, killed]() -> Result<CommandOutput> {
      SimMachine& machine = *state->vm->machine;
      if (!machine.reachable()) return fail(ErrorKind::network, "connection lost");
      *as_of = state->core.now();
      if (cut) return break_off(*state, command);
      if (killed) return kill(*state, command);
      return machine.carry_out(command, *state->link);
    };
    auto call = send<CommandOutput>(state->core, state->link, route, std::move(effect));
    const std::uint64_t number = state->sent++;
    state->under_way[number] = call;
    struct Done {
      State& state;
      const std::uint64_t number;
      const CommandKind kind;
      const std::string& killed_uuid;
      ~Done() {
        state.under_way.erase(number);
        if (kind == CommandKind::start) state.watcher.start_ended(*state.link, *state.vm);
        if (kind == CommandKind::kill) state.watcher.kill_ended(*state.link, *state.vm, killed_uuid);
      }
    } done{*state, number, kind, killed_uuid};
    auto output = co_await answer_of(state->link, call);
    if (output && output->exit_status == 0 && kind == CommandKind::list) {
      state->watcher.probed(*state->link, *state->vm, *as_of);
      state->watcher.run_locks_heard(*state->link, *state->vm, run_locks_of(output->stdout_text));
      if (output->stdout_text.ends_with("broken\n")) state->watcher.broken_heard(*state->link, *state->vm);
    }
    if (output && output->exit_status == 0 && kind == CommandKind::kill)
      state->watcher.kill_confirmed(*state->link, *state->vm, killed_uuid);
    co_return output;
  }

  /// Stdin ends where the connection breaks. Of output nobody hears: an executor hands out none whose end has not come.
  static tl::unexpected<Error> break_off(const State& state, Command command) {
    Chance& chance = state.core.chance;
    const std::string_view input = command.stdin_data.view();
    constexpr double on_the_way_there = 0.5;
    if (!input.empty() && chance.with(on_the_way_there))
      command.stdin_data = std::string(input.substr(0, any_byte(chance, input)));
    (void)state.vm->machine->carry_out(command, *state.link);
    return fail(ErrorKind::network, "connection lost");
  }
  static Result<CommandOutput> kill(const State& state, const Command& command) {
    Chance& chance = state.core.chance;
    CommandOutput output{128 + SIGKILL, {}, "Killed"};
    constexpr double as_it_writes = 0.5;
    if (!chance.with(as_it_writes)) return output;
    const auto whole = state.vm->machine->carry_out(command, *state.link);
    if (whole) output.stdout_text = whole->stdout_text.substr(0, any_byte(chance, whole->stdout_text));
    return output;
  }
  static std::size_t any_byte(Chance& chance, std::string_view text) {
    return static_cast<std::size_t>(chance.between(std::int64_t{0}, std::ssize(text)));
  }

  static void attach(const std::shared_ptr<State>& state, const std::shared_ptr<LineStream>& stream) {
    state->watcher.touches(*state->link, *state->vm);
    state->core.note(SimEventKind::command, {}, state->vm->id, "watch");
    const CallRoute route = way(state->core, *state->vm->machine);
    state->core.after(route.arrives ? route.there : route.give_up, [state, stream, arrives = route.arrives] {
      SimMachine& machine = *state->vm->machine;
      if (!arrives || !machine.reachable()) return stream->end(fail(ErrorKind::network, "no connection"));
      machine.watch(stream);
      if (state->core.options.check_invariants) keep_alive(state, stream);  // else the machine tells when it goes
    });
  }
  static void keep_alive(const std::shared_ptr<State>& state, const std::weak_ptr<LineStream>& weak) {
    state->core.after(keepalive_time, [state, weak] {
      const auto stream = weak.lock();
      if (!stream || stream->ended) return;
      if (!state->vm->machine->reachable()) return stream->end(fail(ErrorKind::network, "the peer is silent"));
      keep_alive(state, stream);
    });
  }

  static void announce(State& state, CommandKind kind, const std::string& text) {
    state.watcher.touches(*state.link, *state.vm);
    if (kind == CommandKind::start) {
      state.watcher.acts(*state.link, "start", state.vm->id);
      state.watcher.start_sent(*state.link, *state.vm, last_word(text));
    } else if (kind == CommandKind::kill) {
      state.watcher.acts(*state.link, "kill", state.vm->id);
      state.watcher.kill_sent(*state.link, *state.vm, last_word(text));
    }
    state.core.note(SimEventKind::command, {}, state.vm->id, kind == CommandKind::list ? "list" : "command");
  }

  static CallRoute way(SimCore& core, const SimMachine& machine) {
    CallRoute route;
    route.there = core.chance.draw(core.options.workers.command) / 2;
    route.back = route.there;
    route.loss = Error{ErrorKind::network, "no connection"};
    if (!machine.reachable()) {
      route.arrives = false;
      route.give_up = machine.booted || machine.offline ? unreachable : refused;
    } else if (machine.hangs) {
      route.arrives = false;
      route.give_up = never;
    } else if (core.strikes(&SimFaults::command_dropped)) {
      (core.chance.with(0.5) ? route.arrives : route.answered) = false;
      route.give_up = core.chance.with(0.5) ? keepalive_time : route.there + route.back;
    } else if (core.strikes(&SimFaults::command_slow)) {
      (core.chance.with(0.5) ? route.there : route.back) += core.chance.between(Duration{}, very_slow);
    }
    return route;
  }

  const std::shared_ptr<State> state_;
  const HostCheck check_;
  bool verified_ = false;
  CommandKind last_ = CommandKind::other;  ///< of a probe
};

}  // namespace

ExecutorFactory make_sim_executors(SimCore& core, SimCloud& cloud, SimWatcher& watcher,
                                   const std::shared_ptr<Link>& link) {
  return [&core, &cloud, &watcher, link](const Instance& instance, HostCheck check) -> std::unique_ptr<Executor> {
    auto vm = cloud.find(instance.id());
    return std::make_unique<SimExecutor>(
        std::make_shared<SimExecutor::State>(SimExecutor::State{core, watcher, link, std::move(vm), false, {}, 0, {}}),
        std::move(check));
  };
}

}  // namespace berth
