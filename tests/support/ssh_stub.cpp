#include "ssh_stub.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <libssh/callbacks.h>
#include <libssh/server.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace berth {

struct SshStub::Channel {
  Connection* connection = nullptr;
  ssh_channel channel = nullptr;
  ssh_channel_callbacks_struct callbacks{};
  std::string output;     // still to be written
  std::size_t flood = 0;  // bytes still to be made
  bool is_stderr = false;
  bool echoes = false;
  bool hangs = false;
  bool ends = false;    // once all output is written
  bool leaves = false;  // without a status
  int status = 0;
  std::string signal;
  bool closed = false;  // by us
  bool gone = false;    // by the client
};

struct SshStub::Connection {
  SshStub* stub = nullptr;
  ssh_session session = nullptr;
  ssh_event event = nullptr;
  ssh_server_callbacks_struct callbacks{};
  std::vector<std::unique_ptr<Channel>> channels;
  int fd = -1;
  std::string address;  // that the client connected to
  std::uint32_t interest = EPOLLIN;
  bool exchanged = false;
  bool dead = false;
  bool stuck = false;

  int open_channels() const {
    return static_cast<int>(
        std::count_if(channels.begin(), channels.end(), [](const auto& channel) { return !channel->gone; }));
  }
  ~Connection() {
    ::shutdown(fd, SHUT_RDWR);  // no farewells
    for (auto& channel : channels) {
      ssh_remove_channel_callbacks(channel->channel, &channel->callbacks);
      ssh_channel_free(channel->channel);
    }
    if (event != nullptr) {
      ssh_event_remove_session(event, session);
      ssh_event_free(event);
    }
    if (session != nullptr) {
      ssh_silent_disconnect(session);
      ssh_free(session);
    }
    ::close(fd);  // a duplicate: in the epoll set
  }
};

namespace {

using Channel = SshStub::Channel;

std::shared_ptr<ssh_key_struct> make_key() {
  ssh_key key = nullptr;
  if (ssh_pki_generate(SSH_KEYTYPE_ED25519, 0, &key) != SSH_OK) throw std::runtime_error("no host key");
  return {key, &ssh_key_free};
}

int listen_on(const std::string& address) {
  const bool v6 = address.find(':') != std::string::npos;
  const int fd = ::socket(v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_storage where{};
  where.ss_family = v6 ? AF_INET6 : AF_INET;
  void* host = v6 ? static_cast<void*>(&reinterpret_cast<sockaddr_in6*>(&where)->sin6_addr)
                  : &reinterpret_cast<sockaddr_in*>(&where)->sin_addr;
  ::inet_pton(where.ss_family, address.c_str(), host);
  const socklen_t size = v6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&where), size) != 0 || ::listen(fd, 1024) != 0)
    throw std::runtime_error("cannot listen: " + std::string(std::strerror(errno)));
  return fd;
}

std::uint16_t port_of(int fd) {
  sockaddr_storage where{};
  socklen_t size = sizeof where;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size);
  return ntohs(where.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6*>(&where)->sin6_port
                                           : reinterpret_cast<sockaddr_in*>(&where)->sin_port);
}

/// IPv4 only; else empty.
std::string local_address(int fd) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  std::array<char, INET_ADDRSTRLEN> text{};
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&where), &size) != 0 || where.sin_family != AF_INET) return {};
  ::inet_ntop(AF_INET, &where.sin_addr, text.data(), text.size());
  return text.data();
}

void begin(Channel& channel, const std::string& text) {
  const auto space = text.find(' ');
  const std::string word = text.substr(0, space);
  const std::string rest = space == text.npos ? "" : text.substr(space + 1);
  channel.ends = word != "cat" && word != "hang";
  if (word == "echo") channel.output = rest + "\n";
  if (word == "error") {
    channel.output = rest + "\n";
    channel.is_stderr = true;
    channel.status = 1;
  }
  if (word == "lines")
    for (int i = std::stoi(rest); i > 0; --i) channel.output += "line " + std::to_string(i) + "\n";
  if (word == "exit") channel.status = std::stoi(rest);
  if (word == "cat") channel.echoes = true;
  if (word == "hang") channel.hangs = true;
  if (word == "flood") channel.flood = std::stoull(rest);
  if (word == "die") channel.signal = rest;
  if (word == "leave") channel.leaves = true;
}

