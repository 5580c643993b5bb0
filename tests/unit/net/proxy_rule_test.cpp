// Which proxy a URL is fetched through.
#include "proxy_rule.hpp"

#include <cstdlib>
#include <gtest/gtest.h>

namespace berth {
namespace {

TEST(ProxyRule, EachSchemeHasItsOwn) {
  const ProxyEnvironment both{"http://h:1", "https://s:2", ""};
  EXPECT_EQ(choose_proxy(both, "http", "api.example", ""), "http://h:1");
  EXPECT_EQ(choose_proxy(both, "https", "api.example", ""), "https://s:2");
  EXPECT_EQ(choose_proxy({"http://h:1", "", ""}, "https", "api.example", ""), "");
  EXPECT_EQ(choose_proxy({"", "http://s:2", ""}, "http", "api.example", ""), "");
}

TEST(ProxyRule, ThisMachineIsNeverReachedThroughIt) {
  const ProxyEnvironment proxy{"http://h:1", "http://h:1", ""};
  for (const char* host :
       {"localhost", "LocalHost", "localhost.", "127.0.0.1", "127.3.2.1", "[::1]", "::1", "[::ffff:127.0.0.1]"})
    EXPECT_EQ(choose_proxy(proxy, "http", host, "80"), "") << host;
  for (const char* host : {"127.example", "localhost.example", "10.0.0.1", "[2001:db8::1]", "128.0.0.1"})
    EXPECT_EQ(choose_proxy(proxy, "http", host, "80"), "http://h:1") << host;
}

TEST(ProxyRule, WhatNoProxyLists) {
  struct Case {
    const char* list;
    const char* host;
    bool excluded;
    const char* port = "80";
  };
  const Case cases[] = {
      {"", "a.example", false},
      {"*", "a.example", true},
      {"b.test, *", "a.example", true},
      {"a.example", "a.example", true},
      {"A.Example", "a.eXample", true},
      {"a.example", "a.example.", true},
      {"example", "a.example", true},
      {"example", "a.notexample", false},
      {"a.example", "b.example", false},
      {".example", "a.example", true},
      {".example", "example", false},
      {"*.example", "a.example", true},
      {"*.example", "example", false},
      {" x.test ,\ta.example ", "a.example", true},
      {",,", "a.example", false},
      {".", "a.example", false},
      {"a.example:80", "a.example", true, ""},
      {"a.example:443", "a.example", false, "80"},
      {"a.example:8000", "a.example", true, "8000"},
      {":80", "a.example", false},
      {"10.1.2.3", "10.1.2.3", true},
      {"10.1.2.3", "10.1.2.30", false},
      {"2.3", "10.1.2.3", false},
      {"10.1.2.3:8000", "10.1.2.3", true, "8000"},
      {"10.1.2.3:8000", "10.1.2.3", false, "8001"},
      {"10.0.0.0/8", "10.200.2.3", true},
      {"10.9.9.9/8", "10.200.2.3", true},
      {"10.0.0.0/8", "11.0.0.1", false},
      {"10.0.0.0/8", "a.example", false},
      {"10.0.0.0/99", "10.0.0.1", false},
      {"10.0.0.0/", "10.0.0.1", false},
      {"/", "10.0.0.1", false},
      {"2001:db8::/32", "[2001:db8::7]", true},
      {"2001:db8::/32", "[2001:db9::7]", false},
      {"2001:db8::/32", "10.0.0.1", false},
      {"2001:db8::7", "[2001:DB8::7]", true},
      {"[2001:db8::7]:80", "[2001:db8::7]", true, "80"},
      {"[2001:db8::7]:81", "[2001:db8::7]", false, "80"},
  };
  for (const Case& c : cases) {
    const auto chosen = choose_proxy({"http://h:1", "", c.list}, "http", c.host, c.port);
    EXPECT_EQ(chosen, c.excluded ? "" : "http://h:1") << '"' << c.list << "\" " << c.host << ' ' << c.port;
  }
}

TEST(ProxyRule, FormsOfAProxy) {
  const auto chosen = [](const char* value) { return choose_proxy({"", value, ""}, "https", "a.example", ""); };
  EXPECT_EQ(chosen("h:3128"), "http://h:3128");
  EXPECT_EQ(chosen("HTTP://user:word@h"), "HTTP://user:word@h");
  EXPECT_EQ(chosen("socks5://h:1"), "socks5h://h:1");
  const auto refused = chosen("gopher://user:word@h");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::invalid);
  EXPECT_EQ(refused.error().message, "HTTPS_PROXY is not the URL of an http, https or socks5 proxy");
}

TEST(ProxyRule, WhatLibcurlCannotReadIsRefused) {
  for (const char* value : {"::garbage::", "http://h:x", "http://", "http://a b", "socks5://h:99999"})
    EXPECT_FALSE(choose_proxy({"", value, ""}, "https", "api.example", "")) << value;
  for (const char* value : {"h", "h:1", "http://u:p@h:1/", "socks5://[::1]:1080", "https://h"})
    EXPECT_TRUE(choose_proxy({"", value, ""}, "https", "api.example", "")) << value;
}

TEST(ProxyRule, VariablesInEitherCase) {
  const char* names[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY",   "https_proxy",
                         "NO_PROXY",   "no_proxy",   "REQUEST_METHOD"};
  for (const char* name : names) ::unsetenv(name);
  ::setenv("http_proxy", "low", 1);
  ::setenv("https_proxy", "low-s", 1);
  ::setenv("no_proxy", "low.test", 1);
  ::setenv("HTTP_PROXY", "", 1);
  EXPECT_EQ(read_proxy_environment().http, "low");
  EXPECT_EQ(read_proxy_environment().https, "low-s");
  EXPECT_EQ(read_proxy_environment().excluded, "low.test");
  ::setenv("HTTP_PROXY", "up", 1);
  ::setenv("HTTPS_PROXY", "up-s", 1);
  ::setenv("NO_PROXY", "up.test", 1);
  EXPECT_EQ(read_proxy_environment().http, "up");
  EXPECT_EQ(read_proxy_environment().https, "up-s");
  EXPECT_EQ(read_proxy_environment().excluded, "up.test");
  ::setenv("REQUEST_METHOD", "GET", 1);
  EXPECT_EQ(read_proxy_environment().http, "");
  EXPECT_EQ(read_proxy_environment().https, "up-s");
  for (const char* name : names) ::unsetenv(name);
}

}  // namespace
}  // namespace berth
