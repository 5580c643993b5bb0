#pragma once

#include <functional>
#include <memory>
#include <string>

#include "berth/base/asio.hpp"
#include "berth/base/fd.hpp"
#include "berth/base/result.hpp"
#include "berth/base/runtime.hpp"
#include "berth/remote/ssh.hpp"

#include "ssh_command.hpp"

namespace berth {

/// What becomes of commands that a session could not send.
enum class Unsent { refused, lost };

/// One SSH connection, over libssh. It lives on one strand, on which all is called; its end closes the connection.
class SshSession {
 public:
  struct Listener {
    /// A channel's place is free again, or the session was lost.
    std::function<void()> changed;
    /// This command was not sent and is not this session's any more.
    std::function<void(std::shared_ptr<SshCommand>, Unsent)> given_back;
  };

  /// `duplicate`: of the connected socket `connection`, to wait on.
  SshSession(Runtime& runtime, asio::any_io_executor strand, Fd connection, Fd duplicate, Duration keepalive,
             Listener listener);
  ~SshSession();
  SshSession(const SshSession&) = delete;
  SshSession& operator=(const SshSession&) = delete;

  /// Agrees on keys; returns the host's, in the form of an authorized_keys line. Errors: network.
  awaitable<Result<std::string>> handshake(std::string user);
  /// Errors: denied, network.
  awaitable<Result<void>> authenticate(SshKey key);
  /// Opens a channel for the command. Its output and end appear in the command itself.
  void start(std::shared_ptr<SshCommand> command);
  /// Something about one of the commands changed: abandoned, output taken.
  void poke();

  bool lost() const;
  /// Why it was lost, for people.
  const std::string& loss() const;
  /// Channels in use; those that the server holds on to for longer than the keepalive time do not count.
  ChannelLoad load() const;
  /// Ends what streams with this error.
  void end_streams(const Error& error);
  /// Gives up the connection: whatever runs ends with a network error, what was not sent is given back.
  void give_up(std::string why);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth
