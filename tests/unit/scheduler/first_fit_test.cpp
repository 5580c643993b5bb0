// FirstFit finds what a look at each need finds, whatever has been set before.
#include "first_fit.hpp"

#include <gtest/gtest.h>

#include "random_capacity.hpp"

namespace berth {
namespace {

TEST(FirstFit, FindsTheLeastRankThatFits) {
  int found = 0, none = 0;
  for (std::uint64_t seed = 1; seed <= 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    std::vector<FirstFit::Item> items(static_cast<std::size_t>(dice.pick({0, 1, 15, 16, 17, 256, 257, 1000, 4097})));
    const auto most = static_cast<std::int32_t>(dice.pick({100, INT32_MAX - 1}));
    for (std::uint32_t i = 0; i < items.size(); ++i)
      items[i] = {any_capacity(dice, most), static_cast<float>(dice(0, 9)),
                  static_cast<std::uint32_t>(dice(0, 1 << 30)), 3 * i};
    FirstFit index(items);
    for (int i = 0; i < 100; ++i) {
      const CoarseCapacity room = any_capacity(dice, static_cast<std::int32_t>(dice.pick({most / 10, most / 2, most})));
      const auto odd = static_cast<std::uint32_t>(dice(0, 3));  // every fourth is refused
      const auto fits = [&](std::uint32_t number) { return number % 4 != odd; };
      const auto price = static_cast<float>(dice(0, 9));
      const FirstFit::Item* wanted = nullptr;
      for (const FirstFit::Item& item : items)
        if (room.covers(item.need) && item.pays >= price && fits(item.number) &&
            item.rank < (wanted ? wanted->rank : FirstFit::kTaken))
          wanted = &item;
      const auto number = index.first(room, price, fits);
      ASSERT_EQ(number.has_value(), wanted != nullptr);
      if (number) ASSERT_EQ(items[*number / 3].rank, wanted->rank);
      ++(number ? found : none);
      if (items.empty()) continue;
      FirstFit::Item& changed = items[static_cast<std::size_t>(dice(0, std::ssize(items) - 1))];
      changed.rank = dice.chance(70) ? FirstFit::kTaken : static_cast<std::uint32_t>(dice(0, 1 << 30));
      index.set_rank(changed.number, changed.rank);
    }
  }
  for (const int n : {found, none}) EXPECT_GE(n, 1000);
}

}  // namespace
}  // namespace berth
