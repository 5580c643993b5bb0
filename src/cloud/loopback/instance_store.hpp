#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "berth/base/log.hpp"
#include "berth/base/result.hpp"
#include "berth/base/time.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/model/instance_type.hpp"

#include "parameters.hpp"

namespace berth::loopback {

/// One pretended instance.
struct StoredInstance {
  std::string id;
  std::string type_name;
  std::string provider_type;
  std::int64_t vcpus = 0;
  WallTime created{};
  InstanceTags tags;
  std::map<std::string, std::string> environment;  ///< of the commands that run on it
};

/// Which instances exist. Thread-safe; every call may block on files.
class InstanceStore {
 public:
  virtual ~InstanceStore() = default;
  /// Errors: quota, capacity (of this type), failed.
  virtual Result<StoredInstance> create(const InstanceType& type, const InstanceTags& tags, WallTime now) = 0;
  virtual std::vector<StoredInstance> list() = 0;
  virtual Result<void> set_tags(const std::string& id, const InstanceTags& tags) = 0;
  /// First half of a destroy: no new runner can start from now on. Returns the directory whose lock holders have to end
  /// before finish_destroy, or nothing if there is none or another destroy is under way.
  virtual Result<std::string> begin_destroy(const std::string& id) = 0;
  virtual Result<void> finish_destroy(const std::string& id) = 0;
};

/// At most one, in memory; creating it removes `lock_directory`/crunch-run-broken (facts §8.4).
std::shared_ptr<InstanceStore> make_memory_store(std::string lock_directory);

/// A directory each, `local-0001` and so on, numbers never reused: `lock/` and `work/` for the runners and
/// `instance.json`, always replaced as a whole. Each list reads the directory anew. It cleans up what a crash left half
/// made or half destroyed, and an instance whose file cannot be read: it is logged, its runners are killed. Opening
/// changes nothing.
Result<std::shared_ptr<InstanceStore>> open_directory_store(const Parameters& parameters, Logger log);

/// What limits forbid another instance of `type`: quota if the total is reached, capacity if only this type is.
Result<void> check_limits(const Parameters& parameters, const std::map<std::string, StoredInstance>& existing,
                          const InstanceType& type);

}  // namespace berth::loopback
