#include "ssh_session.hpp"

#include <algorithm>
#include <fcntl.h>
#include <libssh/server.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include "cancelled.hpp"
#include "ssh_channel.hpp"
#include "ssh_key_state.hpp"

namespace berth {
namespace {

using Descriptor = asio::posix::stream_descriptor;

constexpr int polls_per_turn = 16;  // of 4 KB each; then others have their turn
constexpr int rounds_per_turn = 8;  // of steps, while they bring in new packets
constexpr std::size_t longest_text = 200;

/// What the other side says, fit to be shown.
std::string shown(std::string_view text) {
  std::string clean(text.substr(0, longest_text));
  for (char& c : clean)
    if (c < ' ' || c > '~') c = '?';
  return clean.empty() ? "the connection broke" : clean;
}

void set_option(ssh_session session, ssh_options_e option, const char* value) {
  ssh_options_set(session, option, value);
}

/// Nothing from this machine's files: no configuration, known hosts or keys.
ssh_session make_session(int fd, const std::string& user) {
  ssh_session session = ssh_new();
  if (session == nullptr) throw std::bad_alloc();
  const bool no = false;
  ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &no);
  set_option(session, SSH_OPTIONS_SSH_DIR, "/nonexistent");
  set_option(session, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
  set_option(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
  set_option(session, SSH_OPTIONS_HOST, "worker");  // never looked up: the descriptor is connected
  set_option(session, SSH_OPTIONS_USER, user.c_str());
  set_option(session, SSH_OPTIONS_HOSTKEYS,
             "ssh-ed25519,ecdsa-sha2-nistp256,ecdsa-sha2-nistp384,ecdsa-sha2-nistp521,rsa-sha2-512,rsa-sha2-256");
  ssh_options_set(session, SSH_OPTIONS_FD, &fd);
  ssh_set_blocking(session, 0);
  // A worker has nothing to ask of us; unanswered requests would pile up in libssh.
  ssh_set_message_callback(
      session, [](ssh_session, ssh_message, void*) { return 1; }, nullptr);
  return session;
}

}  // namespace

struct SshSession::State : std::enable_shared_from_this<State> {
  enum class Phase { unconnected, connecting, connected, authenticating, ready };

  State(Runtime& clock, asio::any_io_executor on, Fd connection, Fd duplicate, Duration silence, Listener hears)
      : runtime(clock),
        strand(std::move(on)),
        keepalive(silence),
        listener(std::move(hears)),
        readiness(strand, duplicate.release()),
        fd(connection.release()) {}
  ~State() { close(); }

  void connect(const std::string& user);
  void turn();
  void read();
  void step();
  void advance_connect();
  void advance_authentication();
  void reap();
  void arm();
  void post_turn();
  void lose(std::string why);
  void close();
  static awaitable<void> watch(std::shared_ptr<State> self);

