#include "berth/server/server.hpp"

#include <algorithm>
#include <chrono>
#include <map>

#include "assets.hpp"
#include "auth.hpp"
#include "entries.hpp"
#include "queue_page.hpp"
#include "request_limit.hpp"
#include "request_record.hpp"
#include "requests_in_flight.hpp"
#include "routes.hpp"

namespace berth {
namespace {

ServerResponse text_response(int status, std::string body) {
  ServerResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "text/plain; charset=utf-8"}, {"X-Content-Type-Options", "nosniff"}};
  response.body = std::move(body) + '\n';
  return response;
}

ServerResponse error_response(int status, const std::string& message) {
  ServerResponse response;
  response.status = status;
  response.headers = {{"Content-Type", "application/json"}, {"X-Content-Type-Options", "nosniff"}};
  response.body = "{\"errors\":[" + quote(message) + "]}\n";
  return response;
}

/// JSON of the management API: the content type is the one that sniffing gives (facts §9.1).
ServerResponse json_response(std::string body) {
  ServerResponse response;
  response.headers = {{"Content-Type", "text/plain; charset=utf-8"}};
  response.body = std::move(body) + '\n';
  return response;
}

ServerResponse typed_response(std::string type, std::string body) {
  ServerResponse response;
  response.headers = {{"Content-Type", std::move(type)}};
  response.body = std::move(body);
  return response;
}

ServerResponse overloaded() {
  ServerResponse response;
  response.status = 503;
  return response;
}

/// Parameters come in the query or in a form body; the body wins (facts §9.1).
std::string parameter(const ServerRequest& request, std::string_view name) {
  for (const std::string_view source : {std::string_view(request.body), std::string_view(request.query)})
    if (const auto form = parse_form(source))
      for (const auto& [key, value] : *form)
        if (key == name) return value;
  return {};
}

/// Counts what goes through.
class CountingWriter final : public BodyWriter {
 public:
  explicit CountingWriter(BodyWriter& inner) : inner_(inner) {}
  awaitable<Result<void>> write(std::string_view piece) override {
    bytes_ += piece.size();
    co_return co_await inner_.write(piece);
  }
  std::size_t bytes() const { return bytes_; }

 private:
  BodyWriter& inner_;
  std::size_t bytes_ = 0;
};

awaitable<Result<void>> send_recorded(BodyStream stream, std::shared_ptr<RequestRecord> record, BodyWriter& writer) {
  CountingWriter counted(writer);
  auto sent = co_await stream(counted);
  record->complete(counted.bytes());
  co_return sent;
}

/// The slot is given back when the body has been sent, or cannot be.
awaitable<Result<void>> send_in_slot(BodyStream stream, std::shared_ptr<RequestLimit::Slot> slot, BodyWriter& writer) {
  const RequestLimit::Slot held = std::move(*slot);
  co_return co_await stream(writer);
}

constexpr std::size_t kPieceSize = 64 * 1024;

/// The entries of a page, between `opening` and `closing`, in pieces.
awaitable<Result<void>> send_entries(QueuePage page, std::string opening, std::string closing,
                                     std::shared_ptr<const std::map<std::string, InstanceType>> types,
                                     BodyWriter& writer) {
  std::string piece = std::move(opening);
  bool first = true;
  for (const ScheduledContainer* entry : page.entries) {
    if (!first) piece += ',';
    first = false;
    piece += container_entry(*entry, *types);
    if (piece.size() < kPieceSize) continue;
    if (auto sent = co_await writer.write(piece); !sent) co_return sent;
    piece.clear();
  }
  piece += closing;
  co_return co_await writer.write(piece);
}

}  // namespace

class ManagementServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(Runtime& runtime, Logger log, Metrics& metrics, Dispatcher& dispatcher, const Cluster& cluster)
      : runtime_(runtime),
        log_(std::move(log)),
        metrics_(metrics),
        dispatcher_(dispatcher),
        token_(cluster.management_token),
        types_(std::make_shared<const std::map<std::string, InstanceType>>(cluster.instance_types)),
        in_flight_(runtime, metrics),
        limit_(runtime, metrics, cluster.api.max_concurrent_requests, cluster.api.max_queued_requests) {}

  awaitable<ServerResponse> handle(ServerRequest request) {
    const std::string id = request_id(request);
    const auto record = std::make_shared<RequestRecord>(runtime_, log_, in_flight_, request, id);
    ServerResponse response = co_await answer(request);
    if (request.method == "HEAD") response.stream = nullptr;  // nobody would run it
    if (!request.path.starts_with("/metrics")) response.headers.emplace_back("X-Request-Id", id);
    record->answered(response);
    if (response.stream)
      response.stream = [self = shared_from_this(), stream = std::move(response.stream), record](BodyWriter& writer) {
        return send_recorded(stream, record, writer);
      };
    co_return response;
  }

  void note_own_answer(const ServerRequest& request, ServerResponse& response) {
    const std::string id = request_id(request);
    response.headers.emplace_back("X-Request-Id", id);
    RequestRecord(runtime_, log_, in_flight_, request, id).answered(response);
  }

 private:
  awaitable<ServerResponse> answer(const ServerRequest& request) {
    if (!is_open(request.path))
      if (auto refused = authenticate(request)) co_return std::move(*refused);
    const Routed routed = route_request(request.method, request.path);
    switch (routed.kind) {
      case Routed::Kind::found:
        break;
      case Routed::Kind::unknown:
        co_return text_response(404, "404 page not found");
      case Routed::Kind::redirect:
        co_return redirect(request, routed.location);
      case Routed::Kind::options:
      case Routed::Kind::wrong_method: {
        ServerResponse response =
            routed.kind == Routed::Kind::options ? ServerResponse{} : text_response(405, "Method Not Allowed");
        response.headers.emplace_back("Allow", routed.allow);
        co_return response;
      }
    }
    co_return co_await serve(routed.route, request);
  }

  /// Facts §9.1, by path. Nothing if the request may go on.
  std::optional<ServerResponse> authenticate(const ServerRequest& request) const {
    if (request.path.starts_with("/_health/")) {
      switch (check_bearer(request, token_)) {
        case Access::granted:
          return std::nullopt;
        case Access::disabled:
          return text_response(404, "disabled");
        case Access::missing:
          return text_response(401, "authorization required");
        case Access::wrong:
          return text_response(403, "authorization error");
      }
    }
    if (request.path == "/_inspect/requests")
      return check_bearer(request, token_) == Access::granted ? std::nullopt
                                                              : std::optional(error_response(401, "unauthorized"));
    const bool is_metrics = request.path == "/metrics" || request.path == "/metrics.json";
    switch (check_credentials(request, token_)) {
      case Access::granted:
        return std::nullopt;
      case Access::disabled:
        if (is_metrics) return std::nullopt;
        return text_response(403, "Management API authentication is not configured");
      case Access::missing:
        return text_response(401, "Unauthorized");
      case Access::wrong:
        return text_response(403, "Forbidden");
    }
    return text_response(403, "Forbidden");
  }

  static ServerResponse redirect(const ServerRequest& request, const std::string& path) {
    ServerResponse response;
    response.status = request.method == "GET" || request.method == "HEAD" ? 301 : 308;
    response.headers = {{"Location", request.query.empty() ? path : path + '?' + request.query}};
    return response;
  }

  awaitable<ServerResponse> serve(ManagementRoute route, const ServerRequest& request) {
    switch (route) {
      case ManagementRoute::index:
        co_return typed_response("text/html; charset=utf-8", std::string(index_page()));
      case ManagementRoute::openapi:
        co_return typed_response("application/yaml", std::string(openapi_text()));
      case ManagementRoute::health_ping:
        co_return health();
      case ManagementRoute::metrics:
        in_flight_.show_ages();
        co_return typed_response("text/plain; version=0.0.4; charset=utf-8", metrics_.text());
      case ManagementRoute::metrics_json:
        in_flight_.show_ages();
        co_return typed_response("application/json", metrics_.json());
      case ManagementRoute::inspect_requests:
        co_return typed_response("application/json", in_flight_.json());
      default:
        break;
    }
    RequestLimit::Slot slot = co_await limit_.enter();
    if (!slot) co_return overloaded();
    if (!dispatcher_.active()) co_return error_response(404, "this dispatcher is not the active one");
    ServerResponse response = co_await serve_api(route, request);
    if (response.stream)
      response.stream = [stream = std::move(response.stream),
                         held = std::make_shared<RequestLimit::Slot>(std::move(slot))](BodyWriter& writer) {
        return send_in_slot(stream, held, writer);
      };
    co_return response;
  }

  /// The routes of facts §9.2, while this dispatcher is the active one.
  awaitable<ServerResponse> serve_api(ManagementRoute route, const ServerRequest& request) {
    switch (route) {
      case ManagementRoute::containers:
        co_return containers(request);
      case ManagementRoute::container:
        co_return container(request);
      case ManagementRoute::container_kill:
        co_return co_await kill_container(request);
      case ManagementRoute::instances:
        co_return instances();
      default:
        co_return co_await instance_verb(route, request);
    }
  }

  /// As the reference's while active; a standby is healthy too and says what it waits for.
  ServerResponse health() const {
    const auto problem = dispatcher_.pool()->unhealthy();
    std::string body = dispatcher_.active() ? "{" : "{\"detail\":" + quote(dispatcher_.standing()) + ',';
    body += problem ? "\"error\":" + quote(*problem) + ",\"health\":\"ERROR\"}\n" : "\"health\":\"OK\"}\n";
    return typed_response("application/json", std::move(body));
  }

  /// Whole, exactly as the reference; with Berth's own parameters also the counts of a page.
  ServerResponse containers(const ServerRequest& request) const {
    const std::string limit = parameter(request, "limit");
    const std::string offset = parameter(request, "offset");
    const std::string order = parameter(request, "order");
    const auto wanted = parse_page_request(limit, offset, order);
    if (!wanted) return error_response(400, wanted.error().message);
    auto queue = dispatcher_.scheduler()->queue();
    std::string counts;
    if (!(limit + offset + order).empty()) {
      counts = ",\"items_available\":" + std::to_string(queue ? queue->containers.size() : 0) +
               ",\"offset\":" + std::to_string(wanted->offset);
      if (wanted->limit) counts += ",\"limit\":" + std::to_string(*wanted->limit);
    }
    if (!queue) return json_response("{\"items\":null" + counts + "}");
    std::string closing = "]" + counts + "}\n";
    ServerResponse response = json_response("");
    response.body.clear();
    response.stream = [page = select_page(std::move(queue), *wanted), closing, types = types_](BodyWriter& writer) {
      return send_entries(page, "{\"items\":[", closing, types, writer);
    };
    return response;
  }

  ServerResponse container(const ServerRequest& request) const {
    const std::string uuid = parameter(request, "container_uuid");
    if (const auto queue = dispatcher_.scheduler()->queue())
      for (const ScheduledContainer& entry : queue->containers)
        if (entry.entry->container.uuid == uuid) return json_response(container_entry(entry, *types_));
    return error_response(404, "container not found");
  }

  /// Says in the container's record why it is about to end: afterwards the record is closed. It ends all the same if
  /// that fails.
  awaitable<void> explain(std::string uuid, std::string what, std::string reason) {
    const auto queue = dispatcher_.queue();
    const auto said = co_await queue->explain(uuid, what + " by the operator" + (reason.empty() ? "" : ": " + reason));
    if (!said)
      log_.warn("the record does not say why the container ends",
                {{"ContainerUUID", uuid}, {"error", said.error().message}});
  }

  awaitable<ServerResponse> kill_container(const ServerRequest& request) {
    std::string uuid = parameter(request, "container_uuid");
    if (uuid.empty()) co_return error_response(400, "container_uuid parameter not provided");
    const auto pool = dispatcher_.pool();
    std::string reason = parameter(request, "reason");
    if (pool->snapshot()->running.contains(uuid)) co_await explain(uuid, "killed", reason);
    auto killed = co_await pool->kill_container(std::move(uuid), std::move(reason));
    co_return killed ? ServerResponse{} : error_response(404, killed.error().message);
  }

  ServerResponse instances() const {
    const auto pool = dispatcher_.pool()->snapshot();
    if (pool->instances.empty()) return json_response("{\"items\":null}");
    std::vector<const PoolInstance*> sorted;
    for (const PoolInstance& instance : pool->instances) sorted.push_back(&instance);
    std::sort(sorted.begin(), sorted.end(), [](const PoolInstance* a, const PoolInstance* b) {
      return a->id != b->id ? a->id < b->id : a->type < b->type;
    });
    std::string body = "{\"items\":[";
    for (const PoolInstance* instance : sorted) {
      if (body.back() != '[') body += ',';
      body += instance_entry(*instance);
    }
    return json_response(body + "]}");
  }

  awaitable<ServerResponse> instance_verb(ManagementRoute route, const ServerRequest& request) {
    std::string id = parameter(request, "instance_id");
    if (id.empty()) co_return error_response(400, "instance_id parameter not provided");
    const auto pool = dispatcher_.pool();
    Result<void> done;
    switch (route) {
      case ManagementRoute::instance_hold:
        done = co_await pool->set_idle_behavior(std::move(id), IdleBehavior::hold);
        break;
      case ManagementRoute::instance_drain:
        done = co_await pool->set_idle_behavior(std::move(id), IdleBehavior::drain);
        break;
      case ManagementRoute::instance_run:
        done = co_await pool->set_idle_behavior(std::move(id), IdleBehavior::run);
        break;
      default:
        done = co_await kill_instance(std::move(id), parameter(request, "reason"));
        break;
    }
    if (done) co_return ServerResponse{};
    co_return error_response(done.error().kind == ErrorKind::conflict ? 409 : 404, done.error().message);
  }

  awaitable<Result<void>> kill_instance(std::string id, std::string reason) {
    const auto pool = dispatcher_.pool();
    const auto snapshot = pool->snapshot();
    if (const PoolInstance* instance = snapshot->find(id))
      for (const std::string& uuid : instance->containers) co_await explain(uuid, "its instance was killed", reason);
    co_return co_await pool->kill_instance(std::move(id), std::move(reason));
  }

  std::string request_id(const ServerRequest& request) {
    const std::string_view given = find_header(request.headers, "X-Request-Id");
    if (!given.empty() && given.size() <= 200) return std::string(given);
    std::string id = "req-";
    for (int i = 0; i < 20; ++i) id += "0123456789abcdefghijklmnopqrstuvwxyz"[runtime_.random() % 36];
    return id;
  }

  Runtime& runtime_;
  const Logger log_;
  Metrics& metrics_;
  Dispatcher& dispatcher_;
  const std::string token_;
  const std::shared_ptr<const std::map<std::string, InstanceType>> types_;
  RequestsInFlight in_flight_;
  RequestLimit limit_;
};

ManagementServer::ManagementServer(Runtime& runtime, Logger log, Metrics& metrics, Dispatcher& dispatcher,
                                   const Cluster& cluster)
    : impl_(std::make_shared<Impl>(runtime, std::move(log), metrics, dispatcher, cluster)) {}
ManagementServer::~ManagementServer() = default;

RequestHandler ManagementServer::handler() {
  return [impl = impl_](ServerRequest request) { return impl->handle(std::move(request)); };
}

OwnAnswerHook ManagementServer::own_answers() {
  return [impl = impl_](const ServerRequest& request, ServerResponse& response) {
    impl->note_own_answer(request, response);
  };
}

}  // namespace berth
