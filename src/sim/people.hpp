#pragma once

#include <functional>
#include <string>

#include "cloud_model.hpp"
#include "core.hpp"
#include "process.hpp"
#include "record_store.hpp"

namespace berth {

/// Operators and users, who interfere at random.
class People {
 public:
  /// `active`: the dispatcher that would answer an operator; null if there is none.
  People(SimCore& core, RecordStore& store, SimWatcher& watcher, std::function<DispatcherProcess*()> active)
      : core_(core), store_(store), watcher_(watcher), active_(std::move(active)) {}

  void begin();

 private:
  void plan(double SimFaults::*per_hour, void (People::*verb)());
  void operate();
  void let_go(const std::string& id);
  void set_behavior(DispatcherProcess& process, const std::string& id, IdleBehavior behavior);
  /// Of its request, and so of all that it has asked for.
  void set_priority(const std::string& uuid, std::int64_t request_priority);
  void use();

  SimCore& core_;
  RecordStore& store_;
  SimWatcher& watcher_;
  const std::function<DispatcherProcess*()> active_;
};

}  // namespace berth
