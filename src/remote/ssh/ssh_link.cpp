#include "ssh_link.hpp"

#include <algorithm>
#include <fcntl.h>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>

#include "berth/base/deadline.hpp"

#include "at_exit.hpp"
#include "cancelled.hpp"
#include "dial.hpp"
#include "unverified.hpp"

namespace berth {
namespace {

constexpr std::size_t longest_command = 128 * 1024;  // more is too much for one argument of a process on Linux

Error host_check_error(Error error) {
  if (error.kind != ErrorKind::network && error.kind != ErrorKind::timeout) error.kind = ErrorKind::denied;
  return error.within("host check");
}

}  // namespace

SshLink::SshLink(Runtime& runtime, Metrics& metrics, Logger logger, SshOptions options)
    : runtime_(runtime),
      metrics_(metrics),
      log_(std::move(logger)),
      options_(std::move(options)),
      strand_(runtime.make_strand()),
      back_off_(options_.first_back_off, options_.longest_back_off),
      not_before_(runtime.now()) {}

awaitable<Result<int>> SshLink::run(std::shared_ptr<SshLink> self, std::shared_ptr<SshCommand> command) {
  auto changed = command->changed.subscribe();
  const AtExit leave([&] { self->leave(command); });
  self->enter(command);
  while (!command->end) co_await changed.wait();
  co_return *command->end;
}

void SshLink::enter(const std::shared_ptr<SshCommand>& command) {
  if (closed_) return command->finish(fail(ErrorKind::network, "the executor was closed"));
  const std::string& text = command->command.text;
  if (text.size() > longest_command || text.find('\0') != text.npos)
    return command->finish(fail(ErrorKind::invalid, "the command is longer than 128 KiB or holds a NUL character"));
  if (options_.address.empty() && !session_)
    return command->finish(fail(ErrorKind::network, "the worker has no address"));
  metrics_.waiting(1);
  waiting(command->use).push_back(command);
  tend();
}

void SshLink::leave(const std::shared_ptr<SshCommand>& command) {
  if (command->end && *command->end) {
    metrics_.command_ended();
    proven_ = true;
    back_off_.reset();
  } else {
    metrics_.command_failed(command->end ? command->end->error().kind : ErrorKind::timeout);
  }
  command->abandoned = true;
  if (std::erase(waiting(command->use), command) > 0) metrics_.waiting(-1);
  if (session_ && !command->end) session_->poke();
}

awaitable<Result<int>> SshLink::run_unverified(std::shared_ptr<SshSession> session,
                                               std::shared_ptr<SshCommand> command) {
  auto changed = command->changed.subscribe();
  const AtExit leave([&] {
    command->abandoned = true;
    session->poke();
  });
  session->start(command);
  while (!command->end) co_await changed.wait();
  co_return *command->end;
}

awaitable<std::string> SshLink::next_output(std::shared_ptr<SshLink> self, std::shared_ptr<SshCommand> command) {
  auto changed = command->changed.subscribe();
  while (!command->end && command->stdout_text.empty()) co_await changed.wait();
  if (self->session_) self->session_->poke();  // there is room again
  co_return std::exchange(command->stdout_text, {});
}

void SshLink::poke() {
  if (session_) session_->poke();
}

void SshLink::set_address(std::string address) {
  if (address == options_.address) return;
  options_.address = std::move(address);
  back_off_.reset();
  not_before_ = runtime_.now();
}

void SshLink::close() {
  closed_ = true;
  if (stop_connecting_) stop_connecting_->emit(asio::cancellation_type::terminal);
  if (session_) drop_session("closed");
  fail_waiting(Error{ErrorKind::network, "the executor was closed"});
}

bool SshLink::anyone_waits() const {
  return std::any_of(waiting_.begin(), waiting_.end(), [](const auto& queue) { return !queue.empty(); });
}

/// Does what there is to do; called whenever something changed.
void SshLink::tend() {
  if (closed_) return fail_waiting(Error{ErrorKind::network, "the executor was closed"});
  if (session_) return admit();
  if (!connecting_ && anyone_waits()) start_connecting();
}

void SshLink::start_connecting() {
  connecting_ = true;
  stop_connecting_ = std::make_shared<asio::cancellation_signal>();
  asio::co_spawn(strand_, connect(shared_from_this()),
                 asio::bind_cancellation_slot(
                     stop_connecting_->slot(),
                     [keep = stop_connecting_](const std::exception_ptr& error) { rethrow_unless_cancelled(error); }));
}

awaitable<void> SshLink::connect(std::shared_ptr<SshLink> self) {
  co_await self->runtime_.sleep_until(self->not_before_);
  const SteadyTime begun = self->runtime_.now();
  auto result = co_await establish(self);
  self->connected(std::move(result), self->runtime_.now() - begun);
}

awaitable<Result<std::shared_ptr<SshSession>>> SshLink::establish(std::shared_ptr<SshLink> self) {
  Runtime& runtime = self->runtime_;
  const SshOptions& options = self->options_;
  auto endpoint = parse_ssh_address(options.address, options.default_port);
  if (!endpoint) co_return fail(endpoint.error());
  auto connection = co_await dial(runtime, *endpoint, options.connect_deadline);
  if (!connection) co_return fail(connection.error());
  Fd duplicate(::fcntl(connection->get(), F_DUPFD_CLOEXEC, 0));
  if (!duplicate) co_return fail(ErrorKind::exhausted, "no file descriptor left for an SSH connection");
  SshSession::Listener listener;
  listener.changed = [weak = self->weak_from_this()] {
    if (auto link = weak.lock()) link->session_changed();
  };
  listener.given_back = [weak = self->weak_from_this()](const std::shared_ptr<SshCommand>& command, Unsent why) {
    if (auto link = weak.lock()) link->given_back(command, why);
  };
  auto session = std::make_shared<SshSession>(runtime, self->strand_, std::move(*connection), std::move(duplicate),
                                              options.keepalive, std::move(listener));
  const auto late = [](Error error, std::string_view what) {
    if (error.kind == ErrorKind::timeout) error.message = "no answer within the deadline";
    return fail(error.within(what));
  };
  SshConnectLimit::Place place;
  if (options.connect_limit) place = co_await SshConnectLimit::enter(options.connect_limit, runtime);
  auto host_key = co_await with_deadline(runtime, options.handshake_deadline, session->handshake(options.user));
  if (!host_key) co_return late(host_key.error(), "SSH handshake");
  auto known = co_await with_deadline(runtime, options.authentication_deadline, session->authenticate(options.key));
  if (!known) {
    if (known.error().kind == ErrorKind::denied) self->login_refused(known.error());
    co_return late(known.error(), "SSH authentication");
  }
  place.reset();
  if (auto verified = co_await verify(self, session, *host_key); !verified) co_return fail(verified.error());
  co_return session;
}

awaitable<Result<void>> SshLink::verify(std::shared_ptr<SshLink> self, std::shared_ptr<SshSession> session,
                                        std::string host_key) {
  if (host_key == self->verified_key_) co_return Result<void>();
  UnverifiedExecutor unverified(self->runtime_, self->strand_, session);
  auto verified = co_await with_deadline(self->runtime_, self->options_.host_check_deadline,
                                         self->options_.check_host(host_key, unverified));
  if (verified) {
    self->verified_key_ = std::move(host_key);
    co_return verified;
  }
  co_return fail(host_check_error(verified.error()));
}

/// Said once, not with each attempt, until a connection stands.
void SshLink::login_refused(const Error& error) {
  if (std::exchange(refusal_told_, true)) return;
  log_.warn("the worker refuses the dispatcher's login",
            {{"Address", options_.address}, {"User", options_.user}, {"error", error.message}});
}

void SshLink::connected(Result<std::shared_ptr<SshSession>> result, Duration took) {
  connecting_ = false;
  if (result && (*result)->lost()) result = fail(ErrorKind::network, "the connection broke: " + (*result)->loss());
  if (!result) {
    metrics_.not_connected(result.error().kind);
    log_.debug("cannot connect", {{"Address", options_.address}, {"error", result.error().message}});
    back_off();
    return fail_waiting(result.error());
  }
  session_ = std::move(*result);
  limit_ = ChannelLoad::most;
  proven_ = false;
  refusal_told_ = false;
  metrics_.sessions(1);
  metrics_.connected(std::chrono::duration<double>(took).count());
  log_.debug("connected", {{"Address", options_.address}});
  tend();
}

/// Hands waiting commands to the session, as many as it may have.
void SshLink::admit() {
  ChannelLoad load = session_->load();
  load.limit = limit_;
  for (const auto use : {ChannelUse::brief, ChannelUse::stream, ChannelUse::background}) {
    while (!waiting(use).empty() && load.admits(use)) {
      waiting(use).front()->others = load.used();
      ++load.count(use);
      metrics_.waiting(-1);
      session_->start(std::move(waiting(use).front()));
      waiting(use).pop_front();
    }
  }
}

void SshLink::session_changed() {
  if (session_ && session_->lost()) {
    log_.info("connection lost", {{"Address", options_.address}, {"error", session_->loss()}});
    drop_session(session_->loss());
  }
  tend();
}

void SshLink::given_back(std::shared_ptr<SshCommand> command, Unsent why) {
  if (command->abandoned || command->end) return;
  if (why == Unsent::refused && session_) return refused(std::move(command));
  if (std::exchange(command->retried, true))
    return command->finish(fail(ErrorKind::network, "the connection broke before the command was sent"));
  put_first(std::move(command));
}

/// The server opens fewer channels than it usually does (MaxSessions), or holds on to those of commands that do not
/// die.
void SshLink::refused(std::shared_ptr<SshCommand> command) {
  const ChannelLoad load = session_->load();
  limit_ = std::max(1, std::min(limit_, command->others));
  if (command->others == 0) {
    if (std::exchange(command->retried, true))
      return command->finish(fail(ErrorKind::network, "the worker's SSH server opens no channel"));
    log_.info("the worker's SSH server opens no channel; connecting anew", {{"Address", options_.address}});
    drop_session("it opens no channel");
  } else if (command->use == ChannelUse::stream) {
    return command->finish(fail(ErrorKind::exhausted, "the worker's SSH server has no channel left for a stream"));
  } else if (load.streams > 0 && load.used() == load.streams) {
    session_->end_streams(Error{ErrorKind::exhausted, "the worker's SSH server needs the channel for commands"});
  }
  put_first(std::move(command));
}

void SshLink::put_first(std::shared_ptr<SshCommand> command) {
  metrics_.waiting(1);
  auto& queue = waiting(command->use);
  queue.push_front(std::move(command));
}

void SshLink::drop_session(const std::string& why) {
  if (!proven_) back_off();
  metrics_.sessions(-1);
  auto dropped = std::exchange(session_, nullptr);
  dropped->give_up(why);
}

void SshLink::back_off() {
  not_before_ = runtime_.now() + back_off_.after_failure(runtime_.random());
}

void SshLink::fail_waiting(const Error& error) {
  for (auto& queue : waiting_) {
    for (const auto& command : std::exchange(queue, {})) {
      metrics_.waiting(-1);
      command->finish(fail(error));
    }
  }
}

}  // namespace berth
