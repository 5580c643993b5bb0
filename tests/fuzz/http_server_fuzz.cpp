// Bytes from a client, in pieces, through the whole of a server's connection; and the form parser.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "connection.hpp"
#include "memory_transport.hpp"

namespace berth {
namespace {

void check(bool holds) {
  if (!holds) std::abort();
}

awaitable<ServerResponse> answer(ServerRequest request) {
  check(request.path.starts_with('/') && request.path.find('\0') == std::string::npos);
  check(request.body.size() <= 4096);
  ServerResponse response;
  response.body = request.path + request.query + request.body;
  co_return response;
}

void fuzz_connection(std::string_view bytes) {
  SimRuntime runtime;
  HttpServerOptions options;
  options.max_header_bytes = 2048;
  options.max_body_bytes = 4096;
  ServerContext context{runtime, Logger(), options, answer, TaskGroup(runtime.make_strand())};
  const auto peer = std::make_shared<MemoryPeer>();
  peer->ended = true;
  // The first byte says how large the pieces are that arrive.
  const std::size_t piece = bytes.empty() ? 1 : static_cast<unsigned char>(bytes[0]) + 1;
  for (std::size_t at = 1; at < bytes.size(); at += piece) peer->sent.emplace_back(bytes.substr(at, piece));
  const auto connection = std::make_shared<Connection>(context, std::make_unique<MemoryTransport>(peer), "192.0.2.1:5");
  context.tasks.spawn(Connection::serve(connection));
  runtime.settle();
  check(peer->closed && context.tasks.size() == 0);
  check(peer->received.empty() || peer->received.starts_with("HTTP/1.1 "));
}

void fuzz_form(std::string_view bytes) {
  static_cast<void>(parse_form(bytes));
  check(form_decode(form_encode(bytes)).value() == bytes);
}

}  // namespace
}  // namespace berth

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  berth::fuzz_connection(bytes);
  berth::fuzz_form(bytes);
  return 0;
}
