#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "berth/arvados/records.hpp"

#include "answer.hpp"
#include "brief_list.hpp"

// Any bytes as the body of an answer: read as every kind of answer, never a crash, and errors are fit for a log line.
namespace {

void check(const berth::Error& error) {
  if (error.message.size() > 4096) std::abort();
  for (const char c : error.message)
    if (static_cast<unsigned char>(c) < ' ') std::abort();
}

template <class T>
void check(const berth::Result<T>& result) {
  if (!result) check(result.error());
}

/// Read in one go, they say the same.
void compare(const std::vector<berth::Container>& brief, const berth::Result<std::vector<berth::Container>>& whole) {
  if (!whole || whole->size() != brief.size()) std::abort();
  for (std::size_t i = 0; i < brief.size(); ++i) {
    const berth::Container& a = brief[i];
    const berth::Container& b = (*whole)[i];
    if (a.uuid != b.uuid) std::abort();
    if (b.unreadable.empty() && (a.state != b.state || a.priority != b.priority)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto containers = berth::containers_of(body);
  check(containers);
  if (const auto brief = berth::read_brief_list(body)) compare(*brief, containers);
  check(berth::mounts_of(body));
  check(berth::update_of(body));
  check(berth::state_of(body));
  check(berth::token_uuid_of(body));
  berth::HttpResponse response;
  response.status = 422;
  response.body = body;
  check(berth::body_of(std::move(response)));
  if (const auto json = berth::parse_json(body)) {
    const auto container = berth::container_from_json(*json);
    check(container);
    if (container && !berth::is_container_uuid(container->uuid)) std::abort();
  }
  return 0;
}
