#pragma once

#include <cerrno>
#include <cstring>
#include <string>

#include "berth/base/result.hpp"

namespace berth {

/// `path: the text of errno`.
inline tl::unexpected<Error> system_error(ErrorKind kind, const std::string& path) {
  return fail(kind, path + ": " + std::strerror(errno));
}

}  // namespace berth
