#pragma once

#include <arpa/inet.h>
#include <cstdint>
#include <fstream>
#include <functional>
#include <libssh/libssh.h>
#include <signal.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace berth {

/// CPU time of this process so far, in seconds.
inline double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto sum = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return sum(usage.ru_utime) + sum(usage.ru_stime);
}

/// An Ed25519 key in OpenSSH form.
inline std::string make_private_key() {
  ssh_key key = nullptr;
  ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key);
  std::string path = "/tmp/ssh-bench-XXXXXX";
  ::close(::mkstemp(path.data()));
  ssh_pki_export_privkey_file(key, nullptr, nullptr, nullptr, path.c_str());
  ssh_key_free(key);
  std::ifstream file(path);
  std::string text(std::istreambuf_iterator<char>(file), {});
  ::unlink(path.c_str());
  return text;
}

inline void allow_many_files() {
  rlimit files{};
  ::getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &files);
}

/// A server in a process of its own, so that its CPU time is not this one's. Made before there are threads; ends with
/// this object, or with this process. It listens on every address of this machine, on a port of its own.
class ServerProcess {
 public:
  explicit ServerProcess(const std::function<void(int listener)>& serve) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    socklen_t size = sizeof where;
    auto* address = reinterpret_cast<sockaddr*>(&where);
    if (::bind(listener, address, size) != 0 || ::listen(listener, 4096) != 0)
      throw std::runtime_error("cannot listen");
    ::getsockname(listener, address, &size);
    port = ntohs(where.sin_port);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      serve(listener);
      ::_exit(0);
    }
    ::close(listener);
  }
  ~ServerProcess() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  std::uint16_t port = 0;

 private:
  pid_t pid_ = -1;
};

}  // namespace berth
