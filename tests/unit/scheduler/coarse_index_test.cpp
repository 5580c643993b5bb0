// CoarseIndex finds what a look at each need finds.
#include "coarse_index.hpp"

#include <gtest/gtest.h>

#include "random_capacity.hpp"

namespace berth {
namespace {

TEST(CoarseIndex, FindsTheNextThatMayFit) {
  int found = 0, none = 0;
  for (std::uint64_t seed = 1; seed <= 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    std::vector<CoarseCapacity> needs(static_cast<std::size_t>(dice.pick({0, 1, 15, 16, 17, 256, 257, 1000, 4097})));
    for (CoarseCapacity& need : needs) need = any_capacity(dice, 100);
    const CoarseIndex index(needs);
    for (int i = 0; i < 300; ++i) {
      const CoarseCapacity room = any_capacity(dice, static_cast<std::int32_t>(dice.pick({10, 40, 100})));
      const auto at = static_cast<std::size_t>(dice(0, std::ssize(needs)));
      std::size_t next = at;
      while (next < needs.size() && !room.covers(needs[next])) ++next;
      ASSERT_EQ(index.next(room, at), next);
      ++(next < needs.size() ? found : none);
    }
  }
  for (const int n : {found, none}) EXPECT_GE(n, 1000);
}

}  // namespace
}  // namespace berth