void write_output(Channel& channel, ssh_session session) {
  while (!channel.output.empty() || channel.flood > 0) {
    if (channel.output.empty()) {
      const std::size_t piece = std::min<std::size_t>(channel.flood, 32768);
      channel.output.assign(piece, 'x');
      channel.flood -= piece;
    }
    if ((ssh_get_status(session) & SSH_WRITE_PENDING) != 0 || ssh_channel_window_size(channel.channel) == 0) return;
    const auto size = static_cast<std::uint32_t>(std::min<std::size_t>(channel.output.size(), 32768));
    const int written = channel.is_stderr ? ssh_channel_write_stderr(channel.channel, channel.output.data(), size)
                                          : ssh_channel_write(channel.channel, channel.output.data(), size);
    if (written <= 0) return;
    channel.output.erase(0, static_cast<std::size_t>(written));
  }
  if (!channel.ends || channel.closed) return;
  if (!channel.signal.empty())
    ssh_channel_request_send_exit_signal(channel.channel, channel.signal.c_str(), 0, "", "");
  else if (!channel.leaves)
    ssh_channel_request_send_exit_status(channel.channel, channel.status);
  ssh_channel_close(channel.channel);
  channel.closed = true;
}

}  // namespace

SshStub::SshStub(const std::string& address) : SshStub(listen_on(address)) {
  thread_ = std::thread([this] { loop(); });
}

SshStub::SshStub(int listening_socket) : listener_(listening_socket), host_key_(make_key()) {
  ::signal(SIGPIPE, SIG_IGN);
  port_ = port_of(listener_);
  ::fcntl(listener_, F_SETFL, O_NONBLOCK);
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  for (int* fd : {&listener_, &wake_}) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = fd;
    ::epoll_ctl(epoll_, EPOLL_CTL_ADD, *fd, &event);
  }
}

void SshStub::serve_for_ever(int listening_socket, Answers answers) {
  SshStub stub(listening_socket);
  stub.answers_ = std::move(answers);
  stub.max_channels = 1 << 30;
  stub.loop();
}

SshStub::~SshStub() {
  stop_ = true;
  frozen_ = false;
  wake();
  if (thread_.joinable()) thread_.join();
  connections_.clear();
  for (const int fd : {listener_, epoll_, wake_}) ::close(fd);
}

void SshStub::wake() {
  const std::uint64_t one = 1;
  (void)!::write(wake_, &one, sizeof one);
}
void SshStub::freeze() {
  frozen_ = true;
  wake();
}
void SshStub::thaw() {
  frozen_ = false;
  frozen_.notify_all();
}
void SshStub::release() {
  release_wanted_ = true;
  wake();
}
void SshStub::cut() {
  cut_wanted_ = true;
  wake();
}

std::string SshStub::host_key() const {
  const std::lock_guard lock(mutex_);
  char* base64 = nullptr;
  ssh_pki_export_pubkey_base64(host_key_.get(), &base64);
  std::string line = std::string("ssh-ed25519 ") + base64;
  ssh_string_free_char(base64);
  return line;
}
void SshStub::new_host_key() {
  const std::lock_guard lock(mutex_);
  host_key_ = make_key();
}

SshStubCounts SshStub::counts() {
  const std::lock_guard lock(mutex_);
  return counts_;
}
void SshStub::count(const std::function<void(SshStubCounts&)>& change) {
  const std::lock_guard lock(mutex_);
  change(counts_);
  changed_.notify_all();
}
bool SshStub::wait_until(const std::function<bool(const SshStubCounts&)>& holds) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, std::chrono::seconds(20), [&] { return holds(counts_); });
}

