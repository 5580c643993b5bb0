#include <map>
#include <mutex>
#include <utility>

#include <nlohmann/json.hpp>

#include "berth/base/deadline.hpp"

#include "answer.hpp"
#include "call_slots.hpp"
#include "request.hpp"
#include "rest_client.hpp"

namespace berth {

namespace {

using Json = nlohmann::json;

std::string json_text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

enum class CallKind { reads, changes, extra };

CallKind kind_of(const ApiCall& call) {
  if (call.extra) return CallKind::extra;
  return call.method == "GET" ? CallKind::reads : CallKind::changes;
}

class RestClient final : public ContainerApi {
 public:
  RestClient(Runtime& runtime, Logger log, HttpTransport transport, ArvadosClientOptions options)
      : runtime_(runtime),
        log_(std::move(log)),
        transport_(std::move(transport)),
        options_(std::move(options)),
        slots_(std::make_shared<CallSlots>(runtime, options_.max_concurrency)) {}

  awaitable<Result<std::string>> current_token_uuid() override;
  awaitable<Result<std::vector<Container>>> list_containers(ContainerQuery query) override;
  awaitable<Result<std::vector<ModifiedRecord>>> list_modified(ModifiedQuery query) override;
  awaitable<Result<FinishedPage>> list_finished(FinishedQuery query) override;
  awaitable<Result<std::map<std::string, Mount>>> get_mounts(std::string uuid) override;
  awaitable<Result<ContainerUpdate>> lock(std::string uuid) override;
  awaitable<Result<ContainerUpdate>> unlock(std::string uuid) override;
  awaitable<Result<ContainerUpdate>> cancel(std::string uuid) override;
  awaitable<Result<void>> set_runtime_error(std::string uuid, std::string text) override;
  awaitable<Result<ContainerState>> get_state(std::string uuid) override;
  std::optional<SteadyTime> last_503() const override;

 private:
  /// The call's body, decoded; every error says which call it was.
  template <class T>
  awaitable<Result<T>> call(ApiCall call, Result<T> (*decode)(std::string_view));
  awaitable<Result<std::string>> perform(ApiCall call);
  awaitable<Result<HttpResponse>> transfer(HttpRequest request, CallKind kind);
  /// The error as the caller gets it: named, without the token.
  Error named(const ApiCall& call, const Error& error) const;
  std::string without_token(std::string text) const;
  void note_503();
  /// Once per container, unless what is wrong changes.
  void complain(const std::vector<Container>& containers);

