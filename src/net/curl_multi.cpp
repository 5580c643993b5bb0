#include "curl_multi.hpp"

#include <new>
#include <utility>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "berth/base/signal.hpp"

namespace berth {

/// A handle in the multi's care. It lives in the frame of perform().
struct CurlMulti::Transfer {
  Transfer(CurlMulti& m, CURL* e) : multi(m), easy(e) {
    curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
    ++multi.transfers_;
    curl_multi_add_handle(multi.multi_, easy);
  }
  ~Transfer() {
    curl_multi_remove_handle(multi.multi_, easy);
    if (--multi.transfers_ == 0) multi.cancel_timer();
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  CurlMulti& multi;
  CURL* const easy;
  CURLcode result = CURLE_OK;
  Signal ended;
  Subscription woken = ended.subscribe();
};

/// A descriptor that libcurl owns and we watch.
struct CurlMulti::Socket {
  Socket(const asio::any_io_executor& executor, curl_socket_t fd) : descriptor(executor, fd) {}
  ~Socket() { forget(); }
  /// To be called before libcurl closes the descriptor: its number may be another's a moment later.
  void forget() {
    if (descriptor.is_open()) descriptor.release();
  }

  asio::posix::stream_descriptor descriptor;
  int wanted = 0;   // CURL_POLL_IN, CURL_POLL_OUT
  int pending = 0;  // those of them that are being waited for
};

struct CurlMulti::Sleeper {
  explicit Sleeper(SteadyTime t) : until(t) {}
  const SteadyTime until;
  asio::cancellation_signal cancel;
};

CurlMulti::CurlMulti(Runtime& runtime, asio::any_io_executor strand, std::size_t connections,
                     std::size_t connections_per_host)
    : runtime_(runtime), strand_(std::move(strand)), multi_(curl_multi_init()) {
  if (multi_ == nullptr) throw std::bad_alloc();
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(connections));
  curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, static_cast<long>(connections_per_host));
}

CurlMulti::~CurlMulti() {
  dead_ = true;
  for (const auto& [fd, socket] : sockets_) socket->forget();
  sockets_.clear();
  curl_multi_cleanup(multi_);
}

awaitable<CURLcode> CurlMulti::perform(CURL* easy) {
  auto self = shared_from_this();
  Transfer transfer(*this, easy);
  co_await transfer.woken.wait();
  co_return transfer.result;
}

void CurlMulti::act(curl_socket_t fd, int events) {
  auto self = shared_from_this();
  int running = 0;
  curl_multi_socket_action(multi_, fd, events, &running);
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    Transfer* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    transfer->result = message->data.result;
    transfer->ended.notify();
  }
}

int CurlMulti::on_socket(CURL* /*easy*/, curl_socket_t fd, int what, void* self, void* /*unused*/) {
  auto& multi = *static_cast<CurlMulti*>(self);
  if (what == CURL_POLL_REMOVE) {
    if (const auto at = multi.sockets_.find(fd); at != multi.sockets_.end()) {
      at->second->forget();  // now, though a handler further up the stack may hold on to it
      multi.sockets_.erase(at);
    }
    return 0;
  }
  if (multi.dead_) return 0;
  auto& socket = multi.sockets_[fd];
  if (!socket) socket = std::make_shared<Socket>(multi.strand_, fd);
  socket->wanted = what;
  multi.watch(fd, socket, CURL_POLL_IN);
  multi.watch(fd, socket, CURL_POLL_OUT);
  return 0;
}

void CurlMulti::watch(curl_socket_t fd, const std::shared_ptr<Socket>& socket, int direction) {
  if ((socket->wanted & direction) == 0 || (socket->pending & direction) != 0) return;
  socket->pending |= direction;
  using Descriptor = asio::posix::stream_descriptor;
  const auto what = direction == CURL_POLL_IN ? Descriptor::wait_read : Descriptor::wait_write;
  socket->descriptor.async_wait(
      what, [weak = weak_from_this(), watched = std::weak_ptr(socket), fd, direction](boost::system::error_code error) {
        const auto self = weak.lock();
        const auto still = watched.lock();
        if (self && still && error != asio::error::operation_aborted) {
          self->ready(fd, still, direction, bool(error));
        }
      });
}

void CurlMulti::ready(curl_socket_t fd, const std::shared_ptr<Socket>& socket, int direction, bool failed) {
  const auto is_watched = [&] {
    const auto at = sockets_.find(fd);
    return at != sockets_.end() && at->second == socket;
  };
  socket->pending &= ~direction;
  if (!is_watched() || (socket->wanted & direction) == 0) return;
  const int event = direction == CURL_POLL_IN ? CURL_CSELECT_IN : CURL_CSELECT_OUT;
  act(fd, failed ? CURL_CSELECT_ERR : event);
  if (is_watched()) watch(fd, socket, direction);
}

int CurlMulti::on_timer(CURLM* /*multi*/, long milliseconds, void* self) {
  static_cast<CurlMulti*>(self)->set_timer(milliseconds);
  return 0;
}

void CurlMulti::set_timer(long milliseconds) {
  timer_at_.reset();
  if (milliseconds < 0 || dead_) return;
  timer_at_ = runtime_.now() + std::chrono::milliseconds(milliseconds);
  arm_timer();
}

void CurlMulti::arm_timer() {
  // One who wakes earlier looks again then; so most changes of the timer cost nothing.
  if (sleeper_ && sleeper_->until <= *timer_at_) return;
  if (sleeper_) sleeper_->cancel.emit(asio::cancellation_type::terminal);
  sleeper_ = std::make_shared<Sleeper>(*timer_at_);
  auto token = asio::bind_cancellation_slot(sleeper_->cancel.slot(), asio::detached);
  asio::co_spawn(strand_, wait_for_timer(shared_from_this(), sleeper_), std::move(token));
}

awaitable<void> CurlMulti::wait_for_timer(std::shared_ptr<CurlMulti> self, std::shared_ptr<Sleeper> me) {
  co_await asio::post(self->strand_, asio::use_awaitable);  // out of the callback that set the timer
  co_await self->runtime_.sleep_until(me->until);
  if (self->sleeper_ != me) co_return;
  self->sleeper_.reset();
  if (!self->timer_at_) co_return;
  if (*self->timer_at_ > self->runtime_.now()) {
    self->arm_timer();
    co_return;
  }
  self->timer_at_.reset();
  self->act(CURL_SOCKET_TIMEOUT, 0);
}

void CurlMulti::cancel_timer() {
  timer_at_.reset();
  if (const auto sleeper = std::exchange(sleeper_, nullptr)) {
    sleeper->cancel.emit(asio::cancellation_type::terminal);
  }
}

}  // namespace berth
