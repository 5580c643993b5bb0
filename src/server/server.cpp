#include "berth/server/server.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>
#include <prometheus/summary.h>

#include "berth/base/units.hpp"

#include "auth.hpp"
#include "entries.hpp"
#include "routes.hpp"

namespace berth {
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

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

/// Parameters come in the query or in a form body; the body wins (facts §9.1).
std::string parameter(const ServerRequest& request, std::string_view name) {
  for (const std::string_view source : {std::string_view(request.body), std::string_view(request.query)})
    if (const auto form = parse_form(source))
      for (const auto& [key, value] : *form)
        if (key == name) return value;
  return {};
}

/// The query with the value of `api_token` taken out, for logs.
std::string masked_query(const std::string& query) {
  std::string out;
  std::string_view rest = query;
  while (!rest.empty()) {
    const auto end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(end == rest.npos ? rest.size() : end + 1);
    if (!out.empty()) out += '&';
    out += pair.starts_with("api_token=") ? std::string_view("api_token=…") : pair;
  }
  return out;
}

std::string_view status_name(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 301:
      return "Moved Permanently";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    default:
      return "";
  }
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
        types_(cluster.instance_types) {}

  awaitable<ServerResponse> handle(ServerRequest request) {
    const SteadyTime begin = runtime_.now();
    const std::string id = request_id(request);
    log_request("request", request, id, nullptr, {});
    const std::uint64_t ticket = enter(request, id, begin);
    ServerResponse response = co_await answer(request);
    leave(ticket);
    const Duration took = runtime_.now() - begin;
    if (!request.path.starts_with("/metrics")) response.headers.emplace_back("X-Request-Id", id);
    log_request("response", request, id, &response, took);
    observe(request, response, took);
    co_return response;
  }

 private:
  struct InFlight {
    std::string id, method, host, url, remote, forwarded;
    SteadyTime begin;
  };

