#pragma once

#include <string>
#include <string_view>

#include "tables.hpp"

namespace berth {

/// What a path names.
struct Route {
  enum class Kind { unknown, discovery, config, current_user, current_token, collection, record, action, log, events };
  Kind kind = Kind::unknown;
  const Table* table = nullptr;  ///< collection, record, action
  std::string uuid;              ///< record, action, log; of the right type, but not looked up
  std::string action;            ///< `lock`, `unlock`, `cancel`
};

Route find_route(std::string_view path);

}  // namespace berth
