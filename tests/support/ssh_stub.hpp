#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <libssh/libssh.h>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace berth {

/// What a stub SSH server has seen.
struct SshStubCounts {
  int connections = 0;
  int authenticated = 0;
  int open_channels = 0;
  int most_channels = 0;  ///< open at once
  int commands = 0;
  int killed = 0;                  ///< signals received
  std::vector<std::string> texts;  ///< of commands, in order; only the first 1,000
};

/// An SSH server in one thread that runs no processes and can misbehave. It knows these commands:
///   true | exit N | echo TEXT | cat | error TEXT (to stderr, exit 1) | die SIG (ends by a signal) |
///   lines N (`line N` … `line 1`) | flood N (N bytes of output) | hang (until killed or released) | vanish (the
///   connection is cut) | leave (closes the channel without a status)
class SshStub {
 public:
  explicit SshStub(const std::string& address = "127.0.0.1");
  /// What a command writes before it ends with status 0, by the address that was connected to; nothing: it is one of
  /// the above. Called by the loop.
  using Answers = std::function<std::optional<std::string>(const std::string& address, const std::string& command)>;
  /// On a socket that listens already; the loop runs in the caller's thread until the process ends.
  static void serve_for_ever(int listening_socket, Answers answers = {});
  ~SshStub();
  SshStub(const SshStub&) = delete;
  SshStub& operator=(const SshStub&) = delete;

  std::uint16_t port() const { return port_; }
  /// In the form of an authorized_keys line.
  std::string host_key() const;

  // From now on.
  void new_host_key();
  std::atomic<bool> silent_at_banner = false;
  std::atomic<bool> hangs_in_authentication = false;
  std::atomic<bool> refuses_authentication = false;
  std::atomic<bool> ignores_exec = false;
  std::atomic<bool> ignores_kill = false;  ///< a killed command's channel stays open
  std::atomic<int> max_channels = 10;      ///< of one connection

  /// Stops serving, as under SIGSTOP: connections are accepted by the kernel, nothing is answered.
  void freeze();
  void thaw();
  /// Ends commands that hang, with status 0.
  void release();
  /// Cuts all connections.
  void cut();

  SshStubCounts counts();
  /// Blocks until `holds` or 20 s have passed; says which.
  bool wait_until(const std::function<bool(const SshStubCounts&)>& holds);

  struct Connection;
  struct Channel;

 private:
  explicit SshStub(int listening_socket);
  void loop();
  void accept_one();
  void greet(Connection& connection, int fd);
  ssh_channel open_channel(Connection& connection, ssh_session session);
  void serve(Connection& connection);
  void settle(Connection& connection);
  void close_dead();
  void wake();
  void count(const std::function<void(SshStubCounts&)>& change);

  int listener_ = -1;
  int epoll_ = -1;
  int wake_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stop_ = false;
  std::atomic<bool> frozen_ = false;
  std::atomic<bool> release_wanted_ = false;
  std::atomic<bool> cut_wanted_ = false;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  SshStubCounts counts_;
  Answers answers_;
  std::shared_ptr<ssh_key_struct> host_key_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::thread thread_;
};

}  // namespace berth
