#include "berth/standalone/server.hpp"

#include <utility>

#include "berth/base/blocking.hpp"

#include "answers.hpp"
#include "authentication.hpp"
#include "calls.hpp"
#include "discovery.hpp"
#include "event_session.hpp"

namespace berth {
namespace {

constexpr std::int64_t kMaxLogBytes = std::int64_t{1} << 30;

std::string base_url(const ServerRequest& request) {
  const std::string host = request.host.empty() ? "127.0.0.1" : request.host;
  return (request.tls ? "https://" : "http://") + host;
}

bool is_public(const Route& route) {
  return route.kind == Route::Kind::discovery || route.kind == Route::Kind::config;
}

/// The documents that never change.
Answer answer_document(const Route& route, const Params& params, const ServerRequest& request,
                       const std::string& cluster_id) {
  if (route.kind == Route::Kind::unknown) return fail(ErrorKind::not_found, "path not found");
  if (params.method != "GET") return refuse(405, "method " + params.method.substr(0, 20) + " is not allowed here");
  switch (route.kind) {
    case Route::Kind::discovery:
      return json_response(discovery_document(base_url(request), cluster_id));
    case Route::Kind::config:
      return json_response(public_config(base_url(request), cluster_id));
    case Route::Kind::current_user:
      return json_response(current_user(cluster_id));
    case Route::Kind::current_token:
      return json_response(current_token(cluster_id));
    default:
      return fail(ErrorKind::internal, "internal error");
  }
}

/// A bound on those who follow: each has a queue.
constexpr int kMostSessions = 64;
/// Of these, those without the token: they get no events, and must not keep out who does.
constexpr int kMostTokenless = 8;

Answer event_bus(const ApiContextPtr& api, const ServerRequest& request) {
  const bool may_read = holds_token(request.query, api->store->options().root_token);
  const bool full = api->event_sessions >= kMostSessions || (!may_read && api->tokenless_sessions >= kMostTokenless);
  if (full) return refuse(503, "too many clients of the event bus");
  ServerResponse response;
  response.websocket = [api, may_read](WebSocket& socket) { return serve_events(api, may_read, socket); };
  return response;
}

awaitable<Answer> answer(ApiContextPtr api, ServerRequest request) {
  const Route route = find_route(request.path);
  if (route.kind == Route::Kind::events) co_return event_bus(api, request);
  if (!is_public(route) && !is_authorized(request, api->store->options().root_token))
    co_return refuse(401, "not logged in: send the token as 'Authorization: Bearer TOKEN'");
  if (route.kind == Route::Kind::log) {
    std::string piece = std::exchange(request.body, {});
    auto params = decode_params(request);
    if (!params) co_return fail(params.error());
    co_return co_await answer_log_call(std::move(api), route, std::move(*params), request.method, std::move(piece));
  }
  if (route.table) co_return co_await answer_record_call(std::move(api), route, std::move(request));
  if (is_large(request)) co_return refuse(413, "the request's body is too large");
  auto params = decode_params(request);
  if (!params) co_return fail(params.error());
  co_return answer_document(route, *params, request, api->store->options().cluster_id);
}

}  // namespace

ApiContext::ApiContext(Runtime& runtime_used, Logger logger, const StandaloneOptions& options)
    : runtime(runtime_used),
      log(std::move(logger)),
      store(std::make_shared<Store>(runtime, log, options)),
      logs(options.data_dir + "/logs", kMaxLogBytes) {}

awaitable<ServerResponse> answer_request(ApiContextPtr api, ServerRequest request) {
  auto answered = co_await answer(api, std::move(request));
  if (answered) co_return std::move(*answered);
  co_return error_response(api->runtime, answered.error());
}

class StandaloneApi::Impl {
 public:
  explicit Impl(ApiContextPtr context) : api(std::move(context)) {}
  ApiContextPtr api;
};

StandaloneApi::StandaloneApi(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
StandaloneApi::~StandaloneApi() = default;

awaitable<Result<std::unique_ptr<StandaloneApi>>> StandaloneApi::open(Runtime& runtime, Logger log,
                                                                      StandaloneOptions options) {
  auto api = std::make_shared<ApiContext>(runtime, std::move(log), options);
  auto work = [api]() -> Result<void> {
    if (auto opened = api->store->open(); !opened) return opened;
    return api->logs.open();
  };
  const auto opened = co_await run_blocking(runtime, std::move(work));
  if (!opened) co_return fail(opened.error());
  co_return std::unique_ptr<StandaloneApi>(new StandaloneApi(std::make_shared<Impl>(std::move(api))));
}

RequestHandler StandaloneApi::handler() {
  return [api = impl_->api](ServerRequest request) { return answer_request(api, std::move(request)); };
}

void StandaloneApi::set_listener(ChangeListener listener) {
  impl_->api->store->set_listener(std::move(listener));
}

awaitable<void> StandaloneApi::close() {
  auto api = impl_->api;
  co_await api->store->close();
}

}  // namespace berth
