#pragma once

#include <cstdint>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <string_view>

#include "berth/base/result.hpp"
#include "berth/base/time.hpp"

#include "posix.hpp"

namespace berth::runner {

/// An API server: `http://ADDRESS[:PORT]`, the address numeric, for a static program cannot look names up.
struct ApiUrl {
  sockaddr_storage address{};
  socklen_t address_size = 0;
  std::string authority;  ///< for the Host header
};
/// Errors: unsupported (https, names), invalid.
Result<ApiUrl> parse_api_url(std::string_view text);

struct HttpRequest {
  std::string_view method;
  std::string target;
  std::string_view content_type;
  std::string_view body;
};
struct HttpResponse {
  int status = 0;
  std::string body;
};

/// Takes the bytes of one response as they come. No I/O.
class ResponseReader {
 public:
  /// True once the response is complete; what follows is not expected. Errors: undecodable, exhausted (too long).
  Result<bool> feed(std::string_view bytes);
  /// The peer closed the connection: complete only if the body was to end that way.
  Result<bool> finish();
  bool keep_alive() const { return keep_alive_; }
  HttpResponse& response() { return response_; }

 private:
  enum class Part { head, sized_body, open_body, chunk_size, chunk, chunk_end, trailer, done };
  Result<bool> step();
  Result<void> parse_head(std::string_view head);
  Result<void> parse_header(std::string_view name, std::string_view value);
  bool take_body(std::size_t limit);
  /// The next line without its end; nothing if it has not come yet.
  std::optional<std::string> take_line();

  Part part_ = Part::head;
  std::string input_;
  std::optional<std::uint64_t> length_;
  std::uint64_t left_ = 0;
  bool chunked_ = false;
  bool keep_alive_ = true;
  HttpResponse response_;
};

/// One kept-alive connection to the API. Used by one thread.
class HttpClient {
 public:
  HttpClient(ApiUrl url, std::string token) : url_(std::move(url)), token_(std::move(token)) {}
  /// Errors: network, timeout, undecodable, exhausted.
  Result<HttpResponse> send(const HttpRequest& request, Duration limit);

 private:
  Result<void> connect(SteadyTime deadline);
  Result<void> write(std::string_view bytes, SteadyTime deadline);
  Result<HttpResponse> read(SteadyTime deadline);
  /// True if the idle connection is still good: nothing has come in, not even its end.
  bool usable() const;

  ApiUrl url_;
  std::string token_;
  Fd connection_;
};

}  // namespace berth::runner
