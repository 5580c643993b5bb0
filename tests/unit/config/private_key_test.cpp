#include "berth/config/private_key.hpp"

#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace berth {
namespace {

std::string temporary_file(const std::string& content) {
  char path[] = "/tmp/berth-key-XXXXXX";
  ::close(::mkstemp(path));
  std::ofstream(path) << content;
  return path;
}

TEST(PrivateKey, InlineFileOrNothing) {
  const std::string pem = "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\n";
  EXPECT_EQ(read_private_key("").value(), "");
  EXPECT_EQ(read_private_key(pem).value(), pem);
  const std::string path = temporary_file(pem);
  EXPECT_EQ(read_private_key("file://" + path).value(), pem);
  std::remove(path.c_str());
}

TEST(PrivateKey, BadOnesAreNamedWithoutTheirText) {
  const std::string garbage = temporary_file("hunter2");
  struct Case {
    std::string value;
    ErrorKind kind;
    std::string words;
  };
  const Case cases[] = {
      {"file:///no/such/key", ErrorKind::failed, "/no/such/key: No such file"},
      {"file:///", ErrorKind::failed, "/: "},
      {"file://" + garbage, ErrorKind::invalid, garbage + ": not a PEM"},
      {"file://relative", ErrorKind::invalid, "inline text"},
      {"hunter2", ErrorKind::invalid, "inline text"},
  };
  for (const Case& c : cases) {
    const auto key = read_private_key(c.value);
    ASSERT_FALSE(key) << c.value;
    EXPECT_EQ(key.error().kind, c.kind) << c.value;
    EXPECT_NE(key.error().message.find(c.words), std::string::npos) << key.error().message;
    EXPECT_EQ(key.error().message.find("hunter2"), std::string::npos);
  }
  std::remove(garbage.c_str());
}

}  // namespace
}  // namespace berth
