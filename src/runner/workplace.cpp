#include "workplace.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <sys/stat.h>

#include "posix.hpp"

namespace berth::runner {

Result<Workplace> Workplace::make(const std::string& uuid) {
  std::error_code ignored;
  std::string root = "/tmp/berth-run-XXXXXX";
  if (const char* parent = std::getenv("BERTH_WORK_DIR"); parent != nullptr && *parent != '\0') {
    root = std::string(parent) + '/' + uuid;
    std::filesystem::create_directories(parent, ignored);
    std::filesystem::remove_all(root, ignored);  // left by a runner that was killed; ours is the lock now
    if (::mkdir(root.c_str(), 0700) != 0) return fail(system_error(root, errno));
  } else if (::mkdtemp(root.data()) == nullptr) {
    return fail(system_error(root, errno));
  }
  Workplace made(root);
  for (const std::string& directory : {made.work(), made.spool()})
    if (::mkdir(directory.c_str(), 0700) != 0) return fail(system_error(directory, errno));
  return made;
}

Workplace::~Workplace() {
  std::error_code ignored;
  if (!root_.empty()) std::filesystem::remove_all(root_, ignored);
}

}  // namespace berth::runner
