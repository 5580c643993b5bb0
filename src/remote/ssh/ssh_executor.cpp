#include <signal.h>

#include <boost/asio/dispatch.hpp>

#include "berth/base/deadline.hpp"
#include "berth/remote/ssh.hpp"

#include "at_exit.hpp"
#include "line_splitter.hpp"
#include "ssh_link.hpp"

namespace berth {
namespace {

class SshExecutor final : public Executor {
 public:
  SshExecutor(Runtime& runtime, Metrics& metrics, Logger logger, SshOptions options)
      : runtime_(runtime), link_(std::make_shared<SshLink>(runtime, metrics, std::move(logger), std::move(options))) {}
  ~SshExecutor() override { SshExecutor::close(); }

  awaitable<Result<CommandOutput>> execute(Command command) override {
    const Duration deadline = command.deadline;
    const ChannelUse use = command.background ? ChannelUse::background : ChannelUse::brief;
    auto sent = std::make_shared<SshCommand>(std::move(command), use);
    const auto link = link_;  // *this may die meanwhile
    Runtime& runtime = runtime_;
    auto status = co_await with_deadline(runtime, deadline, call_on(link->strand(), SshLink::run(link, sent)));
    if (!status && status.error().kind == ErrorKind::timeout && !sent->end)
      status.error().message = sent->sent ? "the command did not end within its deadline and was killed"
                                          : "no connection or free channel within the command's deadline";
    if (!status) co_return fail(status.error());
    co_return CommandOutput{*status, std::move(sent->stdout_text), std::move(sent->stderr_text)};
  }

  awaitable<Result<int>> stream(Command command, std::function<void(std::string_view)> on_line) override {
    return stream_over(link_, std::move(command), std::move(on_line));
  }

  void set_address(std::string address) override {
    asio::dispatch(link_->strand(),
                   [link = link_, address = std::move(address)]() mutable { link->set_address(std::move(address)); });
  }
  void close() override {
    asio::dispatch(link_->strand(), [link = link_] { link->close(); });
  }

 private:
  static awaitable<Result<int>> stream_over(std::shared_ptr<SshLink> link, Command command,
                                            std::function<void(std::string_view)> on_line) {
    const std::size_t max_line = command.max_output;
    LineSplitter lines(std::move(on_line), max_line);
    const auto input = command.input;
    auto sent = std::make_shared<SshCommand>(std::move(command), ChannelUse::stream);
    if (input)
      input->on_write([weak = std::weak_ptr(link)] {
        if (auto strong = weak.lock()) asio::dispatch(strong->strand(), [strong] { strong->poke(); });
      });
    const AtExit leave([&] {
      if (input) input->on_write({});
      asio::dispatch(link->strand(), [link, sent] { link->leave(sent); });
    });
    asio::dispatch(link->strand(), [link, sent] { link->enter(sent); });
    for (;;) {
      const std::string output = co_await call_on(link->strand(), SshLink::next_output(link, sent));
      if (output.empty()) break;
      if (!lines.take(output))
        co_return fail(ErrorKind::exhausted,
                       "the command wrote a line of more than " + std::to_string(max_line) + " bytes and was killed");
    }
    if (*sent->end) lines.finish();
    co_return *sent->end;
  }

  Runtime& runtime_;
  std::shared_ptr<SshLink> link_;
};

}  // namespace

std::unique_ptr<Executor> make_ssh_executor(Runtime& runtime, Metrics& metrics, Logger logger, SshOptions options) {
  // A connection may break under a write; that has to fail, not to kill this process.
  ::signal(SIGPIPE, SIG_IGN);
  return std::make_unique<SshExecutor>(runtime, metrics, std::move(logger), std::move(options));
}

}  // namespace berth
