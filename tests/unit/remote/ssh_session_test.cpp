// What one connection does with the event loop that it shares, and with the files of the machine that it runs on.
#include "ssh/ssh_session.hpp"

#include <filesystem>
#include <fstream>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <thread>

#include "ssh/dial.hpp"
#include "ssh_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr int plenty = 192 * 1024;  // bytes that wait to be read; any machine's receive buffer holds as many
/// A turn takes in 64 KB and at most the rest of a packet; in a beat of the loop there are two turns.
constexpr std::size_t two_turns = 160 * 1024;

constexpr std::size_t whole = 64 << 20;

int pending(const Fd& connection) {
  int bytes = 0;
  ::ioctl(connection.get(), FIONREAD, &bytes);
  return bytes;
}

/// A session on a loop of one thread, that has plenty to read: what it takes in before the loop's other work goes on.
awaitable<std::size_t> taken_in_one_turn(SshBed& bed, Runtime& runtime) {
  const auto strand = co_await asio::this_coro::executor;
  auto connection = co_await dial(runtime, SshEndpoint{"127.0.0.1", bed.stub.port()}, 20s);
  if (!connection) throw std::runtime_error(connection.error().message);
  const int room = 4 << 20;
  ::setsockopt(connection->get(), SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
  const Fd watched(::fcntl(connection->get(), F_DUPFD_CLOEXEC, 0));
  Fd duplicate(::fcntl(connection->get(), F_DUPFD_CLOEXEC, 0));
  SshSession session(runtime, strand, std::move(*connection), std::move(duplicate), 15s, SshSession::Listener());
  EXPECT_TRUE(co_await session.handshake("root"));
  EXPECT_TRUE(co_await session.authenticate(bed.options.key));
  Command endless = command("flood " + std::to_string(whole));
  endless.max_output = 1 << 30;
  const auto flood = std::make_shared<SshCommand>(std::move(endless), ChannelUse::brief);
  session.start(flood);
  // At first the connection's buffer has to grow.
  while (flood->stdout_text.size() < plenty) co_await beat_on(runtime.executor());
  std::size_t most = 0;
  int rounds = 0;
  for (; rounds < 10 && most <= two_turns && flood->stdout_text.size() < whole; ++rounds) {
    while (pending(watched) < plenty) std::this_thread::yield();  // with the only thread
    const std::size_t before = flood->stdout_text.size();
    co_await beat_on(runtime.executor());
    most = std::max(most, flood->stdout_text.size() - before);
  }
  EXPECT_EQ(rounds, 10) << "it took in more, or all of it, at once";
  flood->abandoned = true;
  session.give_up("enough");
  co_return most;
}

TEST(SshSession, EndlessOutputLeavesTheLoopToOthers) {
  SshBed bed;
  RealRuntime runtime(1);
  std::size_t most = 0;
  auto whole = [](SshBed& b, RealRuntime& loop, std::size_t& result) -> awaitable<void> {
    result = co_await taken_in_one_turn(b, loop);
    loop.stop();
  };
  asio::co_spawn(runtime.make_strand(), whole(bed, runtime, most), asio::detached);
  runtime.run();
  EXPECT_GT(most, 0u);
  EXPECT_LE(most, two_turns);
}

/// Shows the calling thread, and those that it begins, another file in the place of `path`.
bool cover(const std::string& path, const std::string& with) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount(with.c_str(), path.c_str(), nullptr, MS_BIND, nullptr) == 0;
}

TEST(SshSession, TakesNothingFromTheConfigurationOfSshClients) {
  const std::string global = "/etc/ssh/ssh_config";
  if (::geteuid() != 0 || !std::filesystem::exists(global))
    GTEST_SKIP() << "needs root, and openssh-client's " << global;
  const std::string hostile = testing::TempDir() + "ssh_config-" + std::to_string(::getpid());
  std::ofstream(hostile) << "Host *\n  User intruder\n  Port 1\n  ProxyCommand false\n  HostKeyAlgorithms ssh-rsa\n"
                            "  Ciphers none\n";
  std::thread apart([&] {
    if (!cover(global, hostile)) return ADD_FAILURE() << "no mount in a namespace of one's own";
    SshBed bed;
    bed.run([](Executor& worker) -> awaitable<void> {
      const auto output = co_await worker.execute(command("echo here"));
      if (!output) ADD_FAILURE() << output.error().message;
    });
    EXPECT_EQ(bed.stub.counts().commands, 1);
  });
  apart.join();
  std::filesystem::remove(hostile);
}

}  // namespace
}  // namespace berth
