#include "berth/net/websocket.hpp"

#include <latch>
#include <openssl/evp.h>

#include "berth/base/deadline.hpp"

#include "certificate.hpp"
#include "net_test.hpp"
#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr const char* upgrade =
    "GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Upgrades its first client, and sends what it was given: first once, then over and over while the client listens.
class HostileServer {
 public:
  enum class Reads { nothing, everything, and_stays };
  HostileServer(std::string once, std::string flood, Reads reads = Reads::everything)
      : once_(std::move(once)), flood_(std::move(flood)), reads_(reads), thread_([this] { serve(); }) {}
  ~HostileServer() { thread_.join(); }
  std::string url() const { return "ws://127.0.0.1:" + std::to_string(port_) + "/"; }

 private:
  static std::string accept_key(const std::string& request) {
    const std::string name = "Sec-WebSocket-Key: ";
    const auto at = request.find(name) + name.size();
    const std::string text = request.substr(at, request.find("\r\n", at) - at) + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> encoded{};
    unsigned int size = 0;
    EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
    EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return reinterpret_cast<const char*>(encoded.data());
  }
  void serve() {
    asio::ip::tcp::socket socket(io_);
    acceptor_.accept(socket);
    boost::system::error_code error;
    std::string request;
    asio::read_until(socket, asio::dynamic_buffer(request), "\r\n\r\n", error);
    asio::write(socket,
                asio::buffer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                             "Sec-WebSocket-Accept: " +
                             accept_key(request) + "\r\n\r\n" + once_),
                error);
    std::array<char, 65536> rubbish{};
    while (!error) {
      if (!flood_.empty()) asio::write(socket, asio::buffer(flood_), error);
      if (reads_ != Reads::nothing && (flood_.empty() || socket.available() > 0))
        socket.read_some(asio::buffer(rubbish), error);
      if (reads_ == Reads::everything && flood_.empty() && rubbish[0] == '\x88') return;  // the client says goodbye
    }
  }

  const std::string once_, flood_;
  const Reads reads_;
  asio::io_context io_;
  asio::ip::tcp::acceptor acceptor_{io_, {asio::ip::address_v4::loopback(), 0}};
  const std::uint16_t port_ = acceptor_.local_endpoint().port();
  std::thread thread_;
};

class WebSocketTest : public NetTest {
 protected:
  ~WebSocketTest() override {
    if (server_) run(server_->stop());
  }
  static awaitable<void> echo(WebSocketTest* test, WebSocket& socket) {
    for (;;) {
      auto message = co_await socket.read();
      if (!message) {
        test->last_error_ = message.error();
        test->ended_.count_down();
        co_return;
      }
      if (*message == "bye") co_return co_await socket.close();
      if (!co_await socket.write("echo " + *message)) co_return;
    }
  }
  static awaitable<ServerResponse> answer(WebSocketTest* test, ServerRequest request) {
    ServerResponse response;
    response.status = 503;
    if (request.path == "/echo") response.websocket = [test](WebSocket& socket) { return echo(test, socket); };
    co_return response;
  }
  void serve(HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(runtime_, sink_->log(), std::move(options),
                                           [this](ServerRequest r) { return answer(this, std::move(r)); });
    ASSERT_TRUE(server_->start());
  }
  std::string url(const std::string& scheme = "ws", const std::string& path = "/echo") const {
    return scheme + "://127.0.0.1:" + std::to_string(server_->port()) + path;
  }
  /// Opens, sends each message and returns the last answer.
  static awaitable<Result<std::string>> talk(Runtime& runtime, std::string url, WebSocketClientOptions options,
                                             std::vector<std::string> messages) {
    auto socket = co_await open_websocket(runtime, std::move(url), std::move(options));
    if (!socket) co_return fail(socket.error());
    Result<std::string> last = std::string();
    for (std::string& message : messages) {
      if (auto sent = co_await (*socket)->write(std::move(message)); !sent) co_return fail(sent.error());
      last = co_await (*socket)->read();
      if (!last) co_return last;
    }
    co_await (*socket)->close();
    co_return last;
  }
  Result<std::string> talk(const std::string& url, std::vector<std::string> messages,
                           WebSocketClientOptions options = {}) {
    auto executor = runtime_.make_strand();
    auto talking = call_on(executor, talk(runtime_, url, std::move(options), std::move(messages)));
    return run(std::move(talking));
  }

