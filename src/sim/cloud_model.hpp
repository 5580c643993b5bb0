#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "berth/cloud/driver.hpp"
#include "berth/model/instance_type.hpp"

#include "core.hpp"
#include "machine.hpp"

namespace berth {

/// An instance as the cloud knows it.
struct SimVm {
  std::string id;
  const InstanceType* type = nullptr;
  std::string address;
  InstanceTags tags;
  std::shared_ptr<const InstanceTags> shown_tags;  ///< as a list last showed them; null: they have changed
  std::weak_ptr<Instance> shown;                   ///< with those tags, to one dispatcher process
  std::uint64_t shown_to = 0;                      ///< number of that process
  SteadyTime created{};
  SteadyTime listed_from{};
  SteadyTime tagged_from{};
  std::optional<SteadyTime> booted;
  std::optional<SteadyTime> ended;  ///< destroyed or died
  SteadyTime busy_until{};          ///< when its last runner ended
  std::uint64_t created_by = 0;     ///< number of the dispatcher process
  bool foreign = false;             ///< of somebody else, in the same account
  std::shared_ptr<SimMachine> machine;
};

/// The cloud: instances, limits, and what befalls them.
class SimCloud {
 public:
  SimCloud(SimCore& core, SimMachine::Shared& machines);

  /// Carries out a create call.
  Result<std::shared_ptr<SimVm>> create(const CreateRequest& request, const Link& link);
  /// Those that lists show now, tags as they are shown: those that have all tags of `filter`, or, where the cloud does
  /// not filter (SimCloudModel), all, foreign ones included.
  std::vector<std::shared_ptr<SimVm>> listed(const InstanceTags& filter);
  void destroy(const std::shared_ptr<SimVm>& vm);
  /// Also one that is gone; null if there never was such an instance.
  std::shared_ptr<SimVm> find(const std::string& id) const;
  /// By id, those that are not gone; without the foreign ones.
  const std::map<std::string, std::shared_ptr<SimVm>>& all() const { return vms_; }
  const std::vector<std::shared_ptr<SimVm>>& foreign() const { return foreign_; }

 private:
  std::optional<Error> refusal(const CreateRequest& request);
  std::optional<Error> fault(const CreateRequest& request);
  std::shared_ptr<SimVm> make(const CreateRequest& request, const Link& link);
  void boot(const std::shared_ptr<SimVm>& vm);
  const DelayModel& boot_model(const std::string& type) const;
  void plan_misfortune(const std::shared_ptr<SimVm>& vm, double SimFaults::*per_hour,
                       void (SimCloud::*misfortune)(const std::shared_ptr<SimVm>&));
  void die(const std::shared_ptr<SimVm>& vm);
  void hang(const std::shared_ptr<SimVm>& vm);
  void break_down(const std::shared_ptr<SimVm>& vm);
  void partition(const std::shared_ptr<SimVm>& vm);
  void end(const std::shared_ptr<SimVm>& vm);
  void add_foreign(const std::string& id, InstanceTags tags);

  SimCore& core_;
  SimMachine::Shared& machines_;
  std::map<std::string, std::shared_ptr<SimVm>> vms_;
  std::vector<std::shared_ptr<SimVm>> foreign_;
  std::map<std::string, std::weak_ptr<SimVm>> known_;  // while anybody still holds them
  std::deque<SteadyTime> recent_creates_;
  std::uint64_t made_ = 0;
};

}  // namespace berth
