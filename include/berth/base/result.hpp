#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <tl/expected.hpp>

#include "berth/base/time.hpp"

namespace berth {

/// What an error means for the caller: what it may do, not where it came from.
enum class ErrorKind {
  invalid,        ///< bad input: config, argument, record; doing it again changes nothing
  undecodable,    ///< a peer answered something that is not what its protocol says (HTML, truncated JSON, …)
  type_mismatch,  ///< well-formed JSON of the wrong type (facts §2.1: the mounts fetch treats this one alone as final)
  denied,         ///< 401, 403
  not_found,      ///< 404
  conflict,       ///< 409, 422: the other side's rules forbid it now
  unavailable,    ///< 503: overloaded, come back later
  server_error,   ///< other 5xx
  network,        ///< no connection, or it broke
  timeout,        ///< the deadline passed
  rate_limited,   ///< come back at `retry_at`
  quota,          ///< the account allows no more instances
  capacity,       ///< the cloud has no room; `scope` says for what
  unsupported,    ///< the driver does not do this
  exhausted,      ///< a bound of our own was reached: body too large, too many requests
  failed,         ///< a command or an operation ran and failed
  internal,       ///< a bug
};

/// For ErrorKind::capacity: what has no room (facts §6.6).
enum class CapacityScope { everything, instance_type, quota_group };

struct Error {
  ErrorKind kind = ErrorKind::internal;
  std::string message;  ///< one sentence for a human; never holds a secret
  /// rate_limited: earliest time of the next try.
  std::optional<SteadyTime> retry_at = std::nullopt;
  CapacityScope scope = CapacityScope::everything;
  int http_status = 0;  ///< 0 if the error did not come by HTTP

  /// The same error with `prefix: ` before its message.
  Error within(std::string_view prefix) const;
};

template <class T>
using Result = tl::expected<T, Error>;

/// `return fail(ErrorKind::invalid, "…");` in any function that returns a Result.
inline tl::unexpected<Error> fail(ErrorKind kind, std::string message) {
  return tl::unexpected<Error>(Error{kind, std::move(message)});
}
inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}

std::string_view to_string(ErrorKind kind);

}  // namespace berth
