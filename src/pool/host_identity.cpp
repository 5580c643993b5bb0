#include "host_identity.hpp"

#include <utility>

#include "berth/base/secret.hpp"

#include "commands.hpp"

namespace berth {
namespace {

constexpr const char* check_metric = "berth_host_checks_total";
constexpr const char* check_help = "Checks whether a host is the instance that it is taken for, by outcome.";
constexpr std::size_t enough_output = 4096;

awaitable<Result<void>> check_host(std::shared_ptr<HostIdentity> identity, std::string host_key, Executor* unverified) {
  co_return co_await identity->check(std::move(host_key), *unverified);
}

}  // namespace

HostCheckCounts::HostCheckCounts(Metrics& metrics)
    : accepted(metrics.counter(check_metric, check_help, {{"outcome", "accepted"}})),
      refused(metrics.counter(check_metric, check_help, {{"outcome", "refused"}})),
      undecided(metrics.counter(check_metric, check_help, {{"outcome", "undecided"}})) {}

std::string secret_command(std::string_view login_user) {
  return std::string(sudo_prefix(login_user)) + "cat /var/run/arvados-instance-secret";
}

Result<void> judge_secret(const CommandOutput& output, std::string_view secret) {
  if (secret.empty()) return fail(ErrorKind::denied, "the instance has no secret in its tags to know the host by");
  // Perhaps the instance is still booting: that proves nothing.
  if (output.exit_status != 0)
    return fail(ErrorKind::network,
                "the host shows no instance secret (exit status " + std::to_string(output.exit_status) + ")");
  if (!same_secret(output.stdout_text, secret))
    return fail(ErrorKind::denied, "the host holds another secret than the instance");
  return {};
}

HostCheck make_host_check(std::shared_ptr<HostIdentity> identity) {
  return [identity = std::move(identity)](std::string host_key, Executor& unverified) {
    return check_host(identity, std::move(host_key), &unverified);
  };
}

HostIdentity::HostIdentity(Logger log, HostCheckCounts counts, std::shared_ptr<Instance> instance, std::string secret)
    : log_(std::move(log)), counts_(counts), secret_(std::move(secret)), instance_(std::move(instance)) {}

void HostIdentity::refresh(std::shared_ptr<Instance> instance) {
  const std::lock_guard lock(mutex_);
  instance_ = std::move(instance);
}

std::shared_ptr<Instance> HostIdentity::instance() const {
  const std::lock_guard lock(mutex_);
  return instance_;
}

awaitable<Result<void>> HostIdentity::check(std::string host_key, Executor& unverified) {
  const auto instance = this->instance();
  auto verdict = co_await ask(*instance, host_key, unverified);
  tell(host_key, verdict);
  co_return verdict;
}

awaitable<Result<void>> HostIdentity::ask(Instance& instance, const std::string& host_key, Executor& unverified) const {
  const auto verdict = co_await instance.verify_host_key(host_key);
  if (!verdict) co_return fail(ErrorKind::network, "host key not checked: " + verdict.error().message);
  switch (*verdict) {
    case HostKeyVerdict::ok:
      co_return Result<void>{};
    case HostKeyVerdict::mismatch:
      co_return fail(ErrorKind::denied, "the host has another key than the instance");
    case HostKeyVerdict::not_implemented:
      break;
  }
  co_return co_await compare_secret(instance, unverified);
}

awaitable<Result<void>> HostIdentity::compare_secret(Instance& instance, Executor& unverified) const {
  Command command;
  command.text = secret_command(instance.remote_user());
  command.max_output = enough_output;
  const auto output = co_await unverified.execute(std::move(command));
  if (output) co_return judge_secret(*output, secret_);
  // More than fits is no secret of ours.
  co_return fail(output.error().kind == ErrorKind::exhausted
                     ? Error{ErrorKind::denied, "the host holds another secret than the instance"}
                     : output.error().within("instance secret not read"));
}

void HostIdentity::tell(const std::string& host_key, const Result<void>& verdict) {
  if (verdict) {
    counts_.accepted.Increment();
    log_.info("host verified", {{"HostKey", host_key}});
    return;
  }
  const bool refused = verdict.error().kind == ErrorKind::denied;
  (refused ? counts_.refused : counts_.undecided).Increment();
  const std::lock_guard lock(mutex_);
  std::string& told = refused ? refused_key_ : undecided_key_;
  const bool news = std::exchange(told, host_key) != host_key;
  const LogLevel level = !news ? LogLevel::debug : refused ? LogLevel::error : LogLevel::info;
  log_.log(level, refused ? "host refused: it is not the instance" : "host not verified yet",
           {{"error", verdict.error().message}, {"HostKey", host_key}});
}

}  // namespace berth
