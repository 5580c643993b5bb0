#pragma once

#include <array>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "berth/base/asio.hpp"
#include "berth/base/back_off.hpp"
#include "berth/remote/ssh.hpp"

#include "ssh_command.hpp"
#include "ssh_metrics.hpp"
#include "ssh_session.hpp"

namespace berth {

/// The connection to one worker, whether it stands or not, and the commands that wait for it. All on `strand()`, but
/// for the constructor.
class SshLink : public std::enable_shared_from_this<SshLink> {
 public:
  SshLink(Runtime& runtime, Metrics& metrics, Logger logger, SshOptions options);
  const asio::any_io_executor& strand() const { return strand_; }

  /// Runs the command and waits for its end; a caller that goes away abandons it.
  static awaitable<Result<int>> run(std::shared_ptr<SshLink> self, std::shared_ptr<SshCommand> command);
  /// The same on a session of the caller's, at once: for the check of its host.
  static awaitable<Result<int>> run_unverified(std::shared_ptr<SshSession> session,
                                               std::shared_ptr<SshCommand> command);
  /// For streams. Begins one; whoever does so leaves it in the end.
  void enter(const std::shared_ptr<SshCommand>& command);
  void leave(const std::shared_ptr<SshCommand>& command);
  /// What the stream wrote and its caller has not taken, waiting for it; empty at its end.
  static awaitable<std::string> next_output(std::shared_ptr<SshLink> self, std::shared_ptr<SshCommand> command);
  /// A stream's caller has written to its stdin.
  void poke();
  void set_address(std::string address);
  void close();

 private:
  std::deque<std::shared_ptr<SshCommand>>& waiting(ChannelUse use) { return waiting_[static_cast<std::size_t>(use)]; }
  bool anyone_waits() const;
  void tend();
  void start_connecting();
  static awaitable<void> connect(std::shared_ptr<SshLink> self);
  static awaitable<Result<std::shared_ptr<SshSession>>> establish(std::shared_ptr<SshLink> self);
  static awaitable<Result<void>> verify(std::shared_ptr<SshLink> self, std::shared_ptr<SshSession> session,
                                        std::string host_key);
  void login_refused(const Error& error);
  void connected(Result<std::shared_ptr<SshSession>> result, Duration took);
  void admit();
  void session_changed();
  void given_back(std::shared_ptr<SshCommand> command, Unsent why);
  void refused(std::shared_ptr<SshCommand> command);
  void drop_session(const std::string& why);
  void back_off();
  void put_first(std::shared_ptr<SshCommand> command);
  void fail_waiting(const Error& error);

  Runtime& runtime_;
  SshMetrics metrics_;
  Logger log_;
  SshOptions options_;
  asio::any_io_executor strand_;
  std::array<std::deque<std::shared_ptr<SshCommand>>, 3> waiting_;  // by ChannelUse, in the order of their right
  std::shared_ptr<SshSession> session_;
  int limit_ = ChannelLoad::most;  // of this session
  bool proven_ = false;            // a command ended on this session
  bool connecting_ = false;
  bool refusal_told_ = false;
  bool closed_ = false;
  std::string verified_key_;
  BackOff back_off_;
  SteadyTime not_before_;
  std::shared_ptr<asio::cancellation_signal> stop_connecting_;
};

}  // namespace berth
