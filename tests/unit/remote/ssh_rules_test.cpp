#include <gtest/gtest.h>

#include "berth/base/back_off.hpp"

#include "ssh/address.hpp"
#include "ssh/channel_load.hpp"
#include "ssh/ssh_channel.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

TEST(SshAddress, IsReadWithTheConfiguredPortWhereItNamesNone) {
  const struct {
    std::string_view text;
    SshEndpoint endpoint;
  } cases[] = {
      {"10.1.2.3", {"10.1.2.3", 22}},
      {"10.1.2.3:2222", {"10.1.2.3", 2222}},
      {"worker-7.example", {"worker-7.example", 22}},
      {"worker-7.example:1", {"worker-7.example", 1}},
      {"[fd00::7]:65535", {"fd00::7", 65535}},
      {"[fd00::7]", {"fd00::7", 22}},
      {"fd00::7", {"fd00::7", 22}},
      {"::1", {"::1", 22}},
  };
  for (const auto& [text, endpoint] : cases) {
    const auto read = parse_ssh_address(text, 22);
    ASSERT_TRUE(read) << text << ": " << read.error().message;
    EXPECT_EQ(read->host, endpoint.host) << text;
    EXPECT_EQ(read->port, endpoint.port) << text;
  }
}

TEST(SshAddress, RefusesWhatIsNone) {
  for (const std::string& text :
       {std::string(":22"), std::string("[fd00::7"), std::string("[fd00::7]22"), std::string("[]:22"),
        std::string("host:"), std::string("host:0"), std::string("host:65536"), std::string("host:22x"),
        std::string("host:-1"), std::string("ho st"), std::string("ho\nst"), std::string("ho\0st", 5),
        std::string(256, 'a'), std::string(100000, 'a')}) {
    const auto read = parse_ssh_address(text, 22);
    ASSERT_FALSE(read) << text;
    EXPECT_EQ(read.error().kind, ErrorKind::invalid) << text;
  }
  EXPECT_EQ(parse_ssh_address("", 22).error().kind, ErrorKind::network);
}

TEST(ChannelLoad, SaysWhoMayOpenTheNext) {
  const struct {
    ChannelLoad load;
    bool brief, stream, background;
  } cases[] = {
      {{9, 0, 0, 0}, true, true, true},     {{9, 7, 0, 0}, true, true, true},    {{9, 8, 0, 0}, true, false, false},
      {{9, 9, 0, 0}, false, false, false},  {{9, 0, 1, 0}, true, false, true},   {{9, 0, 1, 7}, true, false, false},
      {{9, 10, 0, 0}, false, false, false}, {{2, 0, 0, 0}, true, true, true},    {{2, 0, 0, 1}, true, false, false},
      {{1, 0, 0, 0}, true, false, true},    {{1, 1, 0, 0}, false, false, false},
  };
  for (const auto& c : cases) {
    const auto shown = testing::Message()
                       << c.load.limit << ' ' << c.load.brief << ' ' << c.load.streams << ' ' << c.load.background;
    EXPECT_EQ(c.load.admits(ChannelUse::brief), c.brief) << shown;
    EXPECT_EQ(c.load.admits(ChannelUse::stream), c.stream) << shown;
    EXPECT_EQ(c.load.admits(ChannelUse::background), c.background) << shown;
  }
}

TEST(BackOff, DoublesUpToTheLongestLessAtMostAHalf) {
  BackOff back_off(500ms, 3s);
  for (const Duration full : {500ms, 1000ms, 2000ms, 3000ms, 3000ms}) EXPECT_EQ(back_off.after_failure(0), full);
  for (std::uint64_t random = 1; random != 0; random *= 3) {
    const Duration wait = back_off.after_failure(random);
    EXPECT_GT(wait, 1500ms);
    EXPECT_LE(wait, 3s);
    if (random > ~std::uint64_t{0} / 3) break;
  }
  back_off.reset();
  EXPECT_EQ(back_off.after_failure(0), 500ms);
}

TEST(SignalStatus, IsAsAShellReportsIt) {
  EXPECT_EQ(exit_status_of_signal("KILL"), 137);
  EXPECT_EQ(exit_status_of_signal("TERM"), 143);
  EXPECT_EQ(exit_status_of_signal("SEGV"), 139);
  EXPECT_EQ(exit_status_of_signal("NONSENSE@example.org"), 255);
}

}  // namespace
}  // namespace berth
