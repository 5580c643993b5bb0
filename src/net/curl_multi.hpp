#pragma once

#include <cstddef>
#include <curl/curl.h>
#include <map>
#include <memory>
#include <optional>

#include "berth/base/asio.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// libcurl's multi interface on the event loop. Used on one strand; while no transfer is under way, it has no timer and
/// watches no descriptor.
class CurlMulti : public std::enable_shared_from_this<CurlMulti> {
 public:
  /// `connections`: how many are kept open for reuse.
  CurlMulti(Runtime& runtime, asio::any_io_executor strand, std::size_t connections, std::size_t connections_per_host);
  ~CurlMulti();
  CurlMulti(const CurlMulti&) = delete;
  CurlMulti& operator=(const CurlMulti&) = delete;

  /// Runs the transfer to its end. Cancellation aborts it. The handle's CURLOPT_PRIVATE is used here.
  awaitable<CURLcode> perform(CURL* easy);

 private:
  struct Transfer;
  struct Socket;
  struct Sleeper;

  static int on_socket(CURL* easy, curl_socket_t fd, int what, void* self, void* unused);
  static int on_timer(CURLM* multi, long milliseconds, void* self);
  void watch(curl_socket_t fd, const std::shared_ptr<Socket>& socket, int direction);
  void ready(curl_socket_t fd, const std::shared_ptr<Socket>& socket, int direction, bool failed);
  void set_timer(long milliseconds);
  void arm_timer();
  static awaitable<void> wait_for_timer(std::shared_ptr<CurlMulti> self, std::shared_ptr<Sleeper> me);
  void cancel_timer();
  /// Lets libcurl work, then wakes those whose transfers ended. Never called from within a callback of libcurl.
  void act(curl_socket_t fd, int events);

  Runtime& runtime_;
  const asio::any_io_executor strand_;
  CURLM* const multi_;
  std::map<curl_socket_t, std::shared_ptr<Socket>> sockets_;
  std::optional<SteadyTime> timer_at_;
  std::shared_ptr<Sleeper> sleeper_;
  std::size_t transfers_ = 0;
  bool dead_ = false;  // being destroyed: callbacks start nothing
};

}  // namespace berth
