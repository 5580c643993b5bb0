#pragma once

namespace berth {

/// `berth-sim`: parses the command line, runs the simulations that it asks for, prints to stdout, complains on stderr.
/// The exit code: 0 done, 1 failed, 2 usage error.
int run_what_if(int argc, const char* const* argv);

}  // namespace berth
