#include "berth/base/heap.hpp"

#include <malloc.h>

namespace berth {

void merge_freed_memory_at_once() {
  ::mallopt(M_MXFAST, 0);
}

}  // namespace berth
