#pragma once

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <memory>
#include <string_view>

#include "berth/base/time.hpp"

#include "ssh_command.hpp"

namespace berth {

/// One command's channel on an open session: a machine without I/O of its own, that its session steps whenever bytes
/// came or room for bytes is there. Never waits. Belongs to the session's strand.
class SshChannel {
 public:
  enum class Stage {
    opening,
    requesting,  ///< open; the command is on its way
    running,
    closing,  ///< the command's end is known or it was abandoned
    gone,     ///< closed by both sides
    refused,  ///< the server opens no more channels; the command was not sent
  };

  SshChannel(ssh_session session, std::shared_ptr<SshCommand> command);
  ~SshChannel();
  SshChannel(const SshChannel&) = delete;
  SshChannel& operator=(const SshChannel&) = delete;

  void step();
  Stage stage() const { return stage_; }
  const std::shared_ptr<SshCommand>& command() const { return command_; }
  /// The command ended or was killed, but the server still holds the channel.
  bool lingers() const { return stage_ == Stage::closing; }
  /// A stream's server sent far more than its window allows: libssh keeps all of it.
  bool overrun() const { return overrun_; }
  /// When its session first saw it linger.
  std::optional<SteadyTime> lingers_since;

 private:
  void open();
  void request();
  void run();
  void write_input();
  void take_lines();
  void close();
  void kill();
  Result<int> exit_status() const;
  int take_output(std::string_view bytes, bool is_stderr);

  ssh_session session_;
  std::shared_ptr<SshCommand> command_;
  ssh_channel channel_ = nullptr;
  ssh_channel_callbacks_struct callbacks_{};
  Stage stage_ = Stage::opening;
  std::size_t written_ = 0;
  bool eof_sent_ = false;
  bool close_sent_ = false;
  bool closed_by_server_ = false;
  bool too_much_ = false;
  bool overrun_ = false;
  int status_ = -1;     // none yet
  std::string signal_;  // that ended the command, without SIG
};

/// What a shell reports for a command that died of this signal (RFC 4254 §6.10, without SIG): 128 + its number; 255 for
/// unknown names.
int exit_status_of_signal(std::string_view name);

}  // namespace berth
