#include "bounded_relay.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <sys/socket.h>
#include <unistd.h>

#include "sim_test.hpp"

namespace berth {
namespace {

class RelayTest : public testing::Test {
 protected:
  RelayTest() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()), 0);
    library_ = ends[0];
    peer_ = ends[1];
    EXPECT_TRUE(relay_.insert(runtime_.executor(), library_));
  }
  ~RelayTest() override {
    if (library_ >= 0) ::close(library_);
    if (peer_ >= 0) ::close(peer_);
  }

  /// The simulated loop looks at descriptors when it runs out of handlers.
  std::string receive(int descriptor) {
    std::string text;
    std::array<char, 4096> piece{};
    for (int turn = 0; turn < 100; ++turn) {
      runtime_.settle();
      const ssize_t size = ::recv(descriptor, piece.data(), piece.size(), MSG_DONTWAIT);
      if (size > 0) text.append(piece.data(), static_cast<std::size_t>(size));
      if (size == 0) return text + "|end";
    }
    return text;
  }
  static void send(int descriptor, const std::string& text) {
    ASSERT_EQ(::send(descriptor, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  SimRuntime runtime_;
  BoundedRelay relay_;
  int library_ = -1;
  int peer_ = -1;
};

TEST_F(RelayTest, PassesBothWays) {
  relay_.allow(100);
  send(library_, "question");
  EXPECT_EQ(receive(peer_), "question");
  send(peer_, "answer");
  EXPECT_EQ(receive(library_), "answer");
  EXPECT_FALSE(relay_.error());
}

TEST_F(RelayTest, EndsAtTheBound) {
  relay_.allow(6);
  send(peer_, "answer");
  EXPECT_EQ(receive(library_), "answer");
  relay_.allow(5);
  send(peer_, "answer");
  EXPECT_EQ(receive(library_), "|end");
  ASSERT_TRUE(relay_.error());
  EXPECT_EQ(relay_.error()->kind, ErrorKind::exhausted);
}

TEST_F(RelayTest, ThePeersEndIsTheLibrarys) {
  relay_.allow(100);
  send(peer_, "goodbye");
  ::close(std::exchange(peer_, -1));
  EXPECT_EQ(receive(library_), "goodbye|end");
  EXPECT_FALSE(relay_.error());
}

TEST_F(RelayTest, LastWordsArePassedOn) {
  send(library_, "terminate");
  ::close(std::exchange(library_, -1));
  relay_.close();
  EXPECT_EQ(receive(peer_), "terminate|end");
}

}  // namespace
}  // namespace berth
