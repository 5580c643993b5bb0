#pragma once

#include <cstdlib>
#include <filesystem>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include <nlohmann/json.hpp>

#include "berth/standalone/server.hpp"

#include "sim_test.hpp"

namespace berth {

/// A directory that is gone at the end.
class TemporaryDir {
 public:
  TemporaryDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "berth-test-XXXXXX").string();
    if (::mkdtemp(pattern.data())) path_ = pattern;
  }
  ~TemporaryDir() { std::filesystem::remove_all(path_); }
  TemporaryDir(const TemporaryDir&) = delete;
  TemporaryDir& operator=(const TemporaryDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

inline const std::string kToken = "0123456789abcdefghijABCDEFGHIJ0123456789";

inline StandaloneOptions test_options(const std::string& dir) {
  StandaloneOptions options;
  options.data_dir = dir;
  options.cluster_id = "zzzzz";
  options.root_token = kToken;
  options.max_dispatch_attempts = 3;
  return options;
}

/// Splits a target as the HTTP server does.
inline ServerRequest make_request(const std::string& method, const std::string& target, std::string body = {}) {
  ServerRequest request;
  request.method = method;
  request.target = target;
  const auto mark = target.find('?');
  request.path = form_decode(target.substr(0, mark)).value();
  if (mark != std::string::npos) request.query = target.substr(mark + 1);
  request.body = std::move(body);
  request.host = "api.example:1234";
  request.headers = {{"Authorization", "Bearer " + kToken}};
  if (!request.body.empty()) request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  return request;
}

/// The API in a directory of its own, called without sockets, in simulated time.
class ApiTest : public ::testing::Test {
 protected:
  using Json = nlohmann::json;
  struct Reply {
    int status = 0;
    std::string text;
    Json body;
    std::string error() const { return body.contains("errors") ? body["errors"][0].get<std::string>() : ""; }
  };

  ApiTest() { open(); }
  ~ApiTest() override { close(); }

  void open() {
    auto api = run_on(runtime_, StandaloneApi::open(runtime_, Logger(), test_options(dir_.path())));
    ASSERT_TRUE(api) << api.error().message;
    api_ = std::move(*api);
  }
  void close() {
    if (api_) run_on(runtime_, api_->close());
    api_.reset();
  }

  ServerResponse send(ServerRequest request) { return run_on(runtime_, api_->handler()(std::move(request))); }
  Reply reply_to(ServerRequest request) {
    const ServerResponse response = send(std::move(request));
    return {response.status, response.body, Json::parse(response.body, nullptr, false)};
  }
  Reply get(const std::string& target) { return reply_to(make_request("GET", target)); }
  Reply post(const std::string& target, std::string body = {}) {
    return reply_to(make_request("POST", target, std::move(body)));
  }
  Reply list(const std::string& collection, const std::string& filters, const std::string& more = "") {
    return get("/arvados/v1/" + collection + "?filters=" + form_encode(filters) + more);
  }

  Reply create(const Json& attributes) {
    return post("/arvados/v1/container_requests", "container_request=" + form_encode(attributes.dump()));
  }
  /// Commits a request for `true` and answers it.
  Json submit(Json attributes = Json::object()) {
    attributes.update({{"state", "Committed"}, {"command", {"true"}}});
    const Reply reply = create(attributes);
    EXPECT_EQ(reply.status, 200) << reply.text;
    return reply.body;
  }
  Reply update(const std::string& collection, const std::string& uuid, const Json& attributes) {
    const std::string name = collection.substr(0, collection.size() - 1);
    return reply_to(
        make_request("PUT", "/arvados/v1/" + collection + '/' + uuid, name + '=' + form_encode(attributes.dump())));
  }
  Reply update_container(const std::string& uuid, const Json& attributes) {
    return update("containers", uuid, attributes);
  }
  Reply update_request(const std::string& uuid, const Json& attributes) {
    return update("container_requests", uuid, attributes);
  }
  Json container(const std::string& uuid) { return get("/arvados/v1/containers/" + uuid).body; }
  Json request(const std::string& uuid) { return get("/arvados/v1/container_requests/" + uuid).body; }
  Reply lock(const std::string& uuid) { return post("/arvados/v1/containers/" + uuid + "/lock"); }
  Reply unlock(const std::string& uuid) { return post("/arvados/v1/containers/" + uuid + "/unlock"); }

  TemporaryDir dir_;
  SimRuntime runtime_;
  std::unique_ptr<StandaloneApi> api_;
};

}  // namespace berth
