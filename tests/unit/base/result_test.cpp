#include "berth/base/result.hpp"

#include <gtest/gtest.h>
#include <set>
#include <string>

namespace berth {
namespace {

TEST(Error, WithinKeepsWhatItMeans) {
  Error error{ErrorKind::rate_limited, "slow down", SteadyTime{std::chrono::seconds(5)}, CapacityScope::quota_group,
              429};
  const Error outer = error.within("create").within("pool");
  EXPECT_EQ(outer.message, "pool: create: slow down");
  EXPECT_EQ(outer.kind, ErrorKind::rate_limited);
  EXPECT_EQ(outer.retry_at, error.retry_at);
  EXPECT_EQ(outer.scope, CapacityScope::quota_group);
  EXPECT_EQ(outer.http_status, 429);
}

TEST(ErrorKind, NamesDiffer) {
  std::set<std::string_view> names;
  for (int i = 0; i <= static_cast<int>(ErrorKind::internal); ++i) names.insert(to_string(static_cast<ErrorKind>(i)));
  EXPECT_EQ(names.size(), static_cast<std::size_t>(ErrorKind::internal) + 1);
}

}  // namespace
}  // namespace berth
