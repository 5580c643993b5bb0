#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "berth/arvados/event_bus.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/model/container_rules.hpp"
#include "berth/standalone/server.hpp"

#include "database.hpp"
#include "event_log.hpp"

namespace berth {

/// What one change of the database may use. It runs inside a transaction; an error undoes it.
struct EditContext {
  Database& database;
  Runtime& runtime;
  const StandaloneOptions& options;
  std::vector<Event> events = {};    ///< of the change, for the event bus
  std::vector<ApiChange> news = {};  ///< of containers, for the dispatcher of this machine: priorities, too

  /// `before`: the record's state, if it is not new.
  void note_event(const std::string& uuid, std::optional<std::string> before, std::string after);
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
