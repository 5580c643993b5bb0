#pragma once

#include "berth/base/time.hpp"

namespace berth {

class Runtime;

/// The longest time for which one handler (or all that a strand had ready) has held a thread of the event loop since
/// the last call; 0 in simulated time. A handler counts when it ends.
Duration take_longest_handler(Runtime& runtime);

}  // namespace berth
