#include <cstdio>
#include <exception>

#include "berth/sim/what_if.hpp"

int main(int argc, char** argv) {
  try {
    return berth::run_what_if(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "berth-sim: %s\n", error.what());
    return 1;
  }
}
