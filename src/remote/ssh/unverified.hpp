#pragma once

#include "berth/base/deadline.hpp"
#include "berth/remote/executor.hpp"

#include "ssh_link.hpp"

namespace berth {

/// Commands for the check of a host, on a session that nobody else may use yet.
class UnverifiedExecutor final : public Executor {
 public:
  UnverifiedExecutor(Runtime& runtime, asio::any_io_executor strand, std::shared_ptr<SshSession> session)
      : runtime_(runtime), strand_(std::move(strand)), session_(std::move(session)) {}

  awaitable<Result<CommandOutput>> execute(Command command) override {
    const Duration deadline = command.deadline;
    auto sent = std::make_shared<SshCommand>(std::move(command), ChannelUse::brief);
    sent->retried = true;  // another connection would be another host
    auto operation = call_on(strand_, SshLink::run_unverified(session_, sent));
    auto status = co_await with_deadline(runtime_, deadline, std::move(operation));
    if (!status) co_return fail(status.error());
    co_return CommandOutput{*status, std::move(sent->stdout_text), std::move(sent->stderr_text)};
  }
  awaitable<Result<int>> stream(Command, std::function<void(std::string_view)>) override {
    co_return fail(ErrorKind::unsupported, "no streams before the host is verified");
  }
  void set_address(std::string) override {}
  void close() override {}

 private:
  Runtime& runtime_;
  asio::any_io_executor strand_;
  std::shared_ptr<SshSession> session_;
};

}  // namespace berth
