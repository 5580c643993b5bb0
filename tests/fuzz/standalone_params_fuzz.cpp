#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "berth/net/http_server.hpp"

#include "attributes.hpp"
#include "filters.hpp"
#include "params.hpp"
#include "route.hpp"

// First line: method and target; the rest is the body. Whatever comes, it is refused or becomes SQL made of known names
// with as many values as marks.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto line_end = input.find('\n');
  const std::string_view line = input.substr(0, line_end);
  const auto space = line.find(' ');
  ServerRequest request;
  request.method = line.substr(0, space);
  if (space != line.npos) request.target = line.substr(space + 1);
  const auto mark = request.target.find('?');
  request.path = request.target.substr(0, mark);
  if (mark != std::string::npos) request.query = request.target.substr(mark + 1);
  if (line_end != input.npos) request.body = input.substr(line_end + 1);

  (void)find_route(request.path);
  const auto params = decode_params(request);
  if (!params) return 0;
  for (const Table* table : {&kContainers, &kRequests}) {
    const auto query = make_list_query(*table, *params);
    if (query) {
      std::size_t marks = 0;
      for (const char c : query->where) marks += c == '?';
      if (marks != query->values.size() || query->where.find_first_of("'\";") != std::string::npos) std::abort();
    }
    const auto attributes = take_record_param(*params, table->parameter);
    if (!attributes) continue;
    const auto changes =
        table == &kContainers ? check_container_attributes(*attributes) : check_request_attributes(*attributes);
    if (!changes) continue;
    for (const auto& [name, value] : *changes)
      if (!table->find(name)) std::abort();
  }
  return 0;
}
