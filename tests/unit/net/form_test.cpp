#include <gtest/gtest.h>

#include "berth/net/http_client.hpp"

namespace berth {
namespace {

TEST(Form, EncodesAllButUnreservedCharacters) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""},
      {"azAZ09-._~", "azAZ09-._~"},
      {"a b", "a+b"},
      {"+", "%2B"},
      {R"([["uuid","=","x"]])", "%5B%5B%22uuid%22%2C%22%3D%22%2C%22x%22%5D%5D"},
      {"\xC3\xA4\n", "%C3%A4%0A"},
      {std::string(1, '\0'), "%00"},
  };
  for (const auto& [text, encoded] : cases) {
    EXPECT_EQ(form_encode(text), encoded);
    EXPECT_EQ(form_decode(encoded).value(), text);
  }
}

TEST(Form, RefusesBadEscapes) {
  for (const char* text : {"%", "%1", "a%", "%zz", "%0g", "%%41", "a%4"}) {
    const auto decoded = form_decode(text);
    ASSERT_FALSE(decoded) << text;
    EXPECT_EQ(decoded.error().kind, ErrorKind::invalid);
    EXPECT_FALSE(parse_form(std::string("a=") + text)) << text;
    EXPECT_FALSE(parse_form(std::string(text) + "=a")) << text;
  }
}

TEST(Form, ParsesPairsInOrder) {
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  const std::pair<std::string, Pairs> cases[] = {
      {"", {}},
      {"a=1&b=2", {{"a", "1"}, {"b", "2"}}},
      {"b=2&a=1&b=3", {{"b", "2"}, {"a", "1"}, {"b", "3"}}},
      {"a", {{"a", ""}}},
      {"a=", {{"a", ""}}},
      {"=x", {{"", "x"}}},
      {"a=b=c", {{"a", "b=c"}}},
      {"&&a=1&", {{"a", "1"}}},
      {"a+b=c%26d", {{"a b", "c&d"}}},
      {"%41=%42", {{"A", "B"}}},
  };
  for (const auto& [text, pairs] : cases) EXPECT_EQ(parse_form(text).value(), pairs) << text;
}

TEST(Headers, AreFoundIgnoringCase) {
  const HttpHeaders headers = {{"Content-Type", "a"}, {"x", "b"}, {"CONTENT-TYPE", "c"}};
  EXPECT_EQ(find_header(headers, "content-type"), "a");
  EXPECT_EQ(find_header(headers, "X"), "b");
  EXPECT_EQ(find_header(headers, "content"), "");
}

}  // namespace
}  // namespace berth
