#include "auth.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

ServerRequest request_with(HttpHeaders headers, std::string query = "") {
  ServerRequest request;
  request.method = "GET";
  request.path = "/arvados/v1/dispatch/containers";
  request.headers = std::move(headers);
  request.query = std::move(query);
  return request;
}

struct Case {
  const char* what;
  HttpHeaders headers;
  std::string query;
  Access expected;
};

TEST(Credentials, EveryFormOfFacts9_1) {
  // dXNlcjpzZXNhbWU= is "user:sesame"; c2VzYW1l is "sesame".
  const Case cases[] = {
      {"nothing", {}, "", Access::missing},
      {"bearer", {{"Authorization", "Bearer sesame"}}, "", Access::granted},
      {"OAuth2", {{"Authorization", "OAuth2 sesame"}}, "", Access::granted},
      {"wrong bearer", {{"Authorization", "Bearer sesam"}}, "", Access::wrong},
      {"longer bearer", {{"Authorization", "Bearer sesame1"}}, "", Access::wrong},
      {"header name in another case", {{"authorization", "Bearer sesame"}}, "", Access::granted},
      {"basic password", {{"Authorization", "Basic dXNlcjpzZXNhbWU="}}, "", Access::granted},
      {"basic without colon", {{"Authorization", "Basic c2VzYW1l"}}, "", Access::wrong},
      {"basic garbage", {{"Authorization", "Basic ***"}}, "", Access::wrong},
      {"query", {}, "api_token=sesame", Access::granted},
      {"query, escaped", {}, "a=1&api_token=%73esame", Access::granted},
      {"wrong query", {}, "api_token=x", Access::wrong},
      {"cookie", {{"Cookie", "a=b; arvados_api_token=c2VzYW1l"}}, "", Access::granted},
      {"wrong cookie, right header",
       {{"Cookie", "arvados_api_token=eA"}, {"Authorization", "Bearer sesame"}},
       "",
       Access::granted},
      {"unknown scheme", {{"Authorization", "Digest sesame"}}, "", Access::missing},
  };
  for (const Case& c : cases)
    EXPECT_EQ(check_credentials(request_with(c.headers, c.query), "sesame"), c.expected) << c.what;
}

TEST(Credentials, AnEmptyManagementTokenDisablesTheApiAndMatchesNothing) {
  EXPECT_EQ(check_credentials(request_with({{"Authorization", "Bearer "}}), ""), Access::disabled);
  EXPECT_EQ(check_bearer(request_with({{"Authorization", "Bearer "}}), ""), Access::disabled);
}

TEST(Bearer, OnlyTheExactHeaderCounts) {
  EXPECT_EQ(check_bearer(request_with({{"Authorization", "Bearer sesame"}}), "sesame"), Access::granted);
  EXPECT_EQ(check_bearer(request_with({{"Authorization", "OAuth2 sesame"}}), "sesame"), Access::wrong);
  EXPECT_EQ(check_bearer(request_with({}, "api_token=sesame"), "sesame"), Access::missing);
}

}  // namespace
}  // namespace berth
