#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "berth/base/asio.hpp"
#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/model/container.hpp"
#include "berth/net/websocket.hpp"

namespace berth {

/// News of a container or a container request, which never carry truth: they tell what to ask the API for.
struct ApiChange {
  std::string uuid;                     ///< of a container or of a container request
  std::optional<ContainerState> state;  ///< of a container: its state after the change, if the news says so
};

/// One message of the event bus (facts §11).
struct BusMessage {
  enum class Kind {
    change,  ///< of a container or a container request
    answer,  ///< to subscribe
    other,   ///< keep-alive, other objects, what later servers may send
  };
  Kind kind = Kind::other;
  ApiChange change;
  std::int64_t status = 0;  ///< of an answer
};
/// Errors: undecodable, type_mismatch (naming the field).
Result<BusMessage> parse_bus_message(std::string_view text);

struct EventBusOptions {
  std::string url;    ///< Services.Websocket.ExternalURL; `http(s)` counts as `ws(s)`
  std::string token;  ///< secret
  WebSocketClientOptions socket;
  Duration first_retry = std::chrono::seconds(1);
  Duration longest_retry = std::chrono::minutes(1);
  Duration answer_deadline = std::chrono::seconds(15);  ///< of the subscription
};
using WebSocketOpener = std::function<awaitable<Result<std::unique_ptr<WebSocket>>>(std::string url)>;

/// A client of the event bus. It connects anew, for ever, after growing pauses of random length; what happened
/// meanwhile is for `on_connected` to find out.
class EventBus {
 public:
  struct Listener {
    std::function<void(ApiChange)> on_change;
    /// From here on every change is told. Called at each connection.
    std::function<void()> on_connected;
  };
  /// `open`: what to dial with, for tests; empty: open_websocket.
  EventBus(Runtime& runtime, Logger log, Metrics& metrics, EventBusOptions options, Listener listener,
           WebSocketOpener open = {});
  ~EventBus();
  EventBus(const EventBus&) = delete;
  EventBus& operator=(const EventBus&) = delete;

  /// The listener is called on a strand of the bus.
  void start();
  awaitable<void> stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
