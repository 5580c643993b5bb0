#include "loopback.hpp"

#include <array>
#include <pwd.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/blocking.hpp"
#include "berth/base/deadline.hpp"

#include "lock_holders.hpp"

namespace berth {
namespace loopback {
namespace {

/// How long a runner of a destroyed instance may take to end its container's record by itself, and killed ones to be
/// gone.
constexpr Duration terminate_grace = std::chrono::seconds(2);

std::string current_user() {
  std::array<char, 4096> buffer;
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return ::geteuid() == 0 ? "root" : std::to_string(::geteuid());
}

/// A process, held so that its number cannot come to mean another one.
using Process = asio::posix::stream_descriptor;

std::vector<Process> open_processes(const asio::any_io_executor& executor, const std::vector<pid_t>& pids) {
  std::vector<Process> processes;
  for (const pid_t pid : pids)
    if (const int fd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); fd >= 0)
      processes.emplace_back(executor, fd);
  return processes;
}

void signal_all(std::vector<Process>& processes, int signal) {
  for (Process& process : processes) ::syscall(SYS_pidfd_send_signal, process.native_handle(), signal, nullptr, 0);
}

awaitable<Result<void>> wait_for_end(std::vector<Process>& processes) {
  boost::system::error_code ignored;
  for (Process& process : processes)
    co_await process.async_wait(Process::wait_read, asio::redirect_error(asio::use_awaitable, ignored));
  co_return Result<void>();
}

/// Ends the runners that hold locks there, gently at first, and all that they started.
awaitable<void> end_lock_holders(Runtime& runtime, std::string lock_directory) {
  const LockHolders found =
      co_await run_blocking(runtime, [lock_directory] { return find_lock_holders(lock_directory); });
  if (found.runners.empty()) co_return;
  const auto executor = co_await asio::this_coro::executor;
  auto runners = open_processes(executor, found.runners);
  auto descendants = open_processes(executor, found.descendants);
  signal_all(runners, SIGTERM);
  co_await with_deadline(runtime, terminate_grace, wait_for_end(runners));
  signal_all(runners, SIGKILL);
  signal_all(descendants, SIGKILL);
  // Their files are removed next; nobody may still be writing.
  co_await with_deadline(runtime, terminate_grace, wait_for_end(runners));
  co_await with_deadline(runtime, terminate_grace, wait_for_end(descendants));
}

class LocalInstance final : public Instance {
 public:
  LocalInstance(Runtime& runtime, std::shared_ptr<InstanceStore> store, StoredInstance stored, bool booted)
      : runtime_(runtime), store_(std::move(store)), stored_(std::move(stored)), address_(booted ? "127.0.0.1" : "") {}

  const std::string& id() const override { return stored_.id; }
  const std::string& provider_type() const override { return stored_.provider_type; }
  const std::string& address() const override { return address_; }
  const std::string& remote_user() const override { return remote_user_; }
  const InstanceTags& tags() const override { return stored_.tags; }
  std::vector<InstancePrice> price_history(const InstanceType&) const override { return {}; }

  awaitable<Result<void>> set_tags(InstanceTags tags) override {
    co_return co_await run_blocking(
        runtime_, [store = store_, id = stored_.id, tags = std::move(tags)] { return store->set_tags(id, tags); });
  }

  awaitable<Result<void>> destroy() override {
    const auto store = store_;
    const std::string id = stored_.id;
    Runtime& runtime = runtime_;
    const auto begun = co_await run_blocking(runtime, [store, id] { return store->begin_destroy(id); });
    if (!begun) co_return fail(begun.error());
    if (!begun->empty()) co_await end_lock_holders(runtime, *begun);
    co_return co_await run_blocking(runtime, [store, id] { return store->finish_destroy(id); });
  }

  awaitable<Result<HostKeyVerdict>> verify_host_key(std::string) override { co_return HostKeyVerdict::ok; }
  const std::map<std::string, std::string>* local_environment() const override { return &stored_.environment; }

 private:
  Runtime& runtime_;
  const std::shared_ptr<InstanceStore> store_;
  const StoredInstance stored_;
  const std::string address_;
  const std::string remote_user_ = current_user();
};

class LoopbackSet final : public InstanceSet {
 public:
  LoopbackSet(Runtime& runtime, std::shared_ptr<InstanceStore> store, Duration boot_delay)
      : runtime_(runtime), store_(std::move(store)), boot_delay_(boot_delay) {}

  awaitable<Result<std::shared_ptr<Instance>>> create(CreateRequest request) override {
    auto stored =
        co_await run_blocking(runtime_, [store = store_, type = std::move(request.type), tags = std::move(request.tags),
                                         now = runtime_.wall_now()] { return store->create(type, tags, now); });
    if (!stored) co_return fail(stored.error());
    co_return make_instance(std::move(*stored));
  }

  awaitable<Result<std::vector<std::shared_ptr<Instance>>>> instances(InstanceTags) override {
    auto stored = co_await run_blocking(runtime_, [store = store_] { return store->list(); });
    std::vector<std::shared_ptr<Instance>> all;
    for (StoredInstance& instance : stored) all.push_back(make_instance(std::move(instance)));
    co_return all;
  }

  std::string quota_group(const InstanceType&) const override { return ""; }
  awaitable<void> stop() override { co_return; }

 private:
  std::shared_ptr<Instance> make_instance(StoredInstance stored) const {
    const bool booted = runtime_.wall_now() >= stored.created + boot_delay_;
    return std::make_shared<LocalInstance>(runtime_, store_, std::move(stored), booted);
  }

  Runtime& runtime_;
  const std::shared_ptr<InstanceStore> store_;
  const Duration boot_delay_;
};

}  // namespace

std::unique_ptr<InstanceSet> make_set(Runtime& runtime, std::shared_ptr<InstanceStore> store, Duration boot_delay) {
  return std::make_unique<LoopbackSet>(runtime, std::move(store), boot_delay);
}

}  // namespace loopback

Result<std::unique_ptr<InstanceSet>> make_loopback_set(const DriverContext& context) {
  const auto parameters = loopback::parse_parameters(context.parameters);
  if (!parameters) return fail(parameters.error());
  if (parameters->single)
    return loopback::make_set(context.runtime, loopback::make_memory_store("/var/lock"), Duration::zero());
  auto store = loopback::open_directory_store(*parameters, context.log);
  if (!store) return fail(store.error());
  return loopback::make_set(context.runtime, std::move(*store), parameters->boot_delay);
}

}  // namespace berth
