#include "program.hpp"

int main(int argc, char** argv) {
  return berth::runner::run_program({argv + 1, argv + argc});
}
