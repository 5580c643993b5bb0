#include "bounded_relay.hpp"

#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include "berth/base/fd.hpp"

namespace berth {
namespace {

using asio::generic::stream_protocol;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kPiece = 16 << 10;

tl::unexpected<Error> system_failure(const char* what) {
  return fail(ErrorKind::failed, std::string(what) + ": " + std::strerror(errno));
}

}  // namespace

struct BoundedRelay::State {
  State(const asio::any_io_executor& executor, int library_fd, int peer_fd)
      : library(executor, stream_protocol(AF_UNIX, 0), library_fd),
        peer(executor, stream_protocol(AF_UNSPEC, 0), peer_fd) {}

  static awaitable<void> upstream(std::shared_ptr<State> self) {
    std::array<char, kPiece> piece;
    for (;;) {
      const auto [read_error, size] = co_await self->library.async_read_some(asio::buffer(piece), kAsTuple);
      if (read_error) break;
      const auto [write_error, written] = co_await asio::async_write(self->peer, asio::buffer(piece, size), kAsTuple);
      if (write_error) {
        self->note(write_error);
        break;
      }
    }
    self->end();
  }

  static awaitable<void> downstream(std::shared_ptr<State> self) {
    std::array<char, kPiece> piece;
    for (;;) {
      const auto [read_error, size] = co_await self->peer.async_read_some(asio::buffer(piece), kAsTuple);
      if (read_error) {
        self->note(read_error);
        break;
      }
      if (size > self->allowed) {
        self->error = Error{ErrorKind::exhausted, "the server sends without end"};
        break;
      }
      self->allowed -= size;
      const auto [write_error, written] =
          co_await asio::async_write(self->library, asio::buffer(piece, size), kAsTuple);
      if (write_error) break;
    }
    self->end();
  }

  void note(const boost::system::error_code& code) {
    const bool closed = code == asio::error::eof || code == asio::error::operation_aborted;
    if (!error && !closed) error = Error{ErrorKind::network, code.message()};
  }

  /// The library reads what is on its way to it, and then the end.
  void end() {
    if (library.is_open()) ::shutdown(library.native_handle(), SHUT_WR);
    close_peer();
  }
  void close_peer() {
    boost::system::error_code ignored;
    peer.close(ignored);
  }
  void close() {
    pass_last_words();
    boost::system::error_code ignored;
    library.close(ignored);
    close_peer();
  }

  /// What the library said on leaving, if it can go at once.
  void pass_last_words() {
    if (!library.is_open() || !peer.is_open()) return;
    std::array<char, kPiece> piece;
    const ssize_t size = ::recv(library.native_handle(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (size > 0)
      (void)::send(peer.native_handle(), piece.data(), static_cast<std::size_t>(size), MSG_DONTWAIT | MSG_NOSIGNAL);
  }

  stream_protocol::socket library;
  stream_protocol::socket peer;
  std::size_t allowed = 0;
  std::optional<Error> error;
};

BoundedRelay::~BoundedRelay() {
  close();
}

Result<void> BoundedRelay::insert(const asio::any_io_executor& executor, int descriptor) {
  close();
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
    return system_failure("socketpair");
  Fd ours(ends[0]);
  const Fd library(ends[1]);
  Fd peer(::fcntl(descriptor, F_DUPFD_CLOEXEC, 0));
  if (peer.get() < 0) return system_failure("dup");
  if (::dup3(library.get(), descriptor, O_CLOEXEC) < 0) return system_failure("dup3");
  state_ = std::make_shared<State>(executor, ours.release(), peer.release());
  asio::co_spawn(executor, State::upstream(state_), asio::detached);
  asio::co_spawn(executor, State::downstream(state_), asio::detached);
  return {};
}

void BoundedRelay::allow(std::size_t bytes) {
  if (state_) state_->allowed = bytes;
}

void BoundedRelay::close() {
  if (state_) state_->close();
  state_.reset();
}

std::optional<Error> BoundedRelay::error() const {
  return state_ ? state_->error : std::nullopt;
}

}  // namespace berth
