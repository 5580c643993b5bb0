#include "berth/base/result.hpp"

namespace berth {

Error Error::within(std::string_view prefix) const {
  Error outer = *this;
  outer.message.insert(0, ": ").insert(0, prefix);
  return outer;
}

std::string_view to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid:
      return "invalid";
    case ErrorKind::undecodable:
      return "undecodable";
    case ErrorKind::type_mismatch:
      return "type mismatch";
    case ErrorKind::denied:
      return "denied";
    case ErrorKind::not_found:
      return "not found";
    case ErrorKind::conflict:
      return "conflict";
    case ErrorKind::unavailable:
      return "unavailable";
    case ErrorKind::server_error:
      return "server error";
    case ErrorKind::network:
      return "network";
    case ErrorKind::timeout:
      return "timeout";
    case ErrorKind::rate_limited:
      return "rate limited";
    case ErrorKind::quota:
      return "quota";
    case ErrorKind::capacity:
      return "capacity";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::exhausted:
      return "exhausted";
    case ErrorKind::failed:
      return "failed";
    case ErrorKind::internal:
      return "internal";
  }
  return "internal";
}

}  // namespace berth
