// Requests to the management API, as far as they are decided without the dispatcher: credentials, route, page, log
// line.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "auth.hpp"
#include "queue_page.hpp"
#include "requests_in_flight.hpp"
#include "routes.hpp"

namespace {

/// The input up to the next line end.
std::string next_line(std::string_view& rest) {
  const auto end = rest.find('\n');
  std::string line(rest.substr(0, end));
  rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
  return line;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  berth::ServerRequest request;
  request.method = next_line(rest);
  request.path = '/' + next_line(rest);
  request.query = next_line(rest);
  request.headers = {{"Authorization", next_line(rest)}, {"Cookie", next_line(rest)}};
  // Longer than any input, so that no input can hold it.
  const std::string token(size + 1, 't');
  if (berth::check_credentials(request, token) == berth::Access::granted) std::abort();
  if (berth::check_bearer(request, token) == berth::Access::granted) std::abort();
  const berth::Routed routed = berth::route_request(request.method, request.path);
  if (routed.kind == berth::Routed::Kind::redirect &&
      berth::route_request("GET", routed.location).kind == berth::Routed::Kind::redirect)
    std::abort();  // round and round
  (void)berth::masked_query(request.query);
  (void)berth::parse_page_request(next_line(rest), next_line(rest), next_line(rest));
  return 0;
}
