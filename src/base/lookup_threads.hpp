#pragma once

#include "berth/base/asio.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// Threads for looking up names of hosts, made with the first look-up. A name may hang for half a minute: that must
/// hold up neither files and databases, which have the runtime's blocking pool, nor (up to this many) other names.
inline constexpr int lookup_threads = 16;
asio::any_io_executor lookup_executor(Runtime& runtime);

}  // namespace berth