void SshStub::loop() {
  std::array<epoll_event, 256> events;
  while (!stop_) {
    const int ready = ::epoll_wait(epoll_, events.data(), events.size(), -1);
    frozen_.wait(true);
    for (int i = 0; i < ready; ++i) {
      void* what = events[static_cast<std::size_t>(i)].data.ptr;
      if (what == &listener_) {
        accept_one();
      } else if (what == &wake_) {
        std::uint64_t ignored = 0;
        (void)!::read(wake_, &ignored, sizeof ignored);
      } else {
        serve(*static_cast<Connection*>(what));
      }
    }
    const bool release = release_wanted_.exchange(false);
    const bool cut = cut_wanted_.exchange(false);
    if (release || cut) {
      for (auto& connection : connections_) {
        connection->dead = connection->dead || cut;
        for (auto& channel : connection->channels)
          if (release && std::exchange(channel->hangs, false)) channel->ends = true;
        serve(*connection);
      }
    }
    close_dead();
  }
}

void SshStub::close_dead() {
  std::erase_if(connections_, [this](const auto& connection) {
    if (!connection->dead) return false;
    const int open = connection->open_channels();
    count([open](SshStubCounts& c) { c.open_channels -= open; });
    return true;
  });
}

void SshStub::accept_one() {
  const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return;
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto connection = std::make_unique<Connection>();
  connection->stub = this;
  connection->fd = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  connection->address = local_address(connection->fd);
  count([](SshStubCounts& c) { ++c.connections; });
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = connection.get();
  if (silent_at_banner) {
    ::close(fd);
    connections_.push_back(std::move(connection));  // never served: without a session
    return;
  }
  greet(*connection, fd);
  ::epoll_ctl(epoll_, EPOLL_CTL_ADD, connection->fd, &event);
  connections_.push_back(std::move(connection));
  serve(*connections_.back());
}

void SshStub::serve(Connection& connection) {
  if (connection.dead || connection.session == nullptr) return;
  for (int polls = 0; polls < 64 && !connection.dead; ++polls) {
    if (connection.stuck) break;
    if (!connection.exchanged) {
      const int result = ssh_handle_key_exchange(connection.session);
      if (connection.event == nullptr) {  // not before libssh knows the descriptor
        connection.event = ssh_event_new();
        ssh_event_add_session(connection.event, connection.session);
      }
      connection.exchanged = result == SSH_OK;
      connection.stuck = connection.exchanged && hangs_in_authentication;
      connection.dead = result == SSH_ERROR;
    }
    settle(connection);
    const int result = ssh_event_dopoll(connection.event, 0);
    if (result == SSH_ERROR || ssh_is_connected(connection.session) == 0) connection.dead = true;
    if (result == SSH_AGAIN) break;
  }
  if (connection.dead) return wake();
  const bool pending = (ssh_get_poll_flags(connection.session) & SSH_WRITE_PENDING) != 0;
  const std::uint32_t interest = pending ? EPOLLIN | EPOLLOUT : EPOLLIN;
  if (interest == connection.interest) return;
  connection.interest = interest;
  epoll_event event{};
  event.events = interest;
  event.data.ptr = &connection;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, connection.fd, &event);
}

void SshStub::greet(Connection& connection, int fd) {
  connection.session = ssh_new();
  ssh_bind bind = ssh_bind_new();
  const bool no = false;
  ssh_bind_options_set(bind, SSH_BIND_OPTIONS_PROCESS_CONFIG, &no);
  {
    const std::lock_guard lock(mutex_);
    ssh_bind_options_set(bind, SSH_BIND_OPTIONS_IMPORT_KEY, ssh_key_dup(host_key_.get()));
  }
  connection.dead = ssh_bind_accept_fd(bind, connection.session, fd) != SSH_OK;
  ssh_bind_free(bind);
  ssh_set_blocking(connection.session, 0);
  ssh_set_auth_methods(connection.session, SSH_AUTH_METHOD_PUBLICKEY);
  ssh_callbacks_init(&connection.callbacks);
  connection.callbacks.userdata = &connection;
  connection.callbacks.auth_pubkey_function = [](ssh_session, const char*, ssh_key, char state, void* data) -> int {
    SshStub& stub = *static_cast<Connection*>(data)->stub;
    if (stub.refuses_authentication) return SSH_AUTH_DENIED;
    if (state == SSH_PUBLICKEY_STATE_VALID) stub.count([](SshStubCounts& c) { ++c.authenticated; });
    return SSH_AUTH_SUCCESS;
  };
  connection.callbacks.channel_open_request_session_function = [](ssh_session session, void* data) -> ssh_channel {
    auto& self = *static_cast<Connection*>(data);
    self.stuck = self.stub->ignores_exec;
    return self.stub->open_channel(self, session);
  };
  ssh_set_server_callbacks(connection.session, &connection.callbacks);
}

