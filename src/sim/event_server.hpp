#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/arvados/event_bus.hpp"

#include "core.hpp"
#include "line_stream.hpp"
#include "link.hpp"

namespace berth {

/// The event bus of the API (facts §11), if the history has one: the dispatchers' own client reads what it says, over
/// connections that break and news that are lost, late or twice.
class EventServer {
 public:
  explicit EventServer(SimCore& core) : core_(core) {}

  /// How one dispatcher process reaches it. The server must outlive what is opened.
  WebSocketOpener opener(std::shared_ptr<Link> link);
  /// A container or request was saved.
  void saved(const std::string& uuid, std::optional<ContainerState> state);

  /// A client's message arrived: it subscribes to everything.
  void subscribe(const std::shared_ptr<LineStream>& stream);

 private:
  struct Subscriber {
    std::weak_ptr<LineStream> stream;
    SteadyTime silent_from = SteadyTime::max();
  };
  awaitable<Result<std::unique_ptr<WebSocket>>> open(std::shared_ptr<Link> link);
  void deliver(const std::weak_ptr<LineStream>& stream, const std::string& text, Duration delay);
  void plan_break(const std::weak_ptr<LineStream>& stream);
  void tell(const Subscriber& subscriber, const std::string& text);

  SimCore& core_;
  std::vector<Subscriber> subscribers_;
  std::int64_t last_log_id_ = 0;
};

}  // namespace berth
