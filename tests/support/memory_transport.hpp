#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "berth/base/signal.hpp"

#include "transport.hpp"

namespace berth {

/// The client's end of a connection in memory.
struct MemoryPeer {
  std::deque<std::string> sent;  ///< what the server has still to read; one piece a read
  bool ended = false;            ///< nothing comes after `sent`
  bool reads = true;             ///< false: a client that takes nothing
  std::string received;
  bool finished = false;  ///< the server said goodbye
  bool closed = false;    ///< the server closed
  Signal changed;

  void send(std::string piece) {
    sent.push_back(std::move(piece));
    changed.notify();
  }
  void end() {
    ended = true;
    changed.notify();
  }
};

class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(std::shared_ptr<MemoryPeer> peer) : peer_(std::move(peer)) {}

  awaitable<Result<void>> accept() override { co_return Result<void>{}; }
  awaitable<Result<std::size_t>> read_some(char* data, std::size_t size) override {
    while (peer_->sent.empty() && !peer_->ended && !peer_->closed) co_await readable_.wait();
    if (peer_->closed) co_return fail(ErrorKind::network, "closed");
    if (peer_->sent.empty()) co_return std::size_t{0};
    std::string& piece = peer_->sent.front();
    const std::size_t got = std::min(size, piece.size());
    std::memcpy(data, piece.data(), got);
    piece.erase(0, got);
    if (piece.empty()) peer_->sent.pop_front();
    co_return got;
  }
  awaitable<Result<std::size_t>> write_some(std::string_view data) override {
    while (!peer_->reads && !peer_->closed) co_await writable_.wait();
    if (peer_->closed) co_return fail(ErrorKind::network, "closed");
    peer_->received += data;
    co_return data.size();
  }
  awaitable<void> finish() override {
    peer_->finished = true;
    co_return;
  }
  void close() override {
    peer_->closed = true;
    peer_->changed.notify();
  }
  bool is_tls() const override { return false; }

 private:
  const std::shared_ptr<MemoryPeer> peer_;
  Subscription readable_ = peer_->changed.subscribe();
  Subscription writable_ = peer_->changed.subscribe();
};

}  // namespace berth
