#pragma once

#include <cstdint>

#include "berth/base/asio.hpp"

namespace berth {

/// Tasks of all groups on this loop that have not ended. Thread-safe.
std::int64_t live_tasks(const asio::any_io_executor& executor);

}  // namespace berth
