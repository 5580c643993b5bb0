#pragma once

#include <string>
#include <string_view>

#include "berth/base/result.hpp"

namespace berth {

/// The refusal of a parameter or attribute: `name: why`.
inline tl::unexpected<Error> invalid(std::string_view name, std::string_view why) {
  return fail(ErrorKind::invalid, std::string(name) + ": " + std::string(why));
}

}  // namespace berth
