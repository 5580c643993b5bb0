// What is told of a client's options before it is made.
#include "berth/net/client_check.hpp"

#include <gtest/gtest.h>

#include "certificate.hpp"

namespace berth {
namespace {

TEST(ClientCheck, CertificatesToTrust) {
  const Certificate certificate("client-check");
  EXPECT_TRUE(check_ca_file(certificate.certificate()));
  EXPECT_EQ(check_ca_file(certificate.key()).error().message, "no certificates in PEM form can be read from it");
  EXPECT_EQ(check_ca_file(certificate.folder / "none").error().message, "cannot be read: No such file or directory");
  EXPECT_FALSE(check_ca_file(certificate.folder)) << "a folder";
}

TEST(ClientCheck, WhatIsDialledInsteadOfTheHost) {
  for (const char* good : {"api.example", "api", "my_host", "10.0.0.1", "::1", "[fe80::1]"})
    EXPECT_TRUE(check_connect_to(good)) << good;
  for (const char* bad :
       {"", "bad host:xx", "api.example:443", "10.0.0.1:443", "[::1]:443", "[api]", "https://api", "a/b"})
    EXPECT_FALSE(check_connect_to(bad)) << bad;
}

TEST(ClientCheck, TheProxyOfTheUrl) {
  ::setenv("HTTPS_PROXY", "http://user:s3cret@h:x", 1);
  const auto refused = check_proxy_environment("https://api.example/");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "HTTPS_PROXY is not the URL of an http, https or socks5 proxy");
  EXPECT_TRUE(check_proxy_environment("http://api.example/"));
  EXPECT_TRUE(check_proxy_environment("https://127.0.0.1/"));
  EXPECT_TRUE(check_proxy_environment("nonsense"));
  ::unsetenv("HTTPS_PROXY");
}

}  // namespace
}  // namespace berth
