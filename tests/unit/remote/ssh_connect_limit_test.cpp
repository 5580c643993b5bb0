#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "berth/remote/ssh.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

struct Log {
  std::vector<std::string> lines;
};

awaitable<void> hold(SimRuntime& runtime, std::shared_ptr<SshConnectLimit> limit, Log& log, std::string name,
                     Duration length) {
  const SteadyTime begun = runtime.now();
  const auto place = co_await SshConnectLimit::enter(limit, runtime);
  log.lines.push_back(
      name + " after " +
      std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(runtime.now() - begun).count()));
  co_await runtime.sleep_for(length);
}

TEST(SshConnectLimit, GivesPlacesInOrderAndTakesThemFromThoseWhoHang) {
  SimRuntime runtime;
  const auto limit = std::make_shared<SshConnectLimit>(2);
  Log log;
  const struct {
    std::string name;
    Duration length;
  } holders[] = {{"hangs", 1h}, {"quick", 10ms}, {"next", 20ms}, {"hangs too", 1h}, {"late", 1ms}, {"last", 1ms}};
  for (const auto& [name, length] : holders)
    asio::co_spawn(runtime.make_strand(), hold(runtime, limit, log, name, length), asio::detached);
  runtime.run_for(10s);
  EXPECT_EQ(log.lines, (std::vector<std::string>{"hangs after 0", "quick after 0", "next after 10",
                                                 "hangs too after 30", "late after 1000", "last after 1001"}));
  log.lines.clear();
  asio::co_spawn(runtime.make_strand(), hold(runtime, limit, log, "free again", 1ms), asio::detached);
  runtime.run_for(1s);
  EXPECT_EQ(log.lines, std::vector<std::string>{"free again after 0"});
}

}  // namespace
}  // namespace berth
