#pragma once

#include <memory>
#include <mutex>
#include <prometheus/counter.h>
#include <string>

#include "berth/base/log.hpp"
#include "berth/base/metrics.hpp"
#include "berth/cloud/driver.hpp"
#include "berth/remote/ssh.hpp"

namespace berth {

/// How checks of hosts ended.
struct HostCheckCounts {
  explicit HostCheckCounts(Metrics& metrics);
  prometheus::Counter& accepted;
  prometheus::Counter& refused;    ///< another host, for all that we know
  prometheus::Counter& undecided;  ///< the secret or the driver's answer was not to be had
};

/// Whether a host is the instance (facts §6.2): what the driver says of its key or, where it knows none, whether the
/// host holds the secret that the instance was created with. Thread-safe; shared with the connection that asks.
class HostIdentity {
 public:
  HostIdentity(Logger log, HostCheckCounts counts, std::shared_ptr<Instance> instance, std::string secret);
  /// As a later list shows the instance.
  void refresh(std::shared_ptr<Instance> instance);

  /// Errors: denied, if it is another host; network and timeout if that could not be found out.
  awaitable<Result<void>> check(std::string host_key, Executor& unverified);

 private:
  std::shared_ptr<Instance> instance() const;
  awaitable<Result<void>> ask(Instance& instance, const std::string& host_key, Executor& unverified) const;
  awaitable<Result<void>> compare_secret(Instance& instance, Executor& unverified) const;
  void tell(const std::string& host_key, const Result<void>& verdict);

  const Logger log_;
  const HostCheckCounts counts_;
  const std::string secret_;
  mutable std::mutex mutex_;  // guards what follows
  std::shared_ptr<Instance> instance_;
  // The latest of each, so that it is said once.
  std::string refused_key_;
  std::string undecided_key_;
};

HostCheck make_host_check(std::shared_ptr<HostIdentity> identity);

/// What shows the secret of a host (facts §6.2).
std::string secret_command(std::string_view login_user);
/// Whether that command's output is the secret to the byte. An empty secret is nobody's.
Result<void> judge_secret(const CommandOutput& output, std::string_view secret);

}  // namespace berth
