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
    std::vector<CoarseIndex::Item> needs(static_cast<std::size_t>(dice.pick({0, 1, 15, 16, 17, 256, 257, 1000, 4097})));
    for (CoarseIndex::Item& item : needs) item = {any_capacity(dice, 100), static_cast<float>(dice(0, 9))};
    const CoarseIndex index(needs);
    for (int i = 0; i < 300; ++i) {
      const CoarseCapacity room = any_capacity(dice, static_cast<std::int32_t>(dice.pick({10, 40, 100})));
      const auto at = static_cast<std::size_t>(dice(0, std::ssize(needs)));
      const auto price = static_cast<float>(dice(0, 9));
      std::size_t next = at;
      while (next < needs.size() && (needs[next].pays < price || !room.covers(needs[next].need))) ++next;
      ASSERT_EQ(index.next(room, price, at), next);
      ++(next < needs.size() ? found : none);
    }
  }
  for (const int n : {found, none}) EXPECT_GE(n, 1000);
}

}  // namespace
}  // namespace berth