  awaitable<ServerResponse> answer(const ServerRequest& request) {
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
      case ManagementRoute::health_ping:
        co_return health();
      case ManagementRoute::metrics:
        co_return typed_response("text/plain; version=0.0.4; charset=utf-8", metrics_.text());
      case ManagementRoute::metrics_json:
        co_return typed_response("application/json", metrics_.json());
      case ManagementRoute::inspect_requests:
        co_return inspect();
      default:
        break;
    }
    if (!dispatcher_.active()) co_return error_response(404, "this dispatcher is not the active one");
    switch (route) {
      case ManagementRoute::containers:
        co_return containers();
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

  ServerResponse health() const {
    const auto problem = dispatcher_.pool().unhealthy();
    return typed_response("application/json", problem ? "{\"error\":" + quote(*problem) + ",\"health\":\"ERROR\"}\n"
                                                      : std::string("{\"health\":\"OK\"}\n"));
  }

  ServerResponse containers() const {
    const auto queue = dispatcher_.scheduler().queue();
    if (!queue) return json_response("{\"items\":null}");
    std::string body = "{\"items\":[";
    for (const ScheduledContainer& entry : queue->containers) {
      if (body.back() != '[') body += ',';
      body += container_entry(entry, types_);
    }
    return json_response(body + "]}");
  }

  ServerResponse container(const ServerRequest& request) const {
    const std::string uuid = parameter(request, "container_uuid");
    if (const auto queue = dispatcher_.scheduler().queue())
      for (const ScheduledContainer& entry : queue->containers)
        if (entry.entry->container.uuid == uuid) return json_response(container_entry(entry, types_));
    return error_response(404, "container not found");
  }

  awaitable<ServerResponse> kill_container(const ServerRequest& request) {
    std::string uuid = parameter(request, "container_uuid");
    if (uuid.empty()) co_return error_response(400, "container_uuid parameter not provided");
    std::string reason = parameter(request, "reason");
    // Said before it happens: afterwards the record is closed. It ends all the same if that fails.
    if (dispatcher_.pool().snapshot()->running.contains(uuid))
      (void)co_await dispatcher_.queue().explain(uuid,
                                                 "killed by the operator" + (reason.empty() ? "" : ": " + reason));
    auto killed = co_await dispatcher_.pool().kill_container(std::move(uuid), std::move(reason));
    co_return killed ? ServerResponse{} : error_response(404, killed.error().message);
  }

  ServerResponse instances() const {
    const auto pool = dispatcher_.pool().snapshot();
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
    WorkerPool& pool = dispatcher_.pool();
    Result<void> done;
    switch (route) {
      case ManagementRoute::instance_hold:
        done = co_await pool.set_idle_behavior(std::move(id), IdleBehavior::hold);
        break;
      case ManagementRoute::instance_drain:
        done = co_await pool.set_idle_behavior(std::move(id), IdleBehavior::drain);
        break;
      case ManagementRoute::instance_run:
        done = co_await pool.set_idle_behavior(std::move(id), IdleBehavior::run);
        break;
      default:
        done = co_await pool.kill_instance(std::move(id), parameter(request, "reason"));
        break;
    }
    co_return done ? ServerResponse{} : error_response(404, done.error().message);
  }

  ServerResponse inspect() {
    const SteadyTime now = runtime_.now();
    std::vector<InFlight> requests;
    {
      const std::lock_guard lock(mutex_);
      for (const auto& [ticket, request] : in_flight_) requests.push_back(request);
    }
    std::sort(requests.begin(), requests.end(), [](const auto& a, const auto& b) { return a.begin > b.begin; });
    std::string body = "[";
    for (const InFlight& r : requests) {
      if (body.back() != '[') body += ',';
      body += "{\"RequestID\":" + quote(r.id) + ",\"Method\":" + quote(r.method) + ",\"Host\":" + quote(r.host) +
              ",\"URL\":" + quote(r.url) + ",\"RemoteAddr\":" + quote(r.remote) +
              ",\"XForwardedFor\":" + quote(r.forwarded) + ",\"Elapsed\":" + std::to_string(seconds(now - r.begin)) +
              '}';
    }
    return typed_response("application/json", body + "]\n");
  }

  std::string request_id(const ServerRequest& request) {
    const std::string_view given = find_header(request.headers, "X-Request-Id");
    if (!given.empty() && given.size() <= 200) return std::string(given);
    std::string id = "req-";
    for (int i = 0; i < 20; ++i) id += "0123456789abcdefghijklmnopqrstuvwxyz"[runtime_.random() % 36];
    return id;
  }

  std::uint64_t enter(const ServerRequest& request, const std::string& id, SteadyTime begin) {
    const std::string query = masked_query(request.query);
    InFlight entry{id,
                   request.method,
                   request.host,
                   query.empty() ? request.path : request.path + '?' + query,
                   request.remote_address,
                   std::string(find_header(request.headers, "X-Forwarded-For")),
                   begin};
    const std::lock_guard lock(mutex_);
    in_flight_.emplace(++tickets_, std::move(entry));
    return tickets_;
  }
  void leave(std::uint64_t ticket) {
    const std::lock_guard lock(mutex_);
    in_flight_.erase(ticket);
  }

  void log_request(std::string_view event, const ServerRequest& request, const std::string& id,
                   const ServerResponse* response, Duration took) const {
    if (!log_.enabled(LogLevel::info)) return;
    const std::string query = masked_query(request.query);
    const Logger log = log_.with({{"RequestID", id},
                                  {"remoteAddr", request.remote_address},
                                  {"reqForwardedFor", find_header(request.headers, "X-Forwarded-For")},
                                  {"reqMethod", request.method},
                                  {"reqHost", request.host},
                                  {"reqPath", std::string_view(request.path).substr(1)},
                                  {"reqQuery", query},
                                  {"reqBytes", request.body.size()}});
    if (!response) return log.info(event);
    const double time = seconds(took);
    const Logger with_status = log.with({{"respStatusCode", response->status},
                                         {"respStatus", status_name(response->status)},
                                         {"respBytes", response->body.size()},
                                         {"timeToStatus", time},
                                         {"timeTotal", time},
                                         {"timeWriteBody", 0.0}});
    if (response->status < 400) return with_status.info(event);
    with_status.info(event, {{"respBody", response->body}});
  }

  void observe(const ServerRequest& request, const ServerResponse& response, Duration took) {
    static constexpr std::string_view known[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"};
    std::string method = "other";
    for (const std::string_view name : known)
      if (request.method == name) {
        method.clear();
        for (const char c : name) method += static_cast<char>(c - 'A' + 'a');
      }
    const MetricLabels labels{{"code", std::to_string(response.status)}, {"method", method}};
    metrics_.plain_summary("request_duration_seconds", "Time from request to end of response.", labels)
        .Observe(seconds(took));
    metrics_.plain_summary("time_to_status_seconds", "Time from request to status line.", labels)
        .Observe(seconds(took));
  }

  Runtime& runtime_;
  const Logger log_;
  Metrics& metrics_;
  Dispatcher& dispatcher_;
  const std::string token_;
  const std::map<std::string, InstanceType> types_;
  std::mutex mutex_;  // guards what follows
  std::uint64_t tickets_ = 0;
  std::map<std::uint64_t, InFlight> in_flight_;
};

ManagementServer::ManagementServer(Runtime& runtime, Logger log, Metrics& metrics, Dispatcher& dispatcher,
                                   const Cluster& cluster)
    : impl_(std::make_shared<Impl>(runtime, std::move(log), metrics, dispatcher, cluster)) {}
ManagementServer::~ManagementServer() = default;

RequestHandler ManagementServer::handler() {
  return [impl = impl_](ServerRequest request) { return impl->handle(std::move(request)); };
}

}  // namespace berth
