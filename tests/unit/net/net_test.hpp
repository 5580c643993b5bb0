#pragma once

#include <array>
#include <future>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/asio/write.hpp>

#include "berth/base/call_on.hpp"
#include "berth/base/runtime.hpp"
#include "berth/net/http_client.hpp"
#include "berth/net/http_server.hpp"

namespace berth {

/// Tests with real sockets on the loopback interface: the loop runs on two threads of its own.
class NetTest : public testing::Test {
 protected:
  NetTest() : work_(asio::make_work_guard(runtime_.executor())), thread_([this] { runtime_.run(); }) {}
  ~NetTest() override {
    // Not stop(): the loop ends when nothing is left to do, and a test hangs that leaves a task behind.
    work_.reset();
    thread_.join();
  }

  template <class T>
  std::future<std::optional<T>> start(awaitable<T> operation) {
    return asio::co_spawn(runtime_.executor(), detail::boxed(std::move(operation)), asio::use_future);
  }
  template <class T>
  T run(awaitable<T> operation) {
    return *start(std::move(operation)).get();
  }
  void run(awaitable<void> operation) {
    asio::co_spawn(runtime_.executor(), std::move(operation), asio::use_future).get();
  }

  RealRuntime runtime_{2};

 private:
  asio::executor_work_guard<asio::any_io_executor> work_;
  std::thread thread_;
};

/// A client that sends bytes and reads them, blocking.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) { socket_.connect({asio::ip::address_v4::loopback(), port}); }
  void send(const std::string& bytes) { asio::write(socket_, asio::buffer(bytes)); }
  /// Up to and with `end`, or all until the server closes.
  std::string read_until(const std::string& end) {
    boost::system::error_code error;
    const std::size_t size = asio::read_until(socket_, asio::dynamic_buffer(buffer_), end, error);
    std::string text = buffer_.substr(0, error ? buffer_.size() : size);
    buffer_.erase(0, text.size());
    return text;
  }
  std::string read_all() { return read_until("(never sent)"); }
  /// At once, as a process that is killed.
  void close() { socket_.close(); }

 private:
  asio::io_context io_;
  asio::ip::tcp::socket socket_{io_};
  std::string buffer_;
};

/// A server that answers each connection's first request with the bytes it was given, whatever they are.
class RawServer {
 public:
  enum class Then { close, wait, repeat };
  explicit RawServer(std::string answer, Then then = Then::close)
      : answer_(std::move(answer)), then_(then), thread_([this] { serve(); }) {}
  ~RawServer() {
    boost::system::error_code ignored;
    stopping_ = true;
    asio::ip::tcp::socket(io_).connect({asio::ip::address_v4::loopback(), port()}, ignored);
    thread_.join();
  }
  std::uint16_t port() const { return port_; }
  std::string url(const std::string& path = "/") const { return "http://127.0.0.1:" + std::to_string(port_) + path; }
  /// The head of the last request; its server must have ended.
  std::string last_request() const {
    const std::lock_guard lock(mutex_);
    return request_;
  }

 private:
  void serve() {
    for (;;) {
      asio::ip::tcp::socket socket(io_);
      acceptor_.accept(socket);
      if (stopping_) return;
      boost::system::error_code error;
      std::string request;
      asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", error);
      {
        const std::lock_guard lock(mutex_);
        request_ = request;
      }
      asio::write(socket, asio::buffer(answer_), error);
      while (then_ == Then::repeat && !error) asio::write(socket, asio::buffer(answer_), error);
      std::array<char, 1024> rubbish;
      while (then_ == Then::wait && !error) socket.read_some(asio::buffer(rubbish), error);
    }
  }

  const std::string answer_;
  const Then then_;
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  const std::uint16_t port_ = acceptor_.local_endpoint().port();
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::string request_;
  std::thread thread_;
};

}  // namespace berth
