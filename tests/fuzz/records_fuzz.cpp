#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "berth/arvados/records.hpp"

#include "answer.hpp"
#include "list_reader.hpp"

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

/// What is read in one go is what is read by way of a tree.
void compare_readers(std::string_view body) {
  const auto read = berth::read_container_list(body);
  if (!read) return;
  const auto json = berth::parse_json(body);
  if (!json) std::abort();
  const auto whole = berth::container_list_from_json(*json);
  if (!whole || whole->size() != read->size()) std::abort();
  for (std::size_t i = 0; i < read->size(); ++i) {
    const berth::Container& a = (*read)[i];
    const berth::Container& b = (*whole)[i];
    const bool same = a.uuid == b.uuid && a.state == b.state && a.priority == b.priority &&
                      a.locked_by_uuid == b.locked_by_uuid && a.created_at == b.created_at && a.mounts == b.mounts &&
                      b.unreadable.empty() &&
                      static_cast<const berth::ContainerSpec&>(a) == static_cast<const berth::ContainerSpec&>(b);
    if (!same) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  check(berth::containers_of(body));
  compare_readers(body);
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
