#include "berth/config/data_dir.hpp"

#include <cstdlib>
#include <unistd.h>

namespace berth {

std::string default_data_dir() {
  if (::geteuid() == 0) return "/var/lib/berth";
  if (const char* state = std::getenv("XDG_STATE_HOME"); state && *state) return std::string(state) + "/berth";
  const char* home = std::getenv("HOME");
  return std::string(home && *home ? home : "/tmp") + "/.local/state/berth";
}

}  // namespace berth
