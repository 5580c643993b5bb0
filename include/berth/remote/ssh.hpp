#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/base/runtime.hpp"
#include "berth/remote/executor.hpp"

namespace berth {

/// An unencrypted private key, parsed. Cheap to copy, copies share the key; shown nowhere.
class SshKey {
 public:
  /// `pem`: Ed25519, ECDSA or RSA in OpenSSH, PKCS#1, SEC 1 or PKCS#8 form (what read_private_key returns). Errors:
  /// invalid, never with key text.
  static Result<SshKey> parse(std::string_view pem);
  /// The public half in the form of an authorized_keys line without comment.
  std::string authorized_key() const;

  struct State;

 private:
  friend class SshSession;
  explicit SshKey(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

/// Decides whether the host that shows `host_key` (in the form of an authorized_keys line without comment) is the
/// instance (facts §6.2). `unverified` runs commands, one at a time, on the connection that is not trusted yet; it is
/// valid until the check returns. An error: the connection is closed and nothing else was sent. Network and timeout
/// keep their kind, for they prove nothing; any other becomes `denied`. Runs on the executor's strand.
using HostCheck = std::function<awaitable<Result<void>>(std::string host_key, Executor& unverified)>;

/// Handshakes cost a millisecond of CPU each: when a thousand workers connect at once, this keeps the event loop free
/// for the others. Shared by all executors; thread-safe. Whoever holds a place for more than a second (a peer that
/// hangs) loses it to the next, so that nobody is held up by others.
class SshConnectLimit {
 public:
  explicit SshConnectLimit(std::size_t most = 32) : most_(most) {}
  /// Given back by its end.
  using Place = std::shared_ptr<void>;
  /// Waits for a place, first come, first served.
  static awaitable<Place> enter(std::shared_ptr<SshConnectLimit> self, Runtime& runtime);

 private:
  struct Holder;
  bool take(const std::shared_ptr<Holder>& wanting, SteadyTime now, SteadyTime& retry);
  void leave(const std::shared_ptr<Holder>& holder);

  const std::size_t most_;
  std::mutex mutex_;
  std::deque<std::shared_ptr<Holder>> waiting_;
  std::deque<std::shared_ptr<Holder>> holding_;  // oldest first
};

struct SshOptions {
  std::string address;  ///< `host`, `host:port`, `[v6]:port` or bare IPv6; empty: not known yet, commands fail
  std::uint16_t default_port = 22;  ///< where the address names none
  std::string user = "root";
  SshKey key;
  HostCheck check_host;

  std::shared_ptr<SshConnectLimit> connect_limit;       ///< null: none
  Duration connect_deadline = std::chrono::minutes(1);  ///< name and TCP (facts §6.3)
  Duration handshake_deadline = std::chrono::seconds(30);
  Duration authentication_deadline = std::chrono::seconds(30);
  Duration host_check_deadline = std::chrono::minutes(1);
  /// After so long without a byte from the peer it is asked for one; after as long again the connection counts as
  /// broken.
  Duration keepalive = std::chrono::seconds(15);
  /// After a failed connection the next one waits, from the first up to the longest, doubling; each time a random part
  /// of up to a half is taken off. Commands that arrive meanwhile wait, within their deadlines.
  Duration first_back_off = std::chrono::milliseconds(500);
  Duration longest_back_off = std::chrono::seconds(10);
};

/// Runs commands on one worker over one long-lived SSH connection (facts §6.3), made at the first command, made again
/// when it broke and a command comes. At most 9 channels at once (sshd allows 10), fewer if the server refuses earlier;
/// one of them may be a stream. Commands beyond that wait: first come, first served, background ones after all others
/// and never in the last free channel.
///
/// `check_host` is asked once for each host key and then only when the key changes. A command that was cancelled or ran
/// out of time is sent SIGKILL, its channel closed; the connection and other commands go on. (sshd passes signals on
/// only to commands of users other than root; root's end at their next write.) A command whose connection broke before
/// it was sent is tried once more; later that is a network error, as it may have run.
std::unique_ptr<Executor> make_ssh_executor(Runtime& runtime, Metrics& metrics, Logger logger, SshOptions options);

}  // namespace berth
