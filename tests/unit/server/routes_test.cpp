#include "routes.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

using Kind = Routed::Kind;

TEST(Routes, MethodsAndPaths) {
  struct Case {
    const char* method;
    const char* path;
    Kind kind;
    const char* detail;  // location of a redirect, Allow of a wrong method
  };
  const Case cases[] = {
      {"GET", "/arvados/v1/dispatch/containers", Kind::found, ""},
      {"HEAD", "/metrics", Kind::found, ""},
      {"POST", "/arvados/v1/dispatch/instances/hold", Kind::found, ""},
      {"GET", "/arvados/v1/dispatch/instances/hold", Kind::wrong_method, "OPTIONS, POST"},
      {"POST", "/arvados/v1/dispatch/instances", Kind::wrong_method, "GET, HEAD, OPTIONS"},
      {"OPTIONS", "/arvados/v1/dispatch/instances", Kind::options, "GET, HEAD, OPTIONS"},
      {"GET", "//arvados/v1/dispatch/instances", Kind::redirect, "/arvados/v1/dispatch/instances"},
      {"GET", "/arvados/v1/dispatch/instances/", Kind::redirect, "/arvados/v1/dispatch/instances"},
      {"GET", "/arvados/v1/Dispatch/Instances", Kind::redirect, "/arvados/v1/dispatch/instances"},
      {"GET", "/arvados/v1/dispatch/nothing", Kind::unknown, ""},
      {"GET", "/", Kind::found, ""},
      {"POST", "/", Kind::wrong_method, "GET, HEAD, OPTIONS"},
      {"GET", "//", Kind::redirect, "/"},
      {"GET", "/openapi.yaml", Kind::found, ""},
      {"GET", "/index.html", Kind::unknown, ""},
  };
  for (const Case& c : cases) {
    const Routed routed = route_request(c.method, c.path);
    EXPECT_EQ(routed.kind, c.kind) << c.method << ' ' << c.path;
    if (c.kind == Kind::redirect) EXPECT_EQ(routed.location, c.detail);
    if (c.kind == Kind::wrong_method || c.kind == Kind::options) EXPECT_EQ(routed.allow, c.detail);
  }
}

}  // namespace
}  // namespace berth
