#include "ssh_access.hpp"

#include <array>
#include <charconv>
#include <netdb.h>
#include <netinet/in.h>

#include "berth/config/private_key.hpp"
#include "berth/remote/local.hpp"

namespace berth {
namespace {

constexpr const char* kKey = "Containers.DispatchPrivateKey";
constexpr const char* kPort = "Containers.CloudVMs.SSHPort";

/// Why an instance cannot be reached, at every command.
class NoExecutor final : public Executor {
 public:
  awaitable<Result<CommandOutput>> execute(Command) override { co_return refusal(); }
  awaitable<Result<int>> stream(Command, std::function<void(std::string_view)>) override { co_return refusal(); }
  void set_address(std::string) override {}
  void close() override {}

 private:
  static tl::unexpected<Error> refusal() {
    return fail(ErrorKind::unsupported, std::string(kKey) + " is not set: the instance is reached over SSH");
  }
};

SshOptions ssh_options(const Instance& instance, const SshAccess& access, HostCheck check,
                       std::shared_ptr<SshConnectLimit> limit) {
  return {.address = instance.address(),
          .default_port = access.port,
          .user = instance.remote_user(),
          .key = *access.key,
          .check_host = std::move(check),
          .connect_limit = std::move(limit)};
}

}  // namespace

Result<std::uint16_t> parse_ssh_port(const std::string& text) {
  constexpr std::uint16_t usual = 22;
  if (text.empty() || text == "ssh") return usual;
  std::uint16_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc{} && end == text.data() + text.size() && number > 0) return number;
  servent entry{};
  servent* found = nullptr;
  std::array<char, 4096> buffer{};
  if (::getservbyname_r(text.c_str(), "tcp", &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return ntohs(static_cast<std::uint16_t>(found->s_port));
  return fail(ErrorKind::invalid, "neither a port nor the name of a TCP service: \"" + text + "\"");
}

Result<SshAccess> read_ssh_access(const Cluster& cluster) {
  SshAccess access;
  const auto port = parse_ssh_port(cluster.containers.cloud_vms.ssh_port);
  if (!port) return fail(port.error().within(kPort));
  access.port = *port;
  const auto pem = read_private_key(cluster.containers.dispatch_private_key);
  if (!pem) return fail(pem.error().within(kKey));
  if (pem->empty()) return access;
  auto key = SshKey::parse(*pem);
  if (!key) return fail(key.error().within(kKey));
  access.key = std::move(*key);
  return access;
}

ExecutorFactory make_executor_factory(Runtime& runtime, Metrics& metrics, const Logger& log, SshAccess access) {
  return [&runtime, &metrics, log, access = std::move(access), limit = std::make_shared<SshConnectLimit>()](
             const Instance& instance, HostCheck check) -> std::unique_ptr<Executor> {
    if (const auto* environment = instance.local_environment()) return make_local_executor(runtime, *environment);
    if (!access.key) return std::make_unique<NoExecutor>();
    return make_ssh_executor(runtime, metrics, log.with({{"Instance", instance.id()}}),
                             ssh_options(instance, access, std::move(check), limit));
  };
}

}  // namespace berth
