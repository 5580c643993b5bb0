#pragma once

#include <string>

#include "berth/base/time.hpp"
#include "berth/net/http_server.hpp"

namespace berth {

/// What the request says about how its answer is framed.
struct ResponseFraming {
  bool http_1_1 = true;
  bool keep_alive = true;  ///< whether the connection stays open after it
  bool head = false;       ///< the request's method was HEAD
};

/// Whether this response has a body at all (RFC 9110 §6.4.1).
bool allows_body(int status);
/// Status line, headers and the empty line. The response's own framing headers and Date are left out.
std::string format_response_head(const ServerResponse& response, const ResponseFraming& framing, WallTime now);
/// `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 §5.6.7).
std::string format_http_date(WallTime time);
/// One chunk of a chunked body; `piece` is not empty.
std::string format_chunk(std::string_view piece);
/// A small text answer: `404 Not Found`, or with `reason` on a line of its own.
ServerResponse plain_response(int status, std::string_view reason = {});

}  // namespace berth
