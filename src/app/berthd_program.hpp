#pragma once

#include "additions.hpp"

namespace berth {

/// `berthd`: everything that its main does; the exit code.
int run_berthd(int argc, const char* const* argv, const Additions& additions);

}  // namespace berth
