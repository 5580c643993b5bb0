#include <charconv>
#include <filesystem>
#include <mutex>
#include <set>
#include <signal.h>

#include <nlohmann/json.hpp>

#include "berth/base/units.hpp"

#include "files.hpp"
#include "instance_store.hpp"
#include "lock_holders.hpp"

namespace berth::loopback {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view id_prefix = "local-";
constexpr std::string_view gone_suffix = ".gone";

std::string id_of(std::int64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(id_prefix) + std::string(digits.size() < 4 ? 4 - digits.size() : 0, '0') + digits;
}

/// The number in `local-0012` or `local-0012.gone`; 0 if the name is another.
std::int64_t number_of(std::string_view name) {
  if (!name.starts_with(id_prefix)) return 0;
  name.remove_prefix(id_prefix.size());
  if (name.ends_with(gone_suffix)) name.remove_suffix(gone_suffix.size());
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() && number > 0 ? number : 0;
}

std::string to_text(const StoredInstance& instance) {
  const json document = {{"InstanceType", instance.type_name},
                         {"ProviderType", instance.provider_type},
                         {"VCPUs", instance.vcpus},
                         {"CreatedAt", format_time(instance.created)},
                         {"Tags", instance.tags}};
  return document.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
}

Result<StoredInstance> from_text(const std::string& text) {
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(ErrorKind::undecodable, "not a JSON object");
  try {
    StoredInstance instance;
    document.at("InstanceType").get_to(instance.type_name);
    document.at("ProviderType").get_to(instance.provider_type);
    document.at("VCPUs").get_to(instance.vcpus);
    document.at("Tags").get_to(instance.tags);
    const auto created = parse_time(document.at("CreatedAt").get<std::string>());
    if (!created) return fail(created.error().within("CreatedAt"));
    instance.created = *created;
    return instance;
  } catch (const json::exception& error) {
    return fail(ErrorKind::type_mismatch, error.what());
  }
}

void kill_lock_holders(const std::string& lock_directory) {
  const LockHolders holders = find_lock_holders(lock_directory);
  for (const pid_t pid : holders.runners) ::kill(pid, SIGKILL);
  for (const pid_t pid : holders.descendants) ::kill(pid, SIGKILL);
}

class DirectoryStore final : public InstanceStore {
 public:
  DirectoryStore(Parameters parameters, Logger log) : parameters_(std::move(parameters)), log_(std::move(log)) {}

  Result<void> prepare() const;
  Result<StoredInstance> create(const InstanceType& type, const InstanceTags& tags, WallTime now) override;
  std::vector<StoredInstance> list() override;
  Result<void> set_tags(const std::string& id, const InstanceTags& tags) override;
  Result<std::string> begin_destroy(const std::string& id) override;
  Result<void> finish_destroy(const std::string& id) override;

 private:
  std::string path(const std::string& name) const { return parameters_.state_directory + '/' + name; }
  Result<std::vector<std::string>> names() const;
  void scan();
  void load_counter();
  void load_one(const std::string& name);
  Result<void> make_directories(const StoredInstance& instance);
  void set_environment(StoredInstance& instance) const {
    instance.environment = {{"BERTH_LOCK_DIR", path(instance.id) + "/lock"},
                            {"BERTH_WORK_DIR", path(instance.id) + "/work"}};
  }
  /// True once nothing of it is left.
  Result<void> remove_tree(const std::string& name);