  Runtime& runtime;
  asio::any_io_executor strand;
  Duration keepalive;
  Listener listener;
  Descriptor readiness;  // a duplicate: libssh may close its own inside any call
  int fd;                // libssh's, once `session` is there
  ssh_session session = nullptr;
  ssh_event event = nullptr;
  ssh_counter_struct counters{};
  Phase phase = Phase::unconnected;
  Result<void> phase_result;
  Signal phase_done;
  std::optional<SshKey> key;
  std::vector<std::unique_ptr<SshChannel>> channels;
  SteadyTime last_input;
  std::uint64_t seen_input = 0;
  bool lost = false;
  std::string loss;
  bool more = false;  // the last turn ended before its input did
  bool turn_posted = false;
  bool waits_to_read = false;
  bool waits_to_write = false;
  asio::cancellation_signal stop_watch;
};

void SshSession::State::connect(const std::string& user) {
  session = make_session(fd, user);
  ssh_set_counters(session, &counters, nullptr);
  phase = Phase::connecting;
  last_input = runtime.now();
}

/// All of libssh's work happens in turns.
void SshSession::State::turn() {
  if (lost || session == nullptr) return;
  read();
  for (int round = 0; !lost && round < rounds_per_turn; ++round) {
    const auto before = counters.in_bytes;
    step();
    // Any call may take in packets that are meant for another channel.
    if (counters.in_bytes == before) break;
    more = more || round + 1 == rounds_per_turn;
  }
  if (!lost && event != nullptr && ssh_is_connected(session) == 0) lose(shown(ssh_get_error(session)));
  if (counters.in_bytes != seen_input) {
    seen_input = counters.in_bytes;
    last_input = runtime.now();
  }
  reap();
  if (!lost) arm();
}

void SshSession::State::read() {
  more = false;
  if (event == nullptr) return;
  for (int polls = 0; polls < polls_per_turn; ++polls) {
    const int result = ssh_event_dopoll(event, 0);
    if (result == SSH_ERROR) return lose(shown(ssh_get_error(session)));
    if (result == SSH_AGAIN) return;
  }
  more = true;
}

void SshSession::State::step() {
  if (phase == Phase::connecting) advance_connect();
  if (phase == Phase::authenticating) advance_authentication();
  if (phase != Phase::ready) return;
  for (const auto& channel : channels) {
    channel->step();
    if (channel->overrun()) return lose("the worker sends more than it may");
    if (channel->lingers() && !channel->lingers_since) channel->lingers_since = runtime.now();
  }
}

void SshSession::State::advance_connect() {
  const int result = ssh_connect(session);
  if (result == SSH_ERROR) return lose(shown(ssh_get_error(session)));
  ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);  // libssh makes it a blocking one
  if (event == nullptr) {
    event = ssh_event_new();
    ssh_event_add_session(event, session);
  }
  if (result != SSH_OK) return;
  phase = Phase::connected;
  phase_done.notify();
}

void SshSession::State::advance_authentication() {
  const int result = ssh_userauth_publickey(session, nullptr, key->state_->key);
  if (result == SSH_AUTH_AGAIN) return;
  if (result == SSH_AUTH_ERROR) return lose(shown(ssh_get_error(session)));
  key.reset();
  if (result == SSH_AUTH_SUCCESS)
    phase = Phase::ready;
  else
    phase_result = fail(ErrorKind::denied, "the worker does not accept our key for this user");
  phase_done.notify();
}

/// Takes out the channels that are done. The listener is told last: it may end this session.
void SshSession::State::reap() {
  std::vector<std::pair<std::shared_ptr<SshCommand>, Unsent>> unsent;
  const auto done = [&](const std::unique_ptr<SshChannel>& channel) {
    const auto& command = channel->command();
    const bool refused = channel->stage() == SshChannel::Stage::refused;
    if (!lost && !refused) return channel->stage() == SshChannel::Stage::gone;
    if (!command->sent && !command->abandoned)
      unsent.emplace_back(command, lost ? Unsent::lost : Unsent::refused);
    else
      command->finish(fail(ErrorKind::network, "the connection broke while the command ran: " + loss));
    return true;
  };
  if (std::erase_if(channels, done) == 0 && !lost) return;
  const auto self = shared_from_this();
  const Listener hears = listener;
  for (auto& [command, why] : unsent)
    if (hears.given_back) hears.given_back(command, why);
  if (hears.changed) hears.changed();
}

void SshSession::State::arm() {
  if (more) return post_turn();
  if (!waits_to_read) {
    waits_to_read = true;
    readiness.async_wait(Descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& error) {
      self->waits_to_read = false;
      if (!error) self->turn();
    });
  }
  if (!waits_to_write && (ssh_get_poll_flags(session) & SSH_WRITE_PENDING) != 0) {
    waits_to_write = true;
    readiness.async_wait(Descriptor::wait_write, [self = shared_from_this()](const boost::system::error_code& error) {
      self->waits_to_write = false;
      if (!error) self->turn();
    });
  }
}

void SshSession::State::post_turn() {
  if (turn_posted || lost) return;
  turn_posted = true;
  asio::post(strand, [self = shared_from_this()] {
    self->turn_posted = false;
    self->turn();
  });
}

void SshSession::State::lose(std::string why) {
  if (lost) return;
  lost = true;
  loss = std::move(why);
  phase_result = fail(ErrorKind::network, loss);
  phase_done.notify();
}

