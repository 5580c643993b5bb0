#include "ssh/lookup_threads.hpp"

#include <future>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>

#include "ssh_test.hpp"

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

}  // namespace
}  // namespace berth
