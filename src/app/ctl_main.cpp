#include <cstdio>
#include <exception>

#include "berth/cli/command_line.hpp"

int main(int argc, char** argv) {
  try {
    return berth::run_command_line(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "berthctl: %s\n", error.what());
    return 1;
  }
}
