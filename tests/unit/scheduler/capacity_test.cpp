#include "capacity.hpp"

#include <gtest/gtest.h>

namespace berth {
namespace {

constexpr std::int64_t kGiB = std::int64_t{1} << 30;

TEST(Capacity, VcpuTruthTable) {  // facts §4.4
  struct Row {
    std::int64_t left;
    bool shared;
    std::int64_t need;
    bool fits;
  };
  for (const Row& row : {Row{2, false, 2, true}, Row{2, true, 2, false}, Row{2, true, 1, true}, Row{2, true, 0, true},
                         Row{1, true, 1, false}, Row{1, true, 0, true}, Row{0, false, 0, false}, Row{0, true, 0, false},
                         Row{1, false, 0, true}, Row{1, false, 2, false}, Row{-1, false, 0, false}}) {
    const Capacity capacity{{row.left, 10, 10, 0, 0}, row.shared};
    const Resources need{row.need, 1, 1, 0, 0};
    EXPECT_EQ(capacity.accommodates(need), row.fits) << row.left << ' ' << row.shared << ' ' << row.need;
    const CoarseUnits units({});
    EXPECT_EQ(units.of(capacity).covers(units.of(need)), row.fits) << row.left << ' ' << row.shared << ' ' << row.need;
  }
}

TEST(Capacity, EveryComponentCounts) {
  const Capacity capacity{{4, 100, 50, 2, 8}, false};
  EXPECT_TRUE(capacity.accommodates({4, 100, 50, 2, 8}));
  EXPECT_FALSE(capacity.accommodates({5, 100, 50, 2, 8}));
  EXPECT_FALSE(capacity.accommodates({4, 101, 50, 2, 8}));
  EXPECT_FALSE(capacity.accommodates({4, 100, 51, 2, 8}));
  EXPECT_FALSE(capacity.accommodates({4, 100, 50, 3, 8}));
  EXPECT_FALSE(capacity.accommodates({4, 100, 50, 2, 9}));
}

TEST(Capacity, ZeroVcpuContainerSetsTheSharedFlagForGood) {
  Capacity capacity{{2, 10, 10, 0, 0}, false};
  capacity.subtract({0, 1, 1, 0, 0}, GpuMemory::per_device);
  EXPECT_TRUE(capacity.shared);
  capacity.subtract({1, 1, 1, 0, 0}, GpuMemory::per_device);
  EXPECT_TRUE(capacity.shared);
  EXPECT_FALSE(capacity.accommodates({1, 1, 1, 0, 0}));
  EXPECT_TRUE(capacity.accommodates({0, 1, 1, 0, 0}));
}

TEST(Capacity, GpuMemoryIsPerDeviceUnlessSubtracted) {  // facts §15 #26
  Capacity per_device{{8, 10, 10, 2, 16}, false}, subtracted = per_device;
  const Resources need{1, 1, 1, 1, 12};
  per_device.subtract(need, GpuMemory::per_device);
  subtracted.subtract(need, GpuMemory::subtracted);
  EXPECT_TRUE(per_device.accommodates(need));
  EXPECT_FALSE(subtracted.accommodates(need));
}

TEST(CoarseCapacity, NeverRefusesWhatFits) {
  const CoarseUnits units({{1, {64, 4096 * kGiB, 100000 * kGiB, 0, 0}}});
  for (std::int64_t ram : {std::int64_t{0}, std::int64_t{1}, kGiB - 1, kGiB, 4096 * kGiB}) {
    const Resources need{1, ram, 3 * ram + 7, 0, 0};
    Capacity capacity{need, false};
    EXPECT_TRUE(units.of(capacity).covers(units.of(need))) << ram;
  }
  EXPECT_FALSE(units.of(Capacity{{1, kGiB, kGiB, 0, 0}, false}).covers(units.of(Resources{1, 2 * kGiB, 0, 0, 0})));
}

}  // namespace
}  // namespace berth
