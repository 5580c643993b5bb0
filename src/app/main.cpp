#include "berthd_program.hpp"

int main(int argc, char** argv) {
  return berth::run_berthd(argc, argv, {});
}
