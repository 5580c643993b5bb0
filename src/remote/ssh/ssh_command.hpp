#pragma once

#include <optional>
#include <string>

#include "berth/base/signal.hpp"
#include "berth/remote/executor.hpp"

#include "channel_load.hpp"

namespace berth {

/// A command on its way. Its caller and its connection share it, on the connection's strand.
struct SshCommand {
  SshCommand(Command asked, ChannelUse wanted) : command(std::move(asked)), use(wanted) {}
  SshCommand(const SshCommand&) = delete;
  SshCommand& operator=(const SshCommand&) = delete;

  Command command;
  const ChannelUse use;
  int others = 0;           ///< channels that the connection used when this one's was asked for
  bool retried = false;     ///< it has no second connection left
  bool sent = false;        ///< the worker may have run it
  bool abandoned = false;   ///< nobody waits for it any more
  std::string stdout_text;  ///< of a stream: what its caller has not taken yet
  std::string stderr_text;
  std::optional<Result<int>> end;  ///< its exit status, or why there is none
  Signal changed;                  ///< output of a stream, or the end

  void finish(Result<int> how) {
    if (end || abandoned) return;
    end = std::move(how);
    changed.notify();
  }
};

}  // namespace berth
