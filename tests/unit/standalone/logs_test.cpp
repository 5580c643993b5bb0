#include "logs.hpp"

#include <string>

#include "api_fixture.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

class CollectingWriter final : public BodyWriter {
 public:
  explicit CollectingWriter(std::string& text) : text_(text) {}
  awaitable<Result<void>> write(std::string_view piece) override {
    text_ += piece;
    co_return Result<void>{};
  }

 private:
  std::string& text_;
};

class Logs : public ApiTest {
 protected:
  std::string path(const std::string& uuid) { return "/berth/v1/containers/" + uuid + "/log"; }
};

TEST_F(Logs, AppendAndRead) {
  const std::string uuid = submit()["container_uuid"];
  EXPECT_EQ(get(path(uuid)).text, "");
  EXPECT_EQ(post(path(uuid) + "?stream=stdout", "one\n").status, 200);
  EXPECT_EQ(post(path(uuid) + "?stream=stderr", std::string("t\0wo\xff\n", 6)).status, 200);
  EXPECT_EQ(get(path(uuid)).text, std::string("one\nt\0wo\xff\n", 10));
  EXPECT_EQ(get(path(uuid) + "?offset=4&limit=1").text, "t");
  EXPECT_EQ(get(path(uuid) + "?offset=99").text, "");
  EXPECT_EQ(post(path(uuid) + "?stream=stdfoo", "x").status, 422);
  EXPECT_EQ(get(path(uuid) + "?offset=-1").status, 422);
  EXPECT_EQ(reply_to(make_request("PUT", path(uuid))).status, 405);
}

TEST_F(Logs, APieceSentAgainIsWrittenOnce) {
  const std::string uuid = submit()["container_uuid"];
  const auto append = [&](const char* where, const char* bytes) {
    EXPECT_EQ(post(path(uuid) + "?" + where, bytes).status, 200);
  };
  append("stream=stdout&offset=0", "abc");
  append("stream=stdout&offset=0", "abc");
  append("stream=stdout&offset=2", "cd");
  append("stream=stderr&offset=0", "X");
  close();
  open();
  append("stream=stdout&offset=0", "abcde");
  EXPECT_EQ(get(path(uuid)).text, "abcdXe");
}

TEST_F(Logs, FollowsToTheEnd) {
  const std::string uuid = submit()["container_uuid"];
  ASSERT_EQ(post(path(uuid), "one\n").status, 200);
  const ServerResponse response = send(make_request("GET", path(uuid) + "?follow=1"));
  ASSERT_TRUE(response.stream);
  std::string text;
  CollectingWriter writer(text);
  SimTask<Result<void>> follower(runtime_, response.stream(writer));
  runtime_.run_for(1s);
  EXPECT_EQ(text, "one\n");
  ASSERT_EQ(post(path(uuid), "two\n").status, 200);
  runtime_.run_for(1s);
  EXPECT_EQ(text, "one\ntwo\n");
  EXPECT_FALSE(follower.done());
  ASSERT_EQ(post(path(uuid), "three\n").status, 200);
  ASSERT_EQ(update_container(uuid, {{"state", "Cancelled"}}).status, 200);
  runtime_.run_for(1s);
  EXPECT_TRUE(follower.done());
  EXPECT_EQ(text, "one\ntwo\nthree\n");
}

TEST_F(Logs, LongLogsAreStreamed) {
  const std::string uuid = submit()["container_uuid"];
  const std::string much(3 << 20, 'x');
  ASSERT_EQ(post(path(uuid), much).status, 200);
  const ServerResponse response = send(make_request("GET", path(uuid)));
  ASSERT_TRUE(response.stream);
  std::string text;
  CollectingWriter writer(text);
  run_on(runtime_, response.stream(writer));
  EXPECT_TRUE(text == much);
}

TEST(LogStore, HasALimit) {
  TemporaryDir dir;
  LogStore logs(dir.path() + "/logs", 10);
  ASSERT_TRUE(logs.open());
  ASSERT_TRUE(logs.append("c", LogStream::out, std::nullopt, "12345678"));
  const auto refused = logs.append("c", LogStream::out, std::nullopt, "abcd");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::exhausted);
  const std::string text = logs.read("c", 0, 1000).value();
  EXPECT_EQ(text.find("12345678ab\n[log truncated"), 0u) << text;
  ASSERT_FALSE(logs.append("c", LogStream::out, std::nullopt, "e"));
  EXPECT_EQ(logs.read("c", 0, 1000).value(), text) << "one notice is enough";
}

}  // namespace
}  // namespace berth