  Runtime& runtime_;
  const Logger log_;
  const HttpTransport transport_;
  const ArvadosClientOptions options_;
  const std::shared_ptr<CallSlots> slots_;
  mutable std::mutex mutex_;
  std::optional<SteadyTime> last_503_;
  std::map<std::string, std::string> complained_;  // what was wrong with which container
};

Result<ApiCall> container_call(std::string method, const std::string& uuid, std::string_view verb = "") {
  if (!is_container_uuid(uuid)) return fail(ErrorKind::invalid, "not the uuid of a container");
  ApiCall call;
  call.method = std::move(method);
  call.path = "arvados/v1/containers/" + uuid + std::string(verb);
  return call;
}

Result<void> ignore_body(std::string_view) {
  return {};
}

template <class T>
awaitable<Result<T>> RestClient::call(ApiCall call, Result<T> (*decode)(std::string_view)) {
  auto body = co_await perform(call);
  if (!body) co_return fail(named(call, body.error()));
  auto decoded = decode(*body);
  if (!decoded) co_return fail(named(call, decoded.error()));
  co_return decoded;
}

awaitable<Result<std::string>> RestClient::perform(ApiCall call) {
  HttpRequest request = make_request(options_.base_url, call);
  request.headers.emplace_back("Authorization", "Bearer " + options_.token);
  const std::string id = make_request_id(runtime_);
  request.headers.emplace_back("X-Request-Id", id);
  request.deadline = options_.call_deadline;
  log_.log(LogLevel::trace, "API call", {{"Method", call.method}, {"Path", call.path}, {"RequestID", id}});
  auto response = co_await with_deadline(runtime_, options_.call_deadline, transfer(std::move(request), kind_of(call)));
  if (!response) co_return fail(response.error());
  co_return body_of(std::move(*response));
}

awaitable<Result<HttpResponse>> RestClient::transfer(HttpRequest request, CallKind kind) {
  CallSlots::Slot slot = co_await slots_->acquire();
  if (kind == CallKind::changes && options_.may_act && !options_.may_act())
    co_return fail(ErrorKind::unavailable, "this dispatcher is not the active one");
  auto response = co_await transport_(std::move(request));
  CallOutcome outcome = outcome_of(response);
  if (kind == CallKind::extra && outcome == CallOutcome::overloaded) outcome = CallOutcome::other;
  if (outcome == CallOutcome::overloaded) note_503();
  slot.finish(outcome);
  co_return response;
}

Error RestClient::named(const ApiCall& call, const Error& error) const {
  // The HTTP client has named the request already, with its whole URL.
  const bool is_named = error.message.starts_with(call.method + ' ');
  Error out = is_named ? error : error.within(call.method + " " + call.path);
  out.message = without_token(std::move(out.message));
  return out;
}

std::string RestClient::without_token(std::string text) const {
  const std::string& token = options_.token;
  for (std::size_t at = 0; !token.empty() && (at = text.find(token, at)) != std::string::npos;)
    text.replace(at, token.size(), "(token)");
  return text;
}

void RestClient::note_503() {
  const std::lock_guard lock(mutex_);
  last_503_ = runtime_.now();
}

std::optional<SteadyTime> RestClient::last_503() const {
  const std::lock_guard lock(mutex_);
  return last_503_;
}

awaitable<Result<std::string>> RestClient::current_token_uuid() {
  ApiCall request;
  request.path = "arvados/v1/api_client_authorizations/current";
  return call(std::move(request), token_uuid_of);
}

awaitable<Result<std::vector<Container>>> RestClient::list_containers(ContainerQuery query) {
  ApiCall request;
  request.path = "arvados/v1/containers";
  request.parameters = list_parameters(query);
  auto containers = co_await call(std::move(request), containers_of);
  if (containers) complain(*containers);
  co_return containers;
}

void RestClient::complain(const std::vector<Container>& containers) {
  constexpr std::size_t kMostRemembered = 10'000;
  const std::lock_guard lock(mutex_);
  for (const Container& container : containers) {
    if (container.unreadable.empty()) continue;
    if (complained_.size() >= kMostRemembered) complained_.clear();
    std::string& known = complained_[container.uuid];
    if (known == container.unreadable) continue;
    known = container.unreadable;
    log_.error("a container's record cannot be read: it is left alone",
               {{"ContainerUUID", container.uuid}, {"error", without_token(known)}});
  }
}

awaitable<Result<std::vector<ModifiedRecord>>> RestClient::list_modified(ModifiedQuery query) {
  ApiCall request;
  request.path = query.of == ModifiedQuery::Of::containers ? "arvados/v1/containers" : "arvados/v1/container_requests";
  request.parameters = list_parameters(query);
  auto records = co_await call(request, modified_of);
  if (!records) co_return records;
  if (auto asked = check_asked(query, *records); !asked) co_return fail(named(request, asked.error()));
  co_return records;
}

awaitable<Result<FinishedPage>> RestClient::list_finished(FinishedQuery query) {
  ApiCall request;
  request.extra = true;
  request.path = "arvados/v1/containers";
  request.parameters = list_parameters(query);
  return call(std::move(request), finished_of);
}

awaitable<Result<std::map<std::string, Mount>>> RestClient::get_mounts(std::string uuid) {
  auto request = container_call("GET", uuid);
  if (!request) co_return fail(request.error());
  request->parameters.emplace_back("select", R"(["mounts"])");
  co_return co_await call(std::move(*request), mounts_of);
}

awaitable<Result<ContainerUpdate>> RestClient::lock(std::string uuid) {
  auto request = container_call("POST", uuid, "/lock");
  if (!request) co_return fail(request.error());
  co_return co_await call(std::move(*request), update_of);
}

awaitable<Result<ContainerUpdate>> RestClient::unlock(std::string uuid) {
  auto request = container_call("POST", uuid, "/unlock");
  if (!request) co_return fail(request.error());
  co_return co_await call(std::move(*request), update_of);
}

awaitable<Result<ContainerUpdate>> RestClient::cancel(std::string uuid) {
  auto request = container_call("PUT", uuid);
  if (!request) co_return fail(request.error());
  request->parameters.emplace_back("container", R"({"state":"Cancelled"})");
  co_return co_await call(std::move(*request), update_of);
}

awaitable<Result<void>> RestClient::set_runtime_error(std::string uuid, std::string text) {
  auto request = container_call("PUT", uuid);
  if (!request) co_return fail(request.error());
  Json container;
  container["runtime_status"]["error"] = std::move(text);
  request->parameters.emplace_back("container", json_text(container));
  request->parameters.emplace_back("select", R"(["uuid"])");
  co_return co_await call(std::move(*request), ignore_body);
}

awaitable<Result<ContainerState>> RestClient::get_state(std::string uuid) {
  auto request = container_call("GET", uuid);
  if (!request) co_return fail(request.error());
  request->parameters.emplace_back("select", R"(["state"])");
  co_return co_await call(std::move(*request), state_of);
}

}  // namespace

std::unique_ptr<ContainerApi> make_rest_client(Runtime& runtime, Logger log, HttpTransport transport,
                                               ArvadosClientOptions options) {
  return std::make_unique<RestClient>(runtime, std::move(log), std::move(transport), std::move(options));
}

std::unique_ptr<ContainerApi> make_arvados_client(Runtime& runtime, Logger log, HttpClient& http,
                                                  ArvadosClientOptions options) {
  HttpTransport transport = [&http](HttpRequest request) { return http.perform(std::move(request)); };
  return make_rest_client(runtime, std::move(log), std::move(transport), std::move(options));
}

}  // namespace berth
