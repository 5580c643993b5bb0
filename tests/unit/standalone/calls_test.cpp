#include <string>

#include "api_fixture.hpp"

namespace berth {
namespace {

using Calls = ApiTest;

TEST_F(Calls, WithoutTheTokenNothing) {
  for (const char* header : {"", "Bearer wrong", "Basic x", "Bearer ", "bearer x"}) {
    ServerRequest request = make_request("GET", "/arvados/v1/containers");
    request.headers = {{"Authorization", header}};
    if (!*header) request.headers.clear();
    const Reply reply = reply_to(std::move(request));
    EXPECT_EQ(reply.status, 401) << header;
    EXPECT_EQ(reply.error().find("not logged in"), 0u);
  }
  ServerRequest legacy = make_request("GET", "/arvados/v1/containers");
  legacy.headers = {{"authorization", "OAuth2 " + kToken}};
  EXPECT_EQ(reply_to(std::move(legacy)).status, 200);
  ServerRequest parameter = make_request("GET", "/arvados/v1/containers?api_token=" + kToken);
  parameter.headers.clear();
  EXPECT_EQ(reply_to(std::move(parameter)).status, 200);
}

TEST_F(Calls, CurrentUserAndToken) {
  EXPECT_EQ(get("/arvados/v1/api_client_authorizations/current").body["uuid"], "zzzzz-gj3su-000000000000000");
  EXPECT_EQ(get("/arvados/v1/users/current").body["is_admin"], true);
  EXPECT_EQ(get("/arvados/v1/users/current").text.find(kToken), std::string::npos);
}

TEST_F(Calls, DiscoveryNeedsNoToken) {
  ServerRequest request = make_request("GET", "/discovery/v1/apis/arvados/v1/rest");
  request.headers.clear();
  request.tls = true;
  const Reply reply = reply_to(std::move(request));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body["rootUrl"], "https://api.example:1234/");
  EXPECT_EQ(reply.body["resources"]["containers"]["methods"]["lock"]["path"], "containers/{uuid}/lock");
  EXPECT_EQ(get("/arvados/v1/config").body["ClusterID"], "zzzzz");
}

TEST_F(Calls, UnknownPathsAndMethods) {
  const struct {
    const char* method;
    const char* target;
    int status;
  } cases[] = {
      {"GET", "/", 404},
      {"GET", "/arvados/v1/collections", 404},
      {"GET", "/arvados/v1/containers/zzzzz-dz642-000000000000000", 404},
      {"GET", "/arvados/v1/containers/zzzzz-xvhdp-000000000000000", 404},
      {"GET", "/arvados/v1/containers/../../etc/passwd", 404},
      {"GET", "/berth/v1/containers/..%2F..%2Fqueue/log", 404},
      {"GET", "/berth/v1/containers/zzzzz-dz642-000000000000000/log", 404},
      {"POST", "/berth/v1/containers/zzzzz-dz642-000000000000000/log", 404},
      {"POST", "/arvados/v1/containers", 405},
      {"DELETE", "/arvados/v1/containers/zzzzz-dz642-000000000000000", 405},
      {"GET", "/arvados/v1/containers/zzzzz-dz642-000000000000000/lock", 405},
      {"POST", "/arvados/v1/containers/zzzzz-dz642-000000000000000/explode", 404},
      {"POST", "/arvados/v1/users/current", 405},
      {"PUT", "/arvados/v1/containers/zzzzz-dz642-000000000000000", 422},
  };
  for (const auto& c : cases) {
    const Reply reply = reply_to(make_request(c.method, c.target));
    EXPECT_EQ(reply.status, c.status) << c.method << ' ' << c.target << ' ' << reply.text;
    EXPECT_FALSE(reply.error().empty()) << c.target;
  }
}

TEST_F(Calls, MalformedBodies) {
  const std::string deep = std::string(100'000, '[');
  for (const std::string& body :
       {std::string("container_request={"), std::string("container_request=[]"), std::string("container_request=x"),
        std::string("container_request=%zz"), std::string("%"), std::string("{"), std::string("{\"a\":}"),
        "container_request=" + deep, "{\"container_request\":" + deep, std::string("\xff\xfe\x00\x01", 4),
        std::string("container_request={\"name\":\"\xff\"}"), std::string("a=1"), std::string("[1]")}) {
    const Reply reply = post("/arvados/v1/container_requests", body);
    EXPECT_EQ(reply.status, 422) << body.substr(0, 60);
    EXPECT_FALSE(reply.error().empty());
  }
}

TEST_F(Calls, LargeBodies) {
  const auto record = [](const std::string& properties) {
    return "{\"container_request\":{\"properties\":" + properties + "}}";
  };
  const auto repeated = [](const std::string& item, std::size_t count) {
    std::string text = "{\"a\":[" + item;
    for (std::size_t i = 1; i < count; ++i) text += ',' + item;
    return text + "]}";
  };
  const std::string long_text = '"' + std::string(1000, 'x') + '"';
  struct {
    const char* what;
    std::string body;
    int status;
    const char* words;
  } const cases[] = {
      {"a large record", record(repeated(long_text, 1000)), 200, ""},
      {"many values", record(repeated("0", 90'000)), 200, ""},
      {"too many values", record(repeated("0", 110'000)), 422, "body: JSON: more than 100000 values"},
      {"too large an attribute", record(repeated(long_text, 1100)), 422, "properties: larger than 1048576 bytes"},
      {"too large in all", record(repeated(long_text, 4000)), 413, "body: larger than 1228800 bytes"},
      {"too large and no JSON", '{' + std::string(4'000'000, '['), 413, "body: larger than"},
      {"too large a parameter", "container_request=" + form_encode(repeated(long_text, 1300)), 413,
       "container_request: larger than"},
  };
  for (const auto& c : cases) {
    const Reply reply = post("/arvados/v1/container_requests", c.body);
    EXPECT_EQ(reply.status, c.status) << c.what << reply.text.substr(0, 200);
    EXPECT_EQ(reply.error().substr(0, std::string(c.words).size()), c.words) << c.what;
  }
  EXPECT_EQ(post("/arvados/v1/config", std::string(2'000'000, '[')).status, 413) << "needs no token";
}

TEST_F(Calls, AJsonBodyGoesBeforeTheQuery) {
  const std::string uuid = submit()["container_uuid"];
  const std::string target = "/arvados/v1/containers/" + uuid + "?select=" + form_encode(R"(["uuid"])");
  const auto keys = [&](std::string body) {
    ServerRequest request = make_request("PUT", target, std::move(body));
    request.headers.back().second = "application/json";
    const Reply reply = reply_to(std::move(request));
    EXPECT_EQ(reply.status, 200) << reply.text;
    return reply.body.contains("uuid");
  };
  EXPECT_TRUE(keys(R"({"container":{}})"));
  EXPECT_TRUE(keys(R"({"container":{},"select":null})"));
  EXPECT_FALSE(keys(R"({"container":{},"select":["state"]})"));
  EXPECT_FALSE(keys(R"({"priority":3,"select":["state"]})")) << "the body is the attributes";
}

TEST_F(Calls, LongGetsComeAsPosts) {
  const std::string uuid = submit()["container_uuid"];
  ServerRequest request = make_request("POST", "/arvados/v1/containers",
                                       "filters=" + form_encode(R"([["uuid","in",[")" + uuid + R"("]]])"));
  request.headers.emplace_back("X-Http-Method-Override", "GET");
  const Reply reply = reply_to(std::move(request));
  EXPECT_EQ(reply.status, 200) << reply.text;
  EXPECT_EQ(reply.body["items"][0]["uuid"], uuid);
}

TEST_F(Calls, SelectTakesFields) {
  const std::string uuid = submit()["container_uuid"];
  const Reply reply = get("/arvados/v1/containers/" + uuid + "?select=" + form_encode(R"(["state","mounts"])"));
  EXPECT_EQ(reply.body,
            Json({{"state", "Queued"}, {"mounts", Json::object()}, {"etag", ""}, {"kind", "arvados#container"}}));
  EXPECT_EQ(get("/arvados/v1/containers/" + uuid + "?select=" + form_encode(R"(["secret"])")).status, 422);
}

}  // namespace
}  // namespace berth
