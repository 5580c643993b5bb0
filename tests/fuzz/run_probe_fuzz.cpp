// What a worker says to `--list` (facts §6.8): any bytes must give a bounded result that holds only our containers.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "berth/model/container.hpp"

#include "run_probe.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::string_view cluster_id = "zzzzz";
  const auto probe = berth::parse_run_probe({reinterpret_cast<const char*>(data), size}, cluster_id);
  if (!probe) return 0;
  if (probe->running.size() + probe->stale.size() > berth::max_listed_containers) std::abort();
  for (const auto* uuids : {&probe->running, &probe->stale})
    for (const auto& uuid : *uuids)
      if (!berth::is_container_uuid(uuid) || !uuid.starts_with(cluster_id)) std::abort();
  return 0;
}
