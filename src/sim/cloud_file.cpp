#include "cloud_file.hpp"

#include "input_file.hpp"
#include "yaml_map.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLongestDelay = 24h;
constexpr double kWidestSpread = 3;
constexpr std::int64_t kMostInstances = 1'000'000;

/// Either one value, or a map of median, spread, least and most.
void read_delay(YamlMap& map, const std::string& key, DelayModel& delay) {
  if (!map.is_map(key)) {
    if (!map.has(key)) return;
    delay = DelayModel{};
    return map.read(key, delay.median, kLongestDelay);
  }
  auto parts = map.map(key);
  if (!parts) return;
  parts->read("median", delay.median, kLongestDelay);
  parts->read("spread", delay.spread, 0, kWidestSpread);
  parts->read("least", delay.least, kLongestDelay);
  parts->read("most", delay.most, kLongestDelay);
  if (delay.least > delay.most) parts->refuse("least", "is above most");
  parts->finish();
}

void read_types(YamlMap& map, const std::map<std::string, InstanceType>& types, CloudFile& file) {
  for (auto& [name, type] : map.maps("types")) {
    if (!types.contains(name)) type.refuse("", "the configuration has no such instance type");
    if (type.has("price")) type.read("price", file.billing.prices[name], 0, 1e6);
    if (type.has("capacity")) type.read("capacity", file.cloud.capacity[name], 0, kMostInstances);
    if (type.has("boot")) {
      DelayModel boot = file.cloud.boot;
      read_delay(type, "boot", boot);
      file.cloud.boot_of_type[name] = boot;
    }
    type.finish();
  }
}

}  // namespace

Result<CloudFile> read_cloud_text(std::string_view text, const std::string& file,
                                  const std::map<std::string, InstanceType>& types) {
  auto map = YamlMap::parse(text, file);
  if (!map) return fail(map.error());
  CloudFile read;
  SimCloudModel& cloud = read.cloud;
  read_delay(*map, "create", cloud.create);
  read_delay(*map, "boot", cloud.boot);
  read_delay(*map, "list", cloud.list);
  read_delay(*map, "destroy", cloud.destroy);
  read_delay(*map, "gone", cloud.gone);
  if (map->has("quota")) map->read("quota", cloud.quota.emplace(), 0, kMostInstances);
  map->read("creates_per_minute", cloud.creates_per_minute, 0, kMostInstances);
  map->read("interruptions_per_hour", read.interruptions_per_hour, 0, 3600);
  map->read("minimum_billed", read.billing.minimum, kLongestDelay);
  read_types(*map, types, read);
  if (auto workers = map->map("workers")) {
    read_delay(*workers, "command", read.workers.command);
    read_delay(*workers, "start", read.workers.start);
    read_delay(*workers, "end", read.workers.end);
    workers->finish();
  }
  map->finish();
  if (!map->ok()) return fail(*map->error());
  return read;
}

Result<CloudFile> read_cloud_file(const std::string& path, const std::map<std::string, InstanceType>& types) {
  constexpr std::size_t most = std::size_t{2} << 20;
  const auto text = read_input_file(path, most);
  if (!text) return fail(text.error());
  return read_cloud_text(*text, path, types);
}

}  // namespace berth
