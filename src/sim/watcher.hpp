#pragma once

#include <set>
#include <string>

#include "berth/base/result.hpp"
#include "berth/model/container.hpp"

namespace berth {

struct Link;
struct SimRecord;
struct SimVm;
struct SimRunner;

/// Who changed a record.
enum class ChangedBy { user, dispatcher, runner };

/// Told by the parts of the world what they see, right when it happens; by default does nothing.
class SimWatcher {
 public:
  virtual ~SimWatcher() = default;

  virtual void record_added(const SimRecord& /*record*/) {}
  /// `link`: of the dispatcher, if it was one.
  virtual void record_changed(const SimRecord& /*record*/, ContainerState /*before*/, ChangedBy /*by*/,
                              const Link* /*link*/) {}

  /// A dispatcher sends something that only the active one may: `lock`, `cancel`, `create`, `destroy`, …
  virtual void acts(const Link& /*link*/, std::string_view /*verb*/, const std::string& /*subject*/) {}

  virtual void create_sent(const Link& /*link*/, const std::string& /*type*/) {}
  /// `vm`: null if it failed.
  virtual void create_answered(const Link& /*link*/, const std::string& /*type*/, const SimVm* /*vm*/,
                               const Error* /*error*/) {}
  /// A create call of the dispatcher is over, answered or not.
  virtual void create_ended(const Link& /*link*/) {}
  virtual void list_answered(const Link& /*link*/, SteadyTime /*as_of*/, const std::set<std::string>& /*ids*/) {}
  virtual void destroy_sent(const Link& /*link*/, const SimVm& /*vm*/) {}

  virtual void start_sent(const Link& /*link*/, const SimVm& /*vm*/, const std::string& /*uuid*/) {}
  virtual void kill_sent(const Link& /*link*/, const SimVm& /*vm*/, const std::string& /*uuid*/) {}
  /// A runner's `--list` was heard of.
  virtual void probed(const Link& /*link*/, const SimVm& /*vm*/, SteadyTime /*as_of*/) {}

  virtual void runner_began(const SimVm& /*vm*/, const SimRunner& /*runner*/, const Link& /*link*/) {}
  virtual void runner_terminated(const SimVm& /*vm*/, const SimRunner& /*runner*/) {}
};

}  // namespace berth