ssh_channel SshStub::open_channel(Connection& connection, ssh_session session) {
  if (connection.open_channels() >= max_channels) return nullptr;
  auto opened = std::make_unique<Channel>();
  opened->connection = &connection;
  opened->channel = ssh_channel_new(session);
  auto& callbacks = opened->callbacks;
  ssh_callbacks_init(&callbacks);
  callbacks.userdata = opened.get();
  callbacks.channel_exec_request_function = [](ssh_session, ssh_channel, const char* text, void* data) -> int {
    auto& channel = *static_cast<Channel*>(data);
    channel.connection->stub->count([text](SshStubCounts& c) {
      ++c.commands;
      if (c.texts.size() < 1000) c.texts.emplace_back(text);
    });
    channel.connection->dead = std::strcmp(text, "vanish") == 0;
    const auto& answers = channel.connection->stub->answers_;
    auto answer = answers ? answers(channel.connection->address, text) : std::nullopt;
    if (answer) {
      channel.output = std::move(*answer);
      channel.ends = true;
    } else {
      begin(channel, text);
    }
    return 0;
  };
  callbacks.channel_data_function = [](ssh_session, ssh_channel, void* bytes, std::uint32_t size, int,
                                       void* data) -> int {
    auto& channel = *static_cast<Channel*>(data);
    if (channel.echoes) channel.output.append(static_cast<const char*>(bytes), size);
    return static_cast<int>(size);
  };
  callbacks.channel_eof_function = [](ssh_session, ssh_channel, void* data) {
    auto& channel = *static_cast<Channel*>(data);
    channel.ends = channel.ends || channel.echoes;
  };
  callbacks.channel_signal_function = [](ssh_session, ssh_channel, const char* signal, void* data) {
    auto& channel = *static_cast<Channel*>(data);
    SshStub& stub = *channel.connection->stub;
    if (!stub.ignores_kill) {
      channel.signal = signal;
      channel.output.clear();
      channel.flood = 0;
      channel.ends = true;
    }
    stub.count([](SshStubCounts& c) { ++c.killed; });
  };
  callbacks.channel_close_function = [](ssh_session, ssh_channel, void* data) {
    auto& channel = *static_cast<Channel*>(data);
    channel.gone = !(channel.hangs && channel.connection->stub->ignores_kill);
    if (channel.gone) channel.connection->stub->count([](SshStubCounts& c) { --c.open_channels; });
  };
  ssh_set_channel_callbacks(opened->channel, &callbacks);
  connection.channels.push_back(std::move(opened));
  count([](SshStubCounts& c) { c.most_channels = std::max(c.most_channels, ++c.open_channels); });
  return connection.channels.back()->channel;
}

/// Goes on with each channel, outside of libssh's callbacks.
void SshStub::settle(Connection& connection) {
  auto& channels = connection.channels;
  // By index, and twice over: libssh may take in a packet inside any call and with it open a channel.
  for (std::size_t i = 0; i < channels.size(); ++i)
    if (!channels[i]->gone) write_output(*channels[i], connection.session);
  const auto gone = std::stable_partition(channels.begin(), channels.end(), [](const auto& c) { return !c->gone; });
  const std::vector<std::unique_ptr<Channel>> over(std::make_move_iterator(gone),
                                                   std::make_move_iterator(channels.end()));
  channels.erase(gone, channels.end());
  for (const auto& channel : over) {
    if (!channel->closed) ssh_channel_close(channel->channel);
    ssh_remove_channel_callbacks(channel->channel, &channel->callbacks);
    ssh_channel_free(channel->channel);
  }
}

}  // namespace berth
