#pragma once

#include <functional>
#include <string>

#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/model/container_rules.hpp"
#include "berth/standalone/server.hpp"

#include "database.hpp"

namespace berth {

/// What one change of the database may use. It runs inside a transaction; an error undoes it.
struct EditContext {
  Database& database;
  Runtime& runtime;
  const StandaloneOptions& options;
  bool container_changed = false;  ///< in a way that the dispatcher should hear of

  std::string now() const;
  /// A fresh uuid of that type (`dz642`).
  std::string new_uuid(std::string_view type) const;
};

/// A change, and the JSON text to answer. It may run twice, if the first transaction could not be committed: it keeps
/// nothing outside of the database.
using Edit = std::function<Result<std::string>(EditContext&)>;

/// The uuid of the one token: what the system root token's is (facts §2.2 A).
std::string root_token_uuid(const StandaloneOptions& options);
Caller root_caller(const StandaloneOptions& options);

}  // namespace berth
