#include "http.hpp"

#include <gtest/gtest.h>

#include "api.hpp"

namespace berth::runner {
namespace {

TEST(ApiUrl, TakesNumericPlainHttp) {
  for (const char* url : {"http://127.0.0.1", "http://127.0.0.1:8000", "http://127.0.0.1:8000/", "http://[::1]:8000/x",
                          "http://[::1]", "http://localhost:1"})
    EXPECT_TRUE(parse_api_url(url)) << url;
  const auto v6 = parse_api_url("http://[::1]:8000/x");
  EXPECT_EQ(v6->authority, "[::1]:8000");
  EXPECT_EQ(v6->address.ss_family, AF_INET6);
}

TEST(ApiUrl, RefusesTheRest) {
  const struct {
    const char* url;
    ErrorKind kind;
  } cases[] = {{"https://127.0.0.1", ErrorKind::unsupported}, {"http://example.org", ErrorKind::unsupported},
               {"127.0.0.1:80", ErrorKind::invalid},          {"", ErrorKind::invalid},
               {"http://", ErrorKind::unsupported},           {"http://127.0.0.1:", ErrorKind::invalid},
               {"http://127.0.0.1:0", ErrorKind::invalid},    {"http://127.0.0.1:65536", ErrorKind::invalid},
               {"http://127.0.0.1:8o", ErrorKind::invalid},   {"http://[::1", ErrorKind::unsupported},
               {"http://[::1]8000", ErrorKind::invalid},      {"http://127.0.0.1@evil:80", ErrorKind::unsupported}};
  for (const auto& c : cases) {
    const auto parsed = parse_api_url(c.url);
    ASSERT_FALSE(parsed) << c.url;
    EXPECT_EQ(parsed.error().kind, c.kind) << c.url;
  }
}

struct ResponseCase {
  const char* text;
  int status;
  const char* body;
  bool keep_alive;
};
const ResponseCase good_responses[] = {
    {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 200, "hello", true},
    {"HTTP/1.1 200\r\ncontent-LENGTH:5\r\nConnection: close\r\n\r\nhello", 200, "hello", false},
    {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi", false},
    {"HTTP/1.1 204 None\r\n\r\n", 204, "", true},
    {"HTTP/1.1 422 No\r\nContent-Length: 0\r\n\r\n", 422, "", true},
    {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: x\r\n\r\n", 200,
     "abc0123456789", true},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx", 200, "x", true},
};

TEST(ResponseReader, ReadsResponsesHoweverTheyAreCut) {
  for (const auto& c : good_responses) {
    const std::string_view text = c.text;
    for (std::size_t piece : {std::size_t{1}, std::size_t{7}, text.size()}) {
      ResponseReader reader;
      bool complete = false;
      for (std::size_t at = 0; at < text.size(); at += piece) {
        ASSERT_FALSE(complete) << c.text;
        const auto fed = reader.feed(text.substr(at, piece));
        ASSERT_TRUE(fed) << c.text << fed.error().message;
        complete = *fed;
      }
      ASSERT_TRUE(complete) << c.text;
      EXPECT_EQ(reader.response().status, c.status);
      EXPECT_EQ(reader.response().body, c.body);
      EXPECT_EQ(reader.keep_alive(), c.keep_alive) << c.text;
    }
  }
}

TEST(ResponseReader, BodyMayEndWithTheConnection) {
  ResponseReader reader;
  EXPECT_FALSE(*reader.feed("HTTP/1.1 200 OK\r\n\r\nall of"));
  EXPECT_FALSE(*reader.feed(" it"));
  EXPECT_TRUE(*reader.finish());
  EXPECT_EQ(reader.response().body, "all of it");
}

TEST(ResponseReader, TruncatedResponsesAreNetworkErrors) {
  for (const char* text : {"", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell",
                           "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab"}) {
    ResponseReader reader;
    ASSERT_TRUE(reader.feed(text)) << text;
    const auto end = reader.finish();
    ASSERT_FALSE(end) << text;
    EXPECT_EQ(end.error().kind, ErrorKind::network);
  }
}

TEST(ResponseReader, RefusesWhatIsNoHttp) {
  const struct {
    std::string text;
    ErrorKind kind;
  } cases[] = {
      {"SSH-2.0-OpenSSH\r\n\r\n", ErrorKind::undecodable},
      {"HTTP/1.1 abc\r\n\r\n", ErrorKind::undecodable},
      {"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", ErrorKind::undecodable},
      {"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", ErrorKind::undecodable},
      {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", ErrorKind::undecodable},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", ErrorKind::undecodable},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", ErrorKind::undecodable},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n", ErrorKind::undecodable},
      {"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", ErrorKind::exhausted},
      {std::string(100'000, 'x'), ErrorKind::undecodable},
      {"HTTP/1.1 200 OK\r\n\r\n" + std::string(17 << 20, 'x'), ErrorKind::exhausted},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1100000\r\n" + std::string(17 << 20, 'x'),
       ErrorKind::exhausted},
  };
  for (const auto& c : cases) {
    ResponseReader reader;
    const auto fed = reader.feed(c.text);
    ASSERT_FALSE(fed) << c.text.substr(0, 80);
    EXPECT_EQ(fed.error().kind, c.kind) << c.text.substr(0, 80);
  }
}

TEST(Api, TellsWhatMaySucceedLater) {
  const struct {
    int status;
    bool good, retryable;
  } cases[] = {{200, true, false},  {204, true, false},  {301, false, true},  {400, false, false},
               {401, false, false}, {403, false, false}, {404, false, false}, {422, false, false},
               {429, false, true},  {500, false, true},  {502, false, true},  {503, false, true}};
  for (const auto& c : cases) {
    const auto checked = check_status({c.status, R"({"errors":["because"]})"});
    EXPECT_EQ(checked.has_value(), c.good) << c.status;
    if (!checked) EXPECT_EQ(is_retryable(checked.error().kind), c.retryable) << c.status;
    if (!checked) EXPECT_NE(checked.error().message.find("because"), std::string::npos);
  }
  EXPECT_FALSE(check_status({502, "<html>"}));
  EXPECT_FALSE(check_status({422, R"({"errors":[1,{}]})"}));
}

TEST(Api, EncodesForms) {
  EXPECT_EQ(form_encode("{\"a\": 1}&x=ü\n~"), "%7B%22a%22%3A%201%7D%26x%3D%C3%BC%0A~");
}

}  // namespace
}  // namespace berth::runner
