#pragma once

#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "berth/base/result.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/model/container.hpp"
#include "berth/model/instance.hpp"

namespace berth {

struct Link;
struct SimRecord;
struct SimVm;
struct SimRunner;

/// Who changed a record.
enum class ChangedBy { user, dispatcher, runner };

/// Told by the parts of the world what they see, right when it happens; by default does nothing. `link`: the dispatcher
/// process concerned.
class SimWatcher {
 public:
  virtual ~SimWatcher() = default;

  virtual void record_changed(const SimRecord& /*record*/, ContainerState /*before*/, ChangedBy /*by*/) {}

  /// A dispatcher sends something that only the active one may: `lock`, `cancel`, `create`, `destroy`, …
  virtual void acts(const Link& /*link*/, std::string_view /*verb*/, const std::string& /*subject*/) {}
  /// A call about a container is over, answered or not.
  virtual void call_ended(const Link& /*link*/, std::string_view /*verb*/, const std::string& /*uuid*/) {}

  /// A call reaches the driver, whatever wrappers did to it before.
  virtual void cloud_called(const Link& /*link*/) {}
  /// It says something to that instance, or to the cloud about it.
  virtual void touches(const Link& /*link*/, const SimVm& /*vm*/) {}

  /// The pool has decided to create.
  virtual void create_begun(const Link& /*link*/, const CreateRequest& /*request*/) {}
  /// Null if it failed.
  virtual void create_answered(const Link& /*link*/, const InstanceType& /*type*/, const SimVm* /*vm*/,
                               const Error* /*error*/) {}
  /// Answered or not.
  virtual void create_ended(const Link& /*link*/, const std::string& /*secret*/) {}
  /// The pool asks for a list.
  virtual void list_begun(const Link& /*link*/) {}
  virtual void list_answered(const Link& /*link*/, const std::vector<std::shared_ptr<SimVm>>& /*page*/) {}
  virtual void destroy_sent(const Link& /*link*/, const SimVm& /*vm*/) {}

  virtual void start_sent(const Link& /*link*/, const SimVm& /*vm*/, const std::string& /*uuid*/) {}
  /// Answered or not.
  virtual void start_ended(const Link& /*link*/, const SimVm& /*vm*/) {}
  virtual void kill_sent(const Link& /*link*/, const SimVm& /*vm*/, const std::string& /*uuid*/) {}
  /// Answered or not.
  virtual void kill_ended(const Link& /*link*/, const SimVm& /*vm*/, const std::string& /*uuid*/) {}
  /// The dispatcher is told that no such runner is left there.
  virtual void kill_confirmed(const Link& /*link*/, const SimVm& /*vm*/, const std::string& /*uuid*/) {}
  /// A runner's `--list` was heard of; it is as of then.
  virtual void probed(const Link& /*link*/, const SimVm& /*vm*/, SteadyTime /*as_of*/) {}
  /// It said that it is broken.
  virtual void broken_heard(const Link& /*link*/, const SimVm& /*vm*/) {}
  /// Of these containers it said that the lock is held, and no runner is there: all of them.
  virtual void run_locks_heard(const Link& /*link*/, const SimVm& /*vm*/, const std::set<std::string>& /*uuids*/) {}
  /// The first command of a probe is to be sent, or waits for the host check.
  virtual void probe_begun(const Link& /*link*/, const SimVm& /*vm*/) {}
  /// The exit watch said that something has ended.
  virtual void end_told(const Link& /*link*/, const SimVm& /*vm*/) {}

  /// By a fault: of the start itself, or a lock that an earlier runner has left.
  virtual void start_refused(const std::string& /*uuid*/) {}
  virtual void runner_began(const SimVm& /*vm*/, const SimRunner& /*runner*/, const Link& /*link*/) {}
  virtual void runner_ended(const SimVm& /*vm*/, const std::string& /*uuid*/) {}

  /// By a fault a write of its tags fails.
  virtual void tags_fail(const SimVm& /*vm*/) {}

  /// What operators did.
  virtual void behavior_set(const Link& /*link*/, const std::string& /*id*/, IdleBehavior /*behavior*/) {}
  virtual void operator_kills_instance(const std::string& /*id*/) {}
  virtual void instance_kill_accepted(const Link& /*link*/, const std::string& /*id*/) {}
  virtual void operator_kills_container(const std::string& /*uuid*/) {}
};

}  // namespace berth
