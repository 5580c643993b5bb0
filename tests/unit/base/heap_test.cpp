#include "berth/base/heap.hpp"

#include <gtest/gtest.h>
#include <malloc.h>
#include <memory>
#include <vector>

namespace berth {
namespace {

TEST(Heap, NothingFreedIsPutAside) {
  merge_freed_memory_at_once();
  std::vector<std::unique_ptr<char[]>> small;
  for (int i = 0; i < 1000; ++i) small.push_back(std::make_unique<char[]>(48));
  for (std::size_t i = 0; i < small.size(); i += 2) small[i].reset();
  EXPECT_EQ(::mallinfo2().fsmblks, 0U);
}

}  // namespace
}  // namespace berth
