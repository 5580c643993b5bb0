#pragma once

namespace berth {

/// Of this process: no freed memory is put aside to be merged later, all at once. In a heap that many small objects
/// have come and gone in, glibc's merge held the event loop for 30 ms and more, at any large allocation
/// (mallopt(3), M_MXFAST). Call it before there are threads.
void merge_freed_memory_at_once();

}  // namespace berth
