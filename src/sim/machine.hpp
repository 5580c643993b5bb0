#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "berth/remote/executor.hpp"

#include "core.hpp"
#include "line_stream.hpp"
#include "link.hpp"
#include "record_store.hpp"
#include "watcher.hpp"

namespace berth {

/// A runner process on a worker (facts §7).
struct SimRunner {
  enum class Stage { preparing, running, ending };
  std::string uuid;
  std::int64_t pid = 0;
  std::uint64_t started_by = 0;  ///< number of the dispatcher process
  SteadyTime began{};
  Stage stage = Stage::preparing;
  bool ignores_term = false;
  bool stopping = false;  ///< SIGTERM came
};

/// A connection whose peer is gone is given up after so long.
constexpr Duration keepalive_time = std::chrono::seconds(30);

/// The inside of an instance: a host that boots, obeys commands, and holds runner processes.
class SimMachine : public std::enable_shared_from_this<SimMachine> {
 public:
  struct Shared {
    SimCore& core;
    RecordStore& store;
    SimWatcher& watcher;
    std::function<bool(const SimRecord&)> children_done;  ///< of a supervisor
    /// Calls it then, once. Needed by histories without invariants alone.
    std::function<void(const SimRecord&, std::function<void()>)> when_children_done{};
  };
  SimMachine(Shared& shared, SimVm& vm) : shared_(shared), core_(shared.core), vm_(vm) {}

  // What it is like now.
  bool booted = false;
  bool dead = false;     ///< switched off, for good
  bool hangs = false;    ///< takes commands, answers none
  bool broken = false;   ///< its runner says so
  bool offline = false;  ///< no network
  std::string secret;    ///< what its init command left

  bool reachable() const { return booted && !dead && !offline; }
  /// Carries out a command at once (facts §6.8).
  Result<CommandOutput> carry_out(const Command& command, const Link& link);
  /// From now on the stream is told which runners end, as `berth-run --watch` does it.
  void watch(const std::shared_ptr<LineStream>& stream);
  const std::map<std::string, SimRunner>& runners() const { return runners_; }
  const SimRunner* find(const std::string& uuid) const;
  /// Its lock is held by what its runner has left, or was so a minute ago, as a dispatcher may still believe.
  bool keeps_out(const std::string& uuid) const;
  /// Power off: every process is gone.
  void switch_off();

 private:
  void tell(const std::shared_ptr<LineStream>& stream, const std::string& line);
  void tell_end(const std::string& uuid);
  Result<CommandOutput> run_runner(std::string_view arguments, std::string_view input, const Link& link);
  Result<CommandOutput> list();
  Result<CommandOutput> start(std::string_view arguments, std::string_view config, const Link& link);
  Result<CommandOutput> kill(const std::string& uuid);
  Result<CommandOutput> lock_files() const;

  // runner.cpp: the life of a runner. `pid` tells whether it is still the same.
  bool has_stale_lock(const std::string& uuid) const;
  SimRunner* alive(const std::string& uuid, std::int64_t pid);
  void then(const SimRunner& runner, Duration delay, void (SimMachine::*step)(SimRunner&));
  void prepare(SimRunner& runner);
  void claim(SimRunner& runner);
  void run(SimRunner& runner);
  void finish(SimRunner& runner);
  void wait_for_children(SimRunner& runner, const SimRecord& record);
  void complete(SimRunner& runner);
  void crash(SimRunner& runner);
  void give_back(SimRunner& runner);
  void stop(SimRunner& runner);
  void leave(SimRunner& runner);
  void end(const std::string& uuid, std::string_view how);
  std::string gateway(const SimRunner& runner) const;

  Shared& shared_;
  SimCore& core_;
  SimVm& vm_;
  std::map<std::string, SimRunner> runners_;
  std::map<std::string, SteadyTime> stale_until_;  // by uuid: its lock is held until then by what its runner has left
  std::vector<std::weak_ptr<LineStream>> streams_;
  std::int64_t last_pid_ = 1000;
};

}  // namespace berth
