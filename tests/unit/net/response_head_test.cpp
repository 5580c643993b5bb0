#include "response_head.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

constexpr WallTime now = WallTime(std::chrono::seconds(784111777));
const std::string date = "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n";

TEST(ResponseHead, FormatsDates) {
  EXPECT_EQ(format_http_date(now), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_http_date(now + std::chrono::milliseconds(999)), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(format_http_date(WallTime(std::chrono::seconds(1709164800))), "Thu, 29 Feb 2024 00:00:00 GMT");
}

TEST(ResponseHead, FramesTheBody) {
  ServerResponse full;
  full.body = "12345";
  ServerResponse empty;
  empty.status = 204;
  ServerResponse stream;
  stream.stream = [](BodyWriter&) -> awaitable<Result<void>> { co_return Result<void>{}; };
  ServerResponse meddling;
  meddling.headers = {
      {"content-length", "9"}, {"Transfer-Encoding", "x"}, {"connection", "y"}, {"DATE", "z"}, {"A", "b"}};
  const struct {
    const char* name;
    const ServerResponse& response;
    ResponseFraming framing;
    std::string expected;
  } cases[] = {
      {"keep-alive", full, {true, true, false}, "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 5\r\n\r\n"},
      {"close",
       full,
       {true, false, false},
       "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 5\r\nConnection: close\r\n\r\n"},
      {"old",
       full,
       {false, true, false},
       "HTTP/1.1 200 OK\r\n" + date + "Content-Length: 5\r\nConnection: keep-alive\r\n\r\n"},
      {"no body", empty, {true, true, false}, "HTTP/1.1 204 No Content\r\n" + date + "\r\n"},
      {"stream",
       stream,
       {true, false, false},
       "HTTP/1.1 200 OK\r\n" + date + "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"},
      {"old stream", stream, {false, false, false}, "HTTP/1.1 200 OK\r\n" + date + "Connection: close\r\n\r\n"},
      {"own framing only",
       meddling,
       {true, true, false},
       "HTTP/1.1 200 OK\r\n" + date + "A: b\r\nContent-Length: 0\r\n\r\n"},
  };
  for (const auto& c : cases) EXPECT_EQ(format_response_head(c.response, c.framing, now), c.expected) << c.name;
}

TEST(ResponseHead, FormatsChunks) {
  EXPECT_EQ(format_chunk("hello"), "5\r\nhello\r\n");
  EXPECT_EQ(format_chunk(std::string(26, 'x')), "1a\r\n" + std::string(26, 'x') + "\r\n");
}

}  // namespace
}  // namespace berth
