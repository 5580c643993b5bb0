#include <filesystem>
#include <mutex>
#include <optional>

#include "instance_store.hpp"

namespace berth::loopback {
namespace {

class MemoryStore final : public InstanceStore {
 public:
  explicit MemoryStore(std::string lock_directory) : lock_directory_(std::move(lock_directory)) {}

  Result<StoredInstance> create(const InstanceType& type, const InstanceTags& tags, WallTime now) override {
    const std::lock_guard lock(mutex_);
    if (instance_) return fail(ErrorKind::quota, "the loopback driver without parameters has one instance at most");
    std::error_code ignored;  // the probe will tell if the marker is still there
    std::filesystem::remove(lock_directory_ + "/crunch-run-broken", ignored);
    instance_ = StoredInstance{type.provider_type,
                               type.name,
                               type.provider_type,
                               type.vcpus,
                               now,
                               tags,
                               {{"BERTH_LOCK_DIR", lock_directory_}}};
    return *instance_;
  }

  std::vector<StoredInstance> list() override {
    const std::lock_guard lock(mutex_);
    return instance_ ? std::vector<StoredInstance>{*instance_} : std::vector<StoredInstance>{};
  }

  Result<void> set_tags(const std::string& id, const InstanceTags& tags) override {
    const std::lock_guard lock(mutex_);
    if (!instance_ || instance_->id != id) return fail(ErrorKind::not_found, "no instance " + id);
    instance_->tags = tags;
    return {};
  }

  Result<std::string> begin_destroy(const std::string&) override { return std::string(); }

  Result<void> finish_destroy(const std::string& id) override {
    const std::lock_guard lock(mutex_);
    if (instance_ && instance_->id == id) instance_.reset();
    return {};
  }

 private:
  const std::string lock_directory_;
  std::mutex mutex_;
  std::optional<StoredInstance> instance_;
};

}  // namespace

std::shared_ptr<InstanceStore> make_memory_store(std::string lock_directory) {
  return std::make_shared<MemoryStore>(std::move(lock_directory));
}

}  // namespace berth::loopback
