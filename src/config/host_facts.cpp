#include "host_facts.hpp"

#include <cstdlib>
#include <fstream>
#include <sched.h>
#include <sstream>
#include <string>
#include <sys/statvfs.h>

namespace berth::config {
namespace {

std::int64_t usable_cpus() {
  cpu_set_t cpus;
  return sched_getaffinity(0, sizeof cpus, &cpus) == 0 ? CPU_COUNT(&cpus) : 0;
}

std::int64_t total_memory() {
  std::ifstream meminfo("/proc/meminfo");
  for (std::string line; std::getline(meminfo, line);) {
    std::istringstream words(line);
    std::string name;
    std::int64_t kibibytes = 0;
    if (words >> name >> kibibytes && name == "MemTotal:") return kibibytes * 1024;
  }
  return 0;
}

std::int64_t total_temporary_space() {
  const char* dir = std::getenv("TMPDIR");
  struct statvfs fs {};
  if (statvfs(dir != nullptr && *dir != '\0' ? dir : "/tmp", &fs) != 0) return 0;
  return static_cast<std::int64_t>(fs.f_blocks) * static_cast<std::int64_t>(fs.f_frsize);
}

}  // namespace

HostFacts read_host_facts() {
  return {usable_cpus(), total_memory(), total_temporary_space()};
}

}  // namespace berth::config
