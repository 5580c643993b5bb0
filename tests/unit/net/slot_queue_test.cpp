#include "slot_queue.hpp"

#include <gtest/gtest.h>
#include <list>

#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

struct Use {
  std::string log;
  SimRuntime runtime;
  std::shared_ptr<SlotQueue> slots = std::make_shared<SlotQueue>(2);

  static awaitable<void> hold(Use& use, char name) {
    const SlotQueue::Slot slot = co_await use.slots->acquire();
    use.log += name;
    co_await use.runtime.sleep_for(1s);
  }
};

TEST(SlotQueue, IsFirstComeFirstServed) {
  Use use;
  std::list<SimTask<void>> tasks;
  for (const char name : {'a', 'b', 'c', 'd', 'e'}) tasks.emplace_back(use.runtime, Use::hold(use, name));
  use.runtime.settle();
  EXPECT_EQ(use.log, "ab");
  EXPECT_EQ(use.slots->waiting(), 3u);
  use.runtime.run_for(1s);
  EXPECT_EQ(use.log, "abcd");
  use.runtime.run_for(2s);
  EXPECT_EQ(use.log, "abcde");
  for (auto& task : tasks) EXPECT_TRUE(task.done());
}

TEST(SlotQueue, CancelledWaitersLoseNoSlot) {
  Use use;
  SimTask<void> a(use.runtime, Use::hold(use, 'a'));
  SimTask<void> b(use.runtime, Use::hold(use, 'b'));
  SimTask<void> c(use.runtime, Use::hold(use, 'c'));
  SimTask<void> d(use.runtime, Use::hold(use, 'd'));
  use.runtime.settle();
  c.cancel();
  use.runtime.settle();
  EXPECT_TRUE(c.done());
  EXPECT_EQ(use.slots->waiting(), 1u);
  a.cancel();  // gives its slot to d
  use.runtime.settle();
  EXPECT_EQ(use.log, "abd");
  use.runtime.run_for(1s);
  SimTask<void> e(use.runtime, Use::hold(use, 'e'));
  SimTask<void> f(use.runtime, Use::hold(use, 'f'));
  use.runtime.settle();
  EXPECT_EQ(use.log, "abdef");
}

}  // namespace
}  // namespace berth