  const Parameters parameters_;
  const Logger log_;
  std::mutex mutex_;
  bool scanned_ = false;
  std::int64_t last_number_ = 0;
  std::map<std::string, StoredInstance> instances_;
  std::map<std::string, bool> destroying_;  ///< ids; they count and are listed until they are gone
};

/// Touches nothing that is there: another daemon may be at work while this one only waits to be the active one.
Result<void> DirectoryStore::prepare() const {
  if (auto usable = check_state_directory(parameters_.state_directory); !usable) return usable;
  std::error_code error;
  fs::create_directories(parameters_.state_directory, error);
  if (error) return fail(ErrorKind::failed, parameters_.state_directory + ": " + error.message());
  if (const auto found = names(); !found) return fail(found.error());
  return {};
}

Result<std::vector<std::string>> DirectoryStore::names() const {
  std::error_code error;
  std::vector<std::string> found;
  for (fs::directory_iterator entry(parameters_.state_directory, error), end; !error && entry != end;
       entry.increment(error))
    if (std::string name = entry->path().filename(); number_of(name) > 0) found.push_back(std::move(name));
  if (error) return fail(ErrorKind::failed, parameters_.state_directory + ": " + error.message());
  return found;
}

/// Takes over what an earlier daemon left, and drops what it has removed since.
void DirectoryStore::scan() {
  const auto found = names();
  if (!found) return log_.error("instances cannot be listed", {{"error", found.error().message}});
  const std::set<std::string> present(found->begin(), found->end());
  std::erase_if(instances_, [&](const auto& known) {
    return !present.contains(known.first) && !destroying_.contains(known.first);
  });
  for (const std::string& name : present) {
    const bool gone = name.ends_with(gone_suffix);
    const std::string id = gone ? name.substr(0, name.size() - gone_suffix.size()) : name;
    if (gone ? !destroying_.contains(id) : !instances_.contains(id)) load_one(name);
  }
  load_counter();
  scanned_ = true;
}

void DirectoryStore::load_counter() {
  const auto text = read_file(path("last-number"));
  if (!text) return;
  std::int64_t number = 0;
  std::from_chars(text->data(), text->data() + text->size(), number);
  last_number_ = std::max(last_number_, number);
}

void DirectoryStore::load_one(const std::string& name) {
  last_number_ = std::max(last_number_, number_of(name));
  if (!name.ends_with(gone_suffix)) {
    const auto text = read_file(path(name) + "/instance.json");
    auto instance = text ? from_text(*text) : Result<StoredInstance>(fail(text.error()));
    if (instance) {
      instance->id = name;
      set_environment(*instance);
      instances_.emplace(name, std::move(*instance));
      return;
    }
    log_.error("instance state cannot be read; the instance is destroyed",
               {{"Instance", name}, {"error", instance.error().message}});
  }
  kill_lock_holders(path(name) + "/lock");
  if (const auto removed = remove_tree(name); !removed)
    log_.error("cannot remove the remains of an instance", {{"Instance", name}, {"error", removed.error().message}});
}

Result<StoredInstance> DirectoryStore::create(const InstanceType& type, const InstanceTags& tags, WallTime now) {
  const std::lock_guard lock(mutex_);
  if (!scanned_) scan();
  if (const auto allowed = check_limits(parameters_, instances_, type); !allowed) return fail(allowed.error());
  if (auto kept = replace_file(path("last-number"), std::to_string(last_number_ + 1) + '\n'); !kept)
    return fail(kept.error());
  StoredInstance instance{id_of(++last_number_), type.name, type.provider_type, type.vcpus, now, tags, {}};
  set_environment(instance);
  if (auto made = make_directories(instance); !made) {
    (void)remove_tree(instance.id);
    return fail(made.error());
  }
  instances_.emplace(instance.id, instance);
  return instance;
}

Result<void> DirectoryStore::make_directories(const StoredInstance& instance) {
  std::error_code error;
  for (const auto& [name, directory] : instance.environment) {
    fs::create_directories(directory, error);
    if (error) return fail(ErrorKind::failed, directory + ": " + error.message());
  }
  return replace_file(path(instance.id) + "/instance.json", to_text(instance));
}

std::vector<StoredInstance> DirectoryStore::list() {
  const std::lock_guard lock(mutex_);
  scan();
  std::vector<StoredInstance> all;
  for (const auto& [id, instance] : instances_) all.push_back(instance);
  return all;
}

Result<void> DirectoryStore::set_tags(const std::string& id, const InstanceTags& tags) {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find(id);
  if (found == instances_.end() || destroying_.contains(id)) return fail(ErrorKind::not_found, "no instance " + id);
  StoredInstance changed = found->second;
  changed.tags = tags;
  if (auto written = replace_file(path(id) + "/instance.json", to_text(changed)); !written) return written;
  found->second = std::move(changed);
  return {};
}

Result<std::string> DirectoryStore::begin_destroy(const std::string& id) {
  const std::lock_guard lock(mutex_);
  const auto found = instances_.find(id);
  if (found == instances_.end()) return std::string();
  const std::string gone = id + std::string(gone_suffix);
  if (!destroying_.contains(id)) {
    std::error_code error;
    fs::rename(path(id), path(gone), error);
    if (error && error != std::errc::no_such_file_or_directory)
      return fail(ErrorKind::failed, path(id) + ": " + error.message());
    destroying_[id] = true;
  }
  return path(gone) + "/lock";
}

Result<void> DirectoryStore::finish_destroy(const std::string& id) {
  auto removed = remove_tree(id + std::string(gone_suffix));
  if (!removed) return removed;
  const std::lock_guard lock(mutex_);
  instances_.erase(id);
  destroying_.erase(id);
  return {};
}

Result<void> DirectoryStore::remove_tree(const std::string& name) {
  std::error_code error;
  fs::remove_all(path(name), error);
  if (error) return fail(ErrorKind::failed, path(name) + ": " + error.message());
  return {};
}

}  // namespace

Result<std::shared_ptr<InstanceStore>> open_directory_store(const Parameters& parameters, Logger log) {
  auto store = std::make_shared<DirectoryStore>(parameters, std::move(log));
  if (auto ready = store->prepare(); !ready) return fail(ready.error().within("DriverParameters.StateDirectory"));
  return store;
}

}  // namespace berth::loopback
