#include "lock_files.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "berth/model/uuid.hpp"

#include "clock.hpp"
#include "strays.hpp"

namespace berth::runner {
namespace {

constexpr std::string_view prefix = "crunch-run-";
constexpr std::string_view suffix = ".lock";
constexpr Duration lock_all_limit = std::chrono::seconds(30);
constexpr Duration strays_limit = std::chrono::seconds(5);

bool is_done(const Fd& lock) {
  std::array<char, 4096> buffer;
  const ssize_t size = ::pread(lock.get(), buffer.data(), buffer.size(), 0);
  if (size <= 0) return false;
  const auto content = parse_lock({buffer.data(), static_cast<std::size_t>(size)});
  return content && content->done;
}

Result<Fd> open_lock(const std::string& path) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) return fail(system_error(path, errno));
  return fd;
}

}  // namespace

std::string lock_line(const LockContent& content) {
  return "{\"UUID\":\"" + content.uuid + "\",\"PID\":" + std::to_string(content.pid) +
         (content.done ? ",\"Done\":true}\n" : "}\n");
}

Result<LockContent> parse_lock(std::string_view text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object()) return fail(ErrorKind::undecodable, "not a JSON object");
  const auto uuid = json.find("UUID");
  const auto pid = json.find("PID");
  if (uuid == json.end() || !uuid->is_string() || !is_container_uuid(uuid->get_ref<const std::string&>()))
    return fail(ErrorKind::undecodable, "UUID is missing or malformed");
  if (pid == json.end() || !pid->is_number_integer() || *pid < 2 || *pid > (1 << 22))
    return fail(ErrorKind::undecodable, "PID is missing or malformed");
  const auto done = json.find("Done");
  return LockContent{uuid->get<std::string>(), pid->get<int>(), done != json.end() && *done == true};
}

LockDirectory LockDirectory::from_environment() {
  const char* path = std::getenv("BERTH_LOCK_DIR");
  return LockDirectory(path != nullptr && *path != '\0' ? path : "/var/lock");
}

std::string LockDirectory::lock_path(std::string_view uuid) const {
  return path_ + '/' + std::string(prefix) + std::string(uuid) + std::string(suffix);
}

std::optional<std::string> LockDirectory::container_of(std::string_view name) {
  if (!name.starts_with(prefix) || !name.ends_with(suffix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  name.remove_suffix(suffix.size());
  if (!is_container_uuid(name)) return std::nullopt;
  return std::string(name);
}

std::string LockDirectory::complaints_path(std::string_view uuid) const {
  return path_ + '/' + std::string(prefix) + std::string(uuid) + ".log";
}

Result<Fd> LockDirectory::lock_all() const {
  auto fd = open_lock(lock_path("all"));
  const SteadyTime give_up = steady_now() + lock_all_limit;
  while (fd && ::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return fail(system_error(lock_path("all"), errno));
    if (steady_now() > give_up)
      return fail(ErrorKind::timeout, lock_path("all") + ": held by another process for too long");
    sleep_briefly(std::chrono::milliseconds(1));
  }
  return fd;
}

Result<Fd> LockDirectory::take(std::string_view uuid) const {
  const auto all = lock_all();
  if (!all) return fail(all.error());
  auto fd = open_lock(lock_path(uuid));
  if (!fd) return fd;
  if (::flock(fd->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return fail(ErrorKind::conflict, lock_path(uuid) + ": locked by another process");
    return fail(system_error(lock_path(uuid), errno));
  }
  struct stat status {};
  const bool left_over = ::fstat(fd->get(), &status) == 0 && status.st_size > 0 && !is_done(*fd);
  if (left_over && !end_strays(mark_of(lock_path(uuid)), 0, strays_limit))
    return fail(ErrorKind::conflict, lock_path(uuid) + ": processes of the container's last run are still alive");
  if (::ftruncate(fd->get(), 0) != 0) return fail(system_error(lock_path(uuid), errno));
  return fd;
}

Result<std::vector<std::string>> LockDirectory::lock_paths() const {
  std::vector<std::string> paths;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(path_, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (name.starts_with(prefix) && name.ends_with(suffix) && name != "crunch-run-all.lock")
      paths.push_back(entry->path());
  }
  if (error) return fail(ErrorKind::failed, path_ + ": " + error.message());
  return paths;
}

bool LockDirectory::broken() const {
  return ::access((path_ + '/' + std::string(broken_marker)).c_str(), F_OK) == 0;
}

void LockDirectory::mark_broken() const {
  const Fd marker(
      ::open((path_ + '/' + std::string(broken_marker)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
}

Result<void> LockDirectory::store_prices(std::string_view json) const {
  const std::string path = path_ + "/crunch-run-prices.json";
  const std::string aside = path + '~' + std::to_string(::getpid());
  const Fd fd(::open(aside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return fail(system_error(aside, errno));
  auto written = write_all(fd.get(), json);
  if (written && ::rename(aside.c_str(), path.c_str()) != 0) written = fail(system_error(path, errno));
  if (!written) ::unlink(aside.c_str());
  return written;
}

bool is_locked(const Fd& file) {
  if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) return errno == EWOULDBLOCK;
  ::flock(file.get(), LOCK_UN);
  return false;
}

}  // namespace berth::runner
