#include "bed_driver.hpp"

#include <cstdlib>

#include <nlohmann/json.hpp>

#include "berth/net/http_client.hpp"

namespace berth {
namespace {

using nlohmann::json;

/// Asks the bed's cloud.
class BedClient {
 public:
  BedClient(Runtime& runtime, std::string url)
      : http_(runtime, HttpClientOptions{.use_proxy_environment = false}), url_(std::move(url)) {}

  awaitable<Result<json>> ask(std::string verb, json request) {
    HttpRequest call;
    call.method = "POST";
    call.url = url_ + "/" + verb;
    call.body = request.dump();
    const auto response = co_await http_.perform(std::move(call));
    if (!response) co_return fail(response.error().within("the bed's cloud"));
    auto answer = json::parse(response->body, nullptr, false);
    if (!answer.is_object()) co_return fail(ErrorKind::undecodable, "the bed's cloud answered no JSON object");
    const auto error = answer.find("error");
    if (error != answer.end()) co_return fail(kind_of(error->at("kind")), error->at("message"));
    co_return answer;
  }

 private:
  static ErrorKind kind_of(const std::string& name) {
    for (const auto kind : {ErrorKind::quota, ErrorKind::capacity, ErrorKind::not_found, ErrorKind::network})
      if (to_string(kind) == name) return kind;
    return ErrorKind::failed;
  }

  HttpClient http_;
  const std::string url_;
};

class BedInstance final : public Instance {
 public:
  BedInstance(std::shared_ptr<BedClient> client, const json& record)
      : client_(std::move(client)),
        id_(record.at("id")),
        provider_type_(record.at("provider_type")),
        address_(record.at("address")),
        user_(record.at("user")),
        host_key_(record.at("host_key")),
        tags_(record.at("tags").get<InstanceTags>()) {}

  const std::string& id() const override { return id_; }
  const std::string& provider_type() const override { return provider_type_; }
  const std::string& address() const override { return address_; }
  const std::string& remote_user() const override { return user_; }
  const InstanceTags& tags() const override { return tags_; }
  std::vector<InstancePrice> price_history(const InstanceType& /*type*/) const override { return {}; }
  awaitable<Result<void>> set_tags(InstanceTags tags) override { return tell("tags", {{"id", id_}, {"tags", tags}}); }
  awaitable<Result<void>> destroy() override { return tell("destroy", {{"id", id_}}); }
  awaitable<Result<HostKeyVerdict>> verify_host_key(std::string key) override {
    if (host_key_.empty()) co_return HostKeyVerdict::not_implemented;
    co_return key == host_key_ ? HostKeyVerdict::ok : HostKeyVerdict::mismatch;
  }
  const std::map<std::string, std::string>* local_environment() const override { return nullptr; }

 private:
  awaitable<Result<void>> tell(std::string verb, json request) {
    const auto client = client_;
    const auto answer = co_await client->ask(std::move(verb), std::move(request));
    if (!answer) co_return fail(answer.error());
    co_return Result<void>{};
  }

  const std::shared_ptr<BedClient> client_;
  const std::string id_, provider_type_, address_, user_, host_key_;
  const InstanceTags tags_;
};

class BedSet final : public InstanceSet {
 public:
  explicit BedSet(std::shared_ptr<BedClient> client) : client_(std::move(client)) {}

  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    json call{{"type", request.type.provider_type},
              {"tags", request.tags},
              {"init_command", request.init_command},
              {"public_key", request.public_key}};
    const auto answer = co_await client_->ask("create", std::move(call));
    if (!answer) co_return fail(answer.error());
    co_return std::make_shared<BedInstance>(client_, answer->at("instance"));
  }
  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags /*filter*/) override {
    const auto answer = co_await client_->ask("list", json::object());
    if (!answer) co_return fail(answer.error());
    std::vector<std::shared_ptr<Instance>> found;
    for (const auto& record : answer->at("instances")) found.push_back(std::make_shared<BedInstance>(client_, record));
    co_return found;
  }
  std::string quota_group(const InstanceType& /*type*/) const override { return {}; }
  awaitable<void> stop() override { co_return; }

 private:
  const std::shared_ptr<BedClient> client_;
};

}  // namespace

Result<std::unique_ptr<InstanceSet>> make_bed_set(const DriverContext& context) {
  const char* url = std::getenv("BERTH_BED");
  if (url == nullptr) return fail(ErrorKind::invalid, "$BERTH_BED: not set");
  return std::make_unique<BedSet>(std::make_shared<BedClient>(context.runtime, url));
}

}  // namespace berth
