#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "berth/model/uuid.hpp"

#include "http.hpp"
#include "lock_files.hpp"
#include "record.hpp"

// Any bytes as what berth-run reads besides HTTP: the configuration on its stdin, a lock file and its name, the
// container's record, the API's address.
namespace {

using namespace berth;
using namespace berth::runner;

void read_lock(std::string_view text) {
  const auto lock = parse_lock(text);
  if (lock) {
    if (!is_container_uuid(lock->uuid) || lock->pid < 2) std::abort();
    const auto again = parse_lock(lock_line(*lock));
    if (!again || again->uuid != lock->uuid || again->pid != lock->pid) std::abort();
  }
  const auto uuid = LockDirectory::container_of(text);
  if (uuid && LockDirectory("").lock_path(*uuid) != "/" + std::string(text)) std::abort();
}

void read_record(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (json.is_discarded()) return;
  const auto record = parse_record(json);
  if (!record) return;
  const bool can_run = find_obstacle(*record).empty();
  if (can_run && (record->command.empty() || record->command.front().empty())) std::abort();
  for (const auto& [name, value] : record->environment)
    if (can_run && (name.empty() || name.find('=') != name.npos || value.find('\0') != value.npos)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  read_lock(text);
  read_record(text);
  if (const auto config = parse_config(text)) (void)config->api_url();
  if (const auto url = parse_api_url(text); url && url->address_size == 0) std::abort();
  return 0;
}
