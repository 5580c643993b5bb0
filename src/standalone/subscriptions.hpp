#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "event_log.hpp"

namespace berth {

/// What one client of the event bus has subscribed to (facts §11).
class Subscriptions {
 public:
  struct Answer {
    int status = 200;
    /// Set by a subscription that wants what happened after this event, too.
    std::optional<std::int64_t> last_log_id;
  };
  /// A message of the client: subscribe or unsubscribe; 400 for anything else.
  Answer handle(std::string_view message);
  /// Whether any of them wants the event. Filters that the event bus does not know count for nothing.
  bool want(const Event& event) const;

 private:
  std::vector<nlohmann::json> filters_;  // of each subscription
};

/// The event as the bus sends it.
std::string event_text(const Event& event, std::int64_t message_id);

}  // namespace berth
