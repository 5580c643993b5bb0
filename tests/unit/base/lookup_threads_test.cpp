#include "lookup_threads.hpp"

#include <future>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/blocking.hpp"
#include "berth/base/name_lookup.hpp"
#include "berth/base/signal.hpp"

namespace berth {
namespace {

awaitable<void> use_the_rest(RealRuntime& runtime, std::promise<void>& release, bool& done) {
  EXPECT_EQ(co_await run_blocking(runtime, [] { return 7; }), 7);
  auto looked_up = std::make_shared<Signal>();
  auto ended = looked_up->subscribe();
  asio::post(lookup_executor(runtime), [looked_up] { looked_up->notify(); });
  co_await ended.wait();
  release.set_value();
  done = true;
}

TEST(LookupThreads, NamesThatHangHoldUpNeitherFilesNorOtherNames) {
  RealRuntime runtime(1);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future();
  for (int i = 0; i < lookup_threads - 1; ++i) asio::post(lookup_executor(runtime), [released] { released.wait(); });
  bool done = false;
  asio::co_spawn(runtime.make_strand(), use_the_rest(runtime, release, done), asio::detached);
  runtime.run();
  EXPECT_TRUE(done);
}

TEST(LookupThreads, NumericAddressesAreNotLookedUp) {
  RealRuntime runtime(1);
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future();
  for (int i = 0; i < lookup_threads; ++i) asio::post(lookup_executor(runtime), [released] { released.wait(); });
  std::vector<std::string> found;
  asio::co_spawn(
      runtime.make_strand(),
      [](RealRuntime& r, std::promise<void>& p, std::vector<std::string>& out) -> awaitable<void> {
        for (const char* host : {"192.0.2.7", "2001:db8::7"}) {
          auto addresses = co_await look_up_host(r, host);
          if (addresses) out.push_back(addresses->front());
        }
        p.set_value();
      }(runtime, release, found),
      asio::detached);
  runtime.run();
  EXPECT_EQ(found, (std::vector<std::string>{"192.0.2.7", "2001:db8::7"}));
}

}  // namespace
}  // namespace berth