void SshSession::State::close() {
  lose("closed");
  stop_watch.emit(asio::cancellation_type::terminal);
  boost::system::error_code ignored;
  readiness.close(ignored);
  channels.clear();
  if (event != nullptr) {
    ssh_event_remove_session(event, session);
    ssh_event_free(std::exchange(event, nullptr));
  }
  if (session != nullptr) {
    ssh_disconnect(session);
    ssh_free(std::exchange(session, nullptr));
  } else if (fd >= 0) {
    ::close(fd);
  }
  fd = -1;
}

/// A peer that went away without a word leaves the connection as it is: only an answer shows that it is there.
awaitable<void> SshSession::State::watch(std::shared_ptr<State> self) {
  while (!self->lost) {
    co_await self->runtime.sleep_until(self->last_input + self->keepalive);
    if (self->listener.changed) Listener(self->listener).changed();  // a channel may have lingered for long
    if (self->lost || self->runtime.now() < self->last_input + self->keepalive) continue;
    const auto before = self->last_input;
    // The first call only takes in the answer to the last question, if there was one.
    ssh_send_keepalive(self->session);
    ssh_send_keepalive(self->session);
    self->post_turn();
    co_await self->runtime.sleep_for(self->keepalive);
    if (self->lost || self->last_input != before) continue;
    self->lose("the worker no longer answers");
    self->reap();
  }
}

SshSession::SshSession(Runtime& runtime, asio::any_io_executor strand, Fd connection, Fd duplicate, Duration keepalive,
                       Listener listener)
    : state_(std::make_shared<State>(runtime, std::move(strand), std::move(connection), std::move(duplicate), keepalive,
                                     std::move(listener))) {}

SshSession::~SshSession() {
  state_->listener = {};
  state_->close();
}

awaitable<Result<std::string>> SshSession::handshake(std::string user) {
  const auto state = state_;
  auto done = state->phase_done.subscribe();
  state->connect(user);
  state->post_turn();
  co_await done.wait();
  if (!state->phase_result) co_return fail(state->phase_result.error());
  ssh_key host_key = nullptr;
  if (ssh_get_server_publickey(state->session, &host_key) != SSH_OK)
    co_return fail(ErrorKind::network, "the worker shows no host key");
  std::string line = public_key_line(host_key);
  ssh_key_free(host_key);
  co_return line;
}

awaitable<Result<void>> SshSession::authenticate(SshKey key) {
  const auto state = state_;
  if (state->lost) co_return state->phase_result;
  auto done = state->phase_done.subscribe();
  state->key = std::move(key);
  state->phase = State::Phase::authenticating;
  state->post_turn();
  co_await done.wait();
  if (!state->phase_result || state->lost) co_return state->phase_result;
  asio::co_spawn(state->strand, State::watch(state),
                 asio::bind_cancellation_slot(state->stop_watch.slot(), [state](const std::exception_ptr& error) {
                   rethrow_unless_cancelled(error);
                 }));
  co_return Result<void>();
}

void SshSession::start(std::shared_ptr<SshCommand> command) {
  if (state_->lost) return command->finish(fail(ErrorKind::network, "the connection broke: " + state_->loss));
  state_->channels.push_back(std::make_unique<SshChannel>(state_->session, std::move(command)));
  state_->post_turn();
}

void SshSession::poke() {
  state_->post_turn();
}

bool SshSession::lost() const {
  return state_->lost;
}

const std::string& SshSession::loss() const {
  return state_->loss;
}

ChannelLoad SshSession::load() const {
  ChannelLoad load;
  const SteadyTime now = state_->runtime.now();
  for (const auto& channel : state_->channels)
    if (!channel->lingers_since || now - *channel->lingers_since < state_->keepalive)
      ++load.count(channel->command()->use);
  return load;
}

void SshSession::end_streams(const Error& error) {
  for (const auto& channel : state_->channels) {
    if (channel->command()->use != ChannelUse::stream) continue;
    channel->command()->finish(fail(error));
    channel->command()->abandoned = true;
  }
  poke();
}

void SshSession::give_up(std::string why) {
  state_->lose(std::move(why));
  state_->reap();
}

}  // namespace berth