  /// Opens, and reads until that fails.
  static awaitable<Error> listen(Runtime& runtime, std::string url, WebSocketClientOptions options) {
    auto socket = co_await open_websocket(runtime, std::move(url), std::move(options));
    if (!socket) co_return socket.error();
    for (;;) {
      auto message = co_await (*socket)->read();
      if (!message) co_return message.error();
    }
  }
  Error listen(const std::string& url, WebSocketClientOptions options = {}) {
    auto executor = runtime_.make_strand();
    auto listening = call_on(executor, listen(runtime_, url, std::move(options)));
    return run(std::move(listening));
  }

  std::shared_ptr<LineSink> sink_ = make_line_sink();
  std::unique_ptr<HttpServer> server_;
  std::latch ended_{1};
  Error last_error_;
};

TEST_F(WebSocketTest, CarriesMessagesBothWays) {
  serve();
  EXPECT_EQ(talk(url(), {"one", "two"}).value(), "echo two");
  const std::string large(40'000, 'x');
  EXPECT_EQ(talk(url(), {large}).value(), "echo " + large);
}

TEST_F(WebSocketTest, OverTls) {
  const Certificate certificate("websocket");
  HttpServerOptions options;
  options.tls_certificate = certificate.certificate();
  options.tls_key = certificate.key();
  serve(options);
  WebSocketClientOptions client;
  EXPECT_EQ(talk(url("wss"), {"one"}, client).error().kind, ErrorKind::network) << "nobody vouches for it";
  client.insecure_tls = true;
  EXPECT_EQ(talk(url("wss"), {"one"}, client).value(), "echo one");
  client = {};
  client.ca_file = certificate.certificate();
  client.connect_to = "127.0.0.1";
  EXPECT_EQ(talk("wss://localhost:" + std::to_string(server_->port()) + "/echo", {"one"}, client).value(), "echo one");
  EXPECT_EQ(talk("wss://other.host:" + std::to_string(server_->port()) + "/echo", {"one"}, client).error().kind,
            ErrorKind::network)
      << "the certificate is for localhost";
  client.ca_file = "/nowhere.pem";
  EXPECT_EQ(talk(url("wss"), {"one"}, client).error().kind, ErrorKind::invalid);
}

TEST_F(WebSocketTest, ErrorsAreTypedAndKeepTheTokenToThemselves) {
  serve();
  const std::string port = ':' + std::to_string(server_->port());
  const std::pair<std::string, ErrorKind> table[] = {
      {"ws://127.0.0.1" + port + "/other?api_token=secret", ErrorKind::unavailable},
      {"ws://127.0.0.1:1/echo?api_token=secret", ErrorKind::network},
      {"wss://127.0.0.1" + port + "/echo?api_token=secret", ErrorKind::network},
      {"http://127.0.0.1" + port + "/echo?api_token=secret", ErrorKind::invalid},
      {"no url?api_token=secret", ErrorKind::invalid},
      {"ws://", ErrorKind::invalid},
      {"", ErrorKind::invalid},
  };
  for (const auto& [text, kind] : table) {
    const auto talked = talk(text, {"x"});
    ASSERT_FALSE(talked) << text;
    EXPECT_EQ(talked.error().kind, kind) << text << ": " << talked.error().message;
    EXPECT_EQ(talked.error().message.find("secret"), std::string::npos) << talked.error().message;
  }
}

TEST_F(WebSocketTest, TooLongMessagesEndTheConnection) {
  HttpServerOptions options;
  options.websocket.max_message = 100;
  serve(options);
  EXPECT_FALSE(talk(url(), {std::string(101, 'x')}));
  ended_.wait();
  EXPECT_EQ(last_error_.kind, ErrorKind::exhausted);
  WebSocketClientOptions client;
  client.limits.max_message = 10;
  EXPECT_EQ(talk(url(), {std::string(20, 'x')}, client).error().kind, ErrorKind::exhausted);
}

TEST_F(WebSocketTest, ASilentServerIsGoneAfterAWhile) {
  const RawServer mute("", RawServer::Then::wait);
  WebSocketClientOptions client;
  client.deadline = 100ms;
  EXPECT_EQ(talk("ws://127.0.0.1:" + std::to_string(mute.port()), {"x"}, client).error().kind, ErrorKind::timeout);
}

TEST_F(WebSocketTest, AnAnswerThatIsNoUpgradeIsAnError) {
  const std::pair<const char*, ErrorKind> table[] = {
      {"HTTP/1.1 301 Moved\r\nLocation: ws://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", ErrorKind::failed},
      {"HTTP/1.1 308 Moved\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n", ErrorKind::failed},
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", ErrorKind::failed},
      {"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", ErrorKind::denied},
      {"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", ErrorKind::unavailable},
      {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
       "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
       ErrorKind::network},
      {"no HTTP at all\r\n\r\n", ErrorKind::network},
      {"", ErrorKind::network},
  };
  for (const auto& [answer, kind] : table) {
    const RawServer server(answer);
    const Error error = listen("ws://127.0.0.1:" + std::to_string(server.port()) + "/?api_token=secret");
    EXPECT_EQ(error.kind, kind) << answer << ": " << error.message;
    EXPECT_EQ(error.message.find("secret"), std::string::npos) << error.message;
  }
}

TEST_F(WebSocketTest, AnAnswerWithoutEndIsCutShort) {
  const RawServer endless("X-Header: of many\r\n", RawServer::Then::repeat);
  EXPECT_EQ(listen("ws://127.0.0.1:" + std::to_string(endless.port())).kind, ErrorKind::network);
  const RawServer slow("HTTP/1.1 101 Switching Prot", RawServer::Then::wait);
  WebSocketClientOptions client;
  client.deadline = 100ms;
  EXPECT_EQ(listen("ws://127.0.0.1:" + std::to_string(slow.port()), client).kind, ErrorKind::timeout);
}

TEST_F(WebSocketTest, HostileFramesEndTheClientsConnection) {
  struct Case {
    const char* what;
    std::string once, flood;
    ErrorKind kind;
  };
  const std::string nothing;
  const Case table[] = {
      {"endless fragments", std::string("\x01\x04oneb", 6), std::string("\x00\x04more", 6), ErrorKind::exhausted},
      {"a frame of 2^63 bytes", std::string("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10), nothing,
       ErrorKind::exhausted},
      {"more than the limit", std::string("\x81\x7e\xff\xff", 4), std::string(1000, 'x'), ErrorKind::exhausted},
      {"binary", std::string("\x82\x01x", 3), nothing, ErrorKind::undecodable},
      {"masked", std::string("\x81\x81\x00\x00\x00\x00x", 7), nothing, ErrorKind::network},
      {"reserved bits", std::string("\xf1\x00", 2), nothing, ErrorKind::network},
      {"a reserved opcode", std::string("\x83\x00", 2), nothing, ErrorKind::network},
      {"a continuation of nothing", std::string("\x80\x01x", 3), nothing, ErrorKind::network},
      {"a long ping", std::string("\x89\x7e\x01\x00", 4), std::string(256, 'x'), ErrorKind::network},
      {"a ping in parts", std::string("\x09\x00", 2), nothing, ErrorKind::network},
      {"not UTF-8", std::string("\x81\x02\xff\xfe", 4), nothing, ErrorKind::network},
      {"a goodbye", std::string("\x88\x00", 2), nothing, ErrorKind::network},
      {"half of a frame, then silence", std::string("\x81\x64half", 6), nothing, ErrorKind::timeout},
      {"silence", "", nothing, ErrorKind::timeout},
  };
  for (const Case& c : table) {
    const HostileServer server(c.once, c.flood);
    WebSocketClientOptions client;
    client.limits.max_message = 10'000;
    client.limits.silence = c.kind == ErrorKind::timeout ? Duration(200ms) : 60s;
    const Error error = listen(server.url(), client);
    EXPECT_EQ(error.kind, c.kind) << c.what << ": " << error.message;
  }
}

/// What is answered, or counts for nothing, may come without end: reading can be cancelled all the same.
TEST_F(WebSocketTest, AFloodHoldsNobodyUp) {
  const std::string ping = "\x89\x7d" + std::string(125, 'p');
  std::string pings, empty_fragments;
  for (int i = 0; i < 500; ++i) {
    pings += ping;
    empty_fragments += std::string("\x00\x00", 2);
  }
  const std::pair<std::string, std::string> table[] = {
      {"", pings}, {std::string("\x01\x00", 2), empty_fragments}, {"", std::string("\x8a\x00", 2)}};
  for (const auto& [once, flood] : table) {
    const HostileServer server(once, flood);
    auto executor = runtime_.make_strand();
    WebSocketClientOptions client;
    client.limits.max_message = 1 << 30;  // so that it is not cut off
    auto socket = run(call_on(executor, open_websocket(runtime_, server.url(), client)));
    ASSERT_TRUE(socket);
    auto reading = with_deadline(runtime_, 200ms, (*socket)->read());
    const auto read = run(call_on(executor, std::move(reading)));
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind, ErrorKind::timeout) << read.error().message;
    socket->reset();
  }
}

TEST_F(WebSocketTest, AServerThatStaysAfterTheGoodbyeIsLeftAfterAWhile) {
  const HostileServer server(std::string("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10), "",
                             HostileServer::Reads::and_stays);
  WebSocketClientOptions client;
  client.limits.silence = 200ms;
  EXPECT_EQ(listen(server.url(), client).kind, ErrorKind::network);
}

TEST_F(WebSocketTest, WhatNeverBecomesAMessageIsCutOff) {
  std::string fragments, pings;
  for (int i = 0; i < 512; ++i) fragments += std::string(2, '\0');
  for (int i = 0; i < 512; ++i) pings += std::string("\x89\x00", 2);
  const std::pair<std::string, std::string> table[] = {{std::string("\x01\x00", 2), fragments}, {"", pings}};
  for (const auto& [once, flood] : table) {
    const HostileServer server(once, flood);
    const Error error = listen(server.url(), {});
    EXPECT_EQ(error.kind, ErrorKind::exhausted);
    EXPECT_EQ(error.message, "the peer sends without end, and no message");
  }
}

TEST_F(WebSocketTest, APingerThatReadsNothingIsGoneAfterAWhile) {
  const HostileServer server("", "\x89\x7d" + std::string(125, 'p'), HostileServer::Reads::nothing);
  WebSocketClientOptions client;
  client.limits.silence = 300ms;
  client.limits.max_message = 1 << 30;  // so that it is not cut off before
  EXPECT_EQ(listen(server.url(), client).kind, ErrorKind::timeout);
}

TEST_F(WebSocketTest, ASilentClientIsPingedThenGone) {
  HttpServerOptions options;
  options.websocket.silence = 200ms;
  serve(options);
  RawClient client(server_->port());
  client.send(upgrade);
  EXPECT_NE(client.read_until("\r\n\r\n").find("101 Switching"), std::string::npos);
  const std::string rest = client.read_all();
  EXPECT_EQ(rest.substr(0, 1), "\x89") << "a ping";
  ended_.wait();
  EXPECT_EQ(last_error_.kind, ErrorKind::timeout);
}

TEST_F(WebSocketTest, WhatIsNoWebSocketIsRefused) {
  serve();
  const std::pair<std::string, const char*> table[] = {
      {"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 426 "},
      {std::string(upgrade) + "early", "HTTP/1.1 400 "},
      {"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
       "13\r\n\r\n",
       "HTTP/1.1 400 "},
      {"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\n"
       "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
       "HTTP/1.1 426 "},
      {"GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 503 "},
  };
  for (const auto& [request, expected] : table) {
    RawClient client(server_->port());
    client.send(request);
    EXPECT_EQ(client.read_until("\r\n").substr(0, 13), expected) << request;
  }
}

TEST_F(WebSocketTest, HostileFramesEndTheConnection) {
  serve();
  const std::string table[] = {
      std::string("\x81\x05hello", 7),                                              // not masked
      std::string("\xf1\x80\x00\x00\x00\x00", 6),                                   // reserved bits
      std::string("\x83\x80\x00\x00\x00\x00", 6),                                   // reserved opcode
      std::string("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00\x00\x00\x00", 14),  // of 2^63 bytes
      std::string("\x81\x82\x00\x00\x00\x00\xff\xfe", 8),                           // not UTF-8
      std::string("\x89\xfe\x01\x00\x00\x00\x00\x00", 8),                           // a long ping
  };
  for (const std::string& frame : table) {
    RawClient client(server_->port());
    client.send(upgrade);
    client.read_until("\r\n\r\n");
    client.send(frame);
    client.read_all();  // until the server closes
  }
}

TEST_F(WebSocketTest, AnOpenOneHoldsUpNoShutdown) {
  serve();
  RawClient client(server_->port());
  client.send(upgrade);
  client.read_until("\r\n\r\n");
  run(server_->stop());
  server_.reset();
  client.read_all();
}

TEST_F(WebSocketTest, CancellingAReadEndsIt) {
  serve();
  auto executor = runtime_.make_strand();
  auto socket = run(call_on(executor, open_websocket(runtime_, url(), {})));
  ASSERT_TRUE(socket);
  auto reading = with_deadline(runtime_, 20ms, (*socket)->read());
  const auto read = run(call_on(executor, std::move(reading)));
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().kind, ErrorKind::timeout);
  socket->reset();
  ended_.wait();
}

}  // namespace
}  // namespace berth
