#include <algorithm>
#include <array>
#include <functional>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "berth/base/call_on.hpp"
#include "berth/base/deadline.hpp"
#include "berth/base/signal.hpp"
#include "berth/remote/local.hpp"

#include "child_process.hpp"
#include "line_splitter.hpp"

namespace berth {
namespace {

using boost::system::error_code;
using Descriptor = asio::posix::stream_descriptor;
/// Takes a piece of output; false ends the command.
using Sink = std::function<bool(std::string_view)>;

std::vector<std::string> merged_environment(const std::map<std::string, std::string>& additions) {
  std::vector<std::string> merged;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (!additions.contains(std::string(text.substr(0, text.find('='))))) merged.emplace_back(text);
  }
  for (const auto& [name, value] : additions) merged.push_back(name + '=' + value);
  return merged;
}

awaitable<void> reap_when_ended(Descriptor pidfd, ChildProcess child) {
  int ignored = 0;
  while (!child.reap(ignored)) {
    error_code error;
    co_await pidfd.async_wait(Descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
  }
}

/// A command in flight. It and its coroutines live on one strand.
class Conversation {
 public:
  Conversation(const asio::any_io_executor& strand, ChildProcess child, std::shared_ptr<StreamInput> input = nullptr)
      : strand_(strand),
        input_(std::move(input)),
        child_(std::move(child)),
        pidfd_(strand, child_.pidfd.release()),
        stdin_(strand, child_.stdin_pipe.release()),
        stdout_(strand, child_.stdout_pipe.release()),
        stderr_(strand, child_.stderr_pipe.release()) {
    if (input_) input_->on_write([more = more_input_] { more->notify(); });
  }

  /// Whatever still runs is killed; somebody has to wait for the child's end, or it stays a zombie.
  ~Conversation() {
    if (input_) input_->on_write({});
    if (ended_) return;
    child_.kill();
    asio::co_spawn(strand_, reap_when_ended(std::move(pidfd_), std::move(child_)), asio::detached);
  }
  Conversation(const Conversation&) = delete;
  Conversation& operator=(const Conversation&) = delete;

  /// Feeds and reads the command until it has ended. Returns its exit status.
  awaitable<int> run(SharedBytes stdin_data, Sink on_stdout, Sink on_stderr) {
    using namespace boost::asio::experimental::awaitable_operators;
    // None of these throws when it is cancelled: `&&` would make multiple_exceptions of that.
    co_await (write(std::move(stdin_data)) && read(stdout_, std::move(on_stdout)) &&
              read(stderr_, std::move(on_stderr)) && wait_for_end());
    if (!ended_) throw boost::system::system_error(asio::error::operation_aborted);
    co_return exit_status_;
  }

 private:
  awaitable<void> write(SharedBytes data) {
    error_code error;
    auto more = more_input_->subscribe();
    do {
      co_await asio::async_write(stdin_, asio::buffer(data.view()), asio::redirect_error(asio::use_awaitable, error));
      if (input_) data = input_->take();
    } while (!error && input_ && (!data.view().empty() || co_await goes_on(more)));
    stdin_.close(error);  // EPIPE: the command does not want more, which is its business
  }

  /// Waits for more input. False once the command has ended or this was cancelled.
  awaitable<bool> goes_on(Subscription& more) {
    try {
      if (!ended_) co_await more.wait();
    } catch (const boost::system::system_error&) {
      co_return false;
    }
    co_return !ended_;
  }

  /// Reads until the end of file; after the child's end only what is there already, for another process may hold the
  /// pipe open.
  awaitable<void> read(Descriptor& pipe, Sink sink) {
    std::array<char, 65536> buffer;
    error_code error;
    while (!ended_) {
      const std::size_t size =
          co_await pipe.async_read_some(asio::buffer(buffer), asio::redirect_error(asio::use_awaitable, error));
      if (size > 0 && !sink({buffer.data(), size})) co_return child_.kill();
      if (error && !ended_) co_return;
    }
    int available = 0;
    ::ioctl(pipe.native_handle(), FIONREAD, &available);
    while (available > 0) {
      const std::size_t size = pipe.read_some(asio::buffer(buffer, static_cast<std::size_t>(available)), error);
      if (error || !sink({buffer.data(), size})) co_return;
      available -= static_cast<int>(size);
    }
  }

  awaitable<void> wait_for_end() {
    error_code error;
    while (!child_.reap(exit_status_)) {
      co_await pidfd_.async_wait(Descriptor::wait_read, asio::redirect_error(asio::use_awaitable, error));
      if (error) co_return;
    }
    ended_ = true;
    more_input_->notify();
    error_code ignored;
    stdin_.cancel(ignored);
    stdout_.cancel(ignored);
    stderr_.cancel(ignored);
  }

  asio::any_io_executor strand_;
  std::shared_ptr<StreamInput> input_;
  std::shared_ptr<Signal> more_input_ = std::make_shared<Signal>();
  ChildProcess child_;
  Descriptor pidfd_;
  Descriptor stdin_;
  Descriptor stdout_;
  Descriptor stderr_;
  bool ended_ = false;
  int exit_status_ = 0;
};

class LocalExecutor final : public Executor {
 public:
  LocalExecutor(Runtime& runtime, const std::map<std::string, std::string>& environment)
      : runtime_(runtime),
        environment_(std::make_shared<const std::vector<std::string>>(merged_environment(environment))) {}
  ~LocalExecutor() override { groups_->close(); }

  awaitable<Result<CommandOutput>> execute(Command command) override {
    const Duration deadline = command.deadline;
    auto strand = co_await command_strand();
    auto operation = call_on(strand, execute_on(strand, groups_, environment_, std::move(command)));
    auto result = co_await with_deadline(runtime_, deadline, std::move(operation));
    if (!result && result.error().kind == ErrorKind::timeout)
      result.error().message = "the command did not end within its deadline and was killed";
    co_return result;
  }

  awaitable<Result<int>> stream(Command command, std::function<void(std::string_view)> on_line) override {
    auto strand = co_await command_strand();
    co_return co_await call_on(strand,
                               stream_on(strand, groups_, environment_, std::move(command), std::move(on_line)));
  }

  void set_address(std::string) override {}
  void close() override { groups_->close(); }

 private:
  using Environment = std::shared_ptr<const std::vector<std::string>>;
  using Groups = std::shared_ptr<ProcessGroups>;

  /// A strand inside the caller's executor: if that is a strand itself, on_line runs there as well.
  static awaitable<asio::any_io_executor> command_strand() {
    co_return asio::make_strand(co_await asio::this_coro::executor);
  }

  static Result<ChildProcess> start(const Groups& groups, const Environment& environment, const Command& command) {
    if (groups->closed()) return fail(ErrorKind::network, "the executor was closed");
    const bool sudo = command.text.starts_with("sudo ");
    return ChildProcess::spawn(groups, sudo ? command.text.substr(5) : command.text, *environment);
  }

  static awaitable<Result<CommandOutput>> execute_on(asio::any_io_executor strand, Groups groups,
                                                     Environment environment, Command command) {
    auto child = start(groups, environment, command);
    if (!child) co_return fail(child.error());
    Conversation conversation(strand, std::move(*child));
    CommandOutput output;
    bool too_much = false;
    const auto keep = [&](std::string& text, std::string_view bytes) {
      too_much = too_much || output.stdout_text.size() + output.stderr_text.size() + bytes.size() > command.max_output;
      if (!too_much) text.append(bytes);
      return !too_much;
    };
    Sink on_stdout = [&](std::string_view bytes) { return keep(output.stdout_text, bytes); };
    Sink on_stderr = [&](std::string_view bytes) { return keep(output.stderr_text, bytes); };
    output.exit_status =
        co_await conversation.run(std::move(command.stdin_data), std::move(on_stdout), std::move(on_stderr));
    if (groups->closed()) co_return fail(ErrorKind::network, "the executor was closed");
    if (too_much)
      co_return fail(ErrorKind::exhausted,
                     "the command wrote more than " + std::to_string(command.max_output) + " bytes and was killed");
    co_return output;
  }

  static awaitable<Result<int>> stream_on(asio::any_io_executor strand, Groups groups, Environment environment,
                                          Command command, std::function<void(std::string_view)> on_line) {
    auto child = start(groups, environment, command);
    if (!child) co_return fail(child.error());
    Conversation conversation(strand, std::move(*child), std::move(command.input));
    LineSplitter lines(std::move(on_line), command.max_output);
    bool too_long = false;
    Sink on_stdout = [&](std::string_view bytes) { return !(too_long = too_long || !lines.take(bytes)); };
    Sink on_stderr = [](std::string_view) { return true; };
    const int status =
        co_await conversation.run(std::move(command.stdin_data), std::move(on_stdout), std::move(on_stderr));
    if (groups->closed()) co_return fail(ErrorKind::network, "the executor was closed");
    if (too_long)
      co_return fail(ErrorKind::exhausted, "the command wrote a line of more than " +
                                               std::to_string(command.max_output) + " bytes and was killed");
    lines.finish();
    co_return status;
  }

  Runtime& runtime_;
  Groups groups_ = std::make_shared<ProcessGroups>();
  Environment environment_;
};

}  // namespace

std::unique_ptr<Executor> make_local_executor(Runtime& runtime, const std::map<std::string, std::string>& environment) {
  // A command may end without reading its stdin; the write then has to fail, not to kill this process.
  ::signal(SIGPIPE, SIG_IGN);
  return std::make_unique<LocalExecutor>(runtime, environment);
}

}  // namespace berth
