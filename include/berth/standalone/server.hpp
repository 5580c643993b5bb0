#pragma once

#include <functional>
#include <memory>
#include <string>

#include "berth/arvados/event_bus.hpp"
#include "berth/base/log.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/config/cluster.hpp"
#include "berth/net/http_server.hpp"

namespace berth {

struct StandaloneOptions {
  std::string data_dir;    ///< holds queue.db, logs/, env, tls/, instances/
  std::string cluster_id;  ///< five characters
  std::string root_token;  ///< secret; the one token of this installation
  std::int64_t max_dispatch_attempts = 10;
};

using ChangeListener = std::function<void(ApiChange)>;

/// The embedded container API: the parts of the Arvados REST API that dispatcher, runner and user need, on SQLite.
/// Every answered change is on disk. Serve its handler with an HttpServer.
class StandaloneApi {
 public:
  /// Opens or makes the database. Errors: failed, with file and SQLite's text.
  static awaitable<Result<std::unique_ptr<StandaloneApi>>> open(Runtime& runtime, Logger log,
                                                                StandaloneOptions options);
  ~StandaloneApi();
  StandaloneApi(const StandaloneApi&) = delete;
  StandaloneApi& operator=(const StandaloneApi&) = delete;

  RequestHandler handler();
  /// Told, on any thread, what a dispatcher should look at at once: a container is new, given back, ended, or of
  /// another priority. It must not block. Set it before the first request.
  void set_listener(ChangeListener listener);
  awaitable<void> close();

 private:
  class Impl;
  explicit StandaloneApi(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace berth
