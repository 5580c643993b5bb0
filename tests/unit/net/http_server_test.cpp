#include <fstream>
#include <latch>
#include <mutex>
#include <vector>

#include "certificate.hpp"
#include "net_test.hpp"
#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

class HttpServerTest : public NetTest {
 protected:
  ~HttpServerTest() override {
    if (server_) run(server_->stop());
  }

  static awaitable<ServerResponse> answer(HttpServerTest* test, ServerRequest request) {
    ServerResponse response;
    response.body = request.method + " " + request.path + " " + request.body;
    if (request.path == "/from") response.body = request.remote_address;
    if (request.path == "/tls") response.body = request.tls ? "TLS" : "plain";
    if (request.path == "/big") response.body = std::string(3'000'000, 'x');
    if (request.path == "/wait") {
      test->waiting_.count_down();
      co_await test->runtime_.sleep_for(1h);
    }
    if (request.path == "/stream") response.stream = [test](BodyWriter& out) { return stream(test, out); };
    if (request.path == "/flood") response.stream = [](BodyWriter& out) { return flood(out); };
    if (request.path == "/count") response.stream = [](BodyWriter& out) { return count(out); };
    co_return response;
  }
  static awaitable<Result<void>> stream(HttpServerTest* test, BodyWriter& out) {
    struct Guard {
      std::latch& latch;
      ~Guard() { latch.count_down(); }
    } const guard{test->stream_ended_};
    auto sent = co_await out.write("tick");
    if (sent) co_await test->runtime_.sleep_for(1h);
    co_return sent;
  }
  static awaitable<Result<void>> flood(BodyWriter& out) {
    const std::string piece(100'000, 'x');
    for (;;)
      if (auto sent = co_await out.write(piece); !sent) co_return sent;
  }
  static awaitable<Result<void>> count(BodyWriter& out) {
    for (int i = 0; i < 1000; ++i) {
      const std::string piece = std::to_string(i) + "\n";
      if (auto sent = co_await out.write(piece); !sent) co_return sent;
    }
    co_return Result<void>{};
  }

  void start_server(HttpServerOptions options = {}) {
    server_ = std::make_unique<HttpServer>(runtime_, lines_->log(), std::move(options),
                                           [this](ServerRequest r) { return answer(this, std::move(r)); });
    const auto started = server_->start();
    ASSERT_TRUE(started) << started.error().message;
  }
  void start_server(const Certificate& certificate) {
    HttpServerOptions options;
    options.tls_certificate = certificate.certificate();
    options.tls_key = certificate.key();
    start_server(std::move(options));
  }
  std::string url(const std::string& path, const std::string& scheme = "http") const {
    return scheme + "://localhost:" + std::to_string(server_->port()) + path;
  }
  static HttpRequest get(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    return request;
  }
  std::string body(HttpClient& client, std::string url) {
    const auto response = run(client.perform(get(std::move(url))));
    return response ? response->body : "error: " + response.error().message;
  }

  std::shared_ptr<LineSink> lines_ = make_line_sink();
  std::latch waiting_{1};
  std::latch stream_ended_{1};
  std::unique_ptr<HttpServer> server_;
  HttpClient client_{runtime_, HttpClientOptions{}};
};

HttpClientOptions trusting(const Certificate& certificate) {
  HttpClientOptions options;
  options.ca_file = certificate.certificate();
  return options;
}

TEST_F(HttpServerTest, AnswersOfItsOwnAreToldAndMayGetHeaders) {
  std::mutex mutex;
  std::vector<std::string> told;
  HttpServerOptions options;
  options.max_header_bytes = 4096;
  options.max_body_bytes = 1000;
  options.request_timeout = 50ms;
  options.on_own_answer = [&](const ServerRequest& request, ServerResponse& response) {
    const std::lock_guard lock(mutex);
    told.push_back(std::to_string(response.status) + ' ' + request.method + ' ' + request.path + ' ' +
                   request.remote_address.substr(0, 9));
    response.headers.emplace_back("X-Request-Id", "req-of-the-hook");
  };
  start_server(std::move(options));
  HttpRequest long_header = get(url("/a")), long_body = get(url("/b")), late = get(url("/wait")), good = get(url("/c"));
  long_header.headers = {{"X-Long", std::string(8000, 'x')}};
  long_body.method = "POST";
  long_body.body = std::string(2000, 'x');
  HttpRequest strange = get(url("/d"));
  strange.headers = {{"Expect", "a wonder"}};
  for (auto& [request, status] : {std::pair{long_header, 431}, {long_body, 413}, {strange, 417}, {late, 503}}) {
    const auto answer = run(client_.perform(request));
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->status, status);
    EXPECT_EQ(find_header(answer->headers, "X-Request-Id"), "req-of-the-hook") << status;
  }
  EXPECT_EQ(run(client_.perform(good))->status, 200);
  const std::lock_guard lock(mutex);
  EXPECT_EQ(told, (std::vector<std::string>{"431   127.0.0.1", "413   127.0.0.1", "417   127.0.0.1",
                                            "503 GET /wait 127.0.0.1"}));
}

TEST_F(HttpServerTest, KeepsConnectionsOpen) {
  start_server();
  const std::string first = body(client_, url("/from"));
  EXPECT_EQ(first.substr(0, 10), "127.0.0.1:");
  for (int i = 0; i < 5; ++i) EXPECT_EQ(body(client_, url("/from")), first);
}

TEST_F(HttpServerTest, ServesManyAtOnce) {
  start_server();
  std::vector<std::future<std::optional<Result<HttpResponse>>>> answers;
  for (int i = 0; i < 300; ++i) {
    HttpRequest request = get(url("/" + std::to_string(i)));
    request.method = "POST";
    request.body = std::to_string(i * i);
    answers.push_back(start(client_.perform(std::move(request))));
  }
  for (int i = 0; i < 300; ++i) {
    const auto answer = *answers[static_cast<std::size_t>(i)].get();
    ASSERT_TRUE(answer) << answer.error().message;
    EXPECT_EQ(answer->body, "POST /" + std::to_string(i) + " " + std::to_string(i * i));
  }
}

TEST_F(HttpServerTest, CarriesLargeBodiesBothWays) {
  const Certificate certificate("large");
  start_server(certificate);
  HttpClient tls(runtime_, trusting(certificate));
  for (const auto& [client, scheme] : {std::pair{&client_, "http"}, {&tls, "https"}}) {
    EXPECT_EQ(body(*client, url("/big", scheme)).size(), 3'000'000u);
    HttpRequest request = get(url("/echo", scheme));
    request.method = "PUT";
    request.body = std::string(5'000'000, 'y');
    const auto response = run(client->perform(request));
    ASSERT_TRUE(response) << response.error().message;
    EXPECT_EQ(response->body, "PUT /echo " + request.body);
  }
}

TEST_F(HttpServerTest, ServesPlainAndTlsOnOnePort) {
  const Certificate certificate("both");
  start_server(certificate);
  HttpClient tls(runtime_, trusting(certificate));
  HttpClientOptions careless;
  careless.insecure_tls = true;
  HttpClient insecure(runtime_, careless);
  EXPECT_EQ(body(client_, url("/tls")), "plain");
  EXPECT_EQ(body(tls, url("/tls", "https")), "TLS");
  EXPECT_EQ(body(insecure, url("/tls", "https")), "TLS");
  const auto distrusted = run(client_.perform(get(url("/tls", "https"))));
  ASSERT_FALSE(distrusted);
  EXPECT_EQ(distrusted.error().kind, ErrorKind::network);
}

TEST_F(HttpServerTest, RefusesPlainWhenToldSo) {
  const Certificate certificate("only");
  HttpServerOptions options;
  options.tls_certificate = certificate.certificate();
  options.tls_key = certificate.key();
  options.tls_only = true;
  start_server(options);
  HttpClient tls(runtime_, trusting(certificate));
  EXPECT_EQ(body(tls, url("/tls", "https")), "TLS");
  EXPECT_EQ(run(client_.perform(get(url("/tls")))).error().kind, ErrorKind::network);
}

TEST_F(HttpServerTest, ReloadsItsCertificate) {
  const Certificate certificate("old");
  start_server(certificate);
  HttpClient before(runtime_, trusting(certificate));
  EXPECT_EQ(body(before, url("/tls", "https")), "TLS");
  certificate.write();
  ASSERT_TRUE(server_->reload_certificate());
  EXPECT_EQ(body(before, url("/tls", "https")), "TLS");  // on its old connection
  HttpClient after(runtime_, trusting(certificate));
  EXPECT_EQ(body(after, url("/tls", "https")), "TLS");
  std::ofstream(certificate.key()) << "rubbish";
  const auto failed = server_->reload_certificate();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().kind, ErrorKind::invalid);
  EXPECT_EQ(body(after, url("/tls", "https")), "TLS");
}

TEST_F(HttpServerTest, SaysWhyItDoesNotStart) {
  start_server();
  const struct {
    const char* address;
    std::uint16_t port;
    const char* certificate;
    ErrorKind kind;
  } cases[] = {
      {"127.0.0.1", server_->port(), "", ErrorKind::failed},
      {"192.0.2.1", 0, "", ErrorKind::failed},
      {"256.1.1.1", 0, "", ErrorKind::invalid},
      {"127.0.0.1", 0, "/nonexistent.pem", ErrorKind::invalid},
  };
  for (const auto& c : cases) {
    HttpServerOptions options;
    options.address = c.address;
    options.port = c.port;
    options.tls_certificate = options.tls_key = c.certificate;
    HttpServer server(runtime_, Logger(), options,
                      [](ServerRequest) -> awaitable<ServerResponse> { co_return ServerResponse{}; });
    const auto started = server.start();
    ASSERT_FALSE(started) << c.address;
    EXPECT_EQ(started.error().kind, c.kind) << started.error().message;
  }
}

TEST_F(HttpServerTest, StreamsToTheEnd) {
  start_server();
  const std::string all = body(client_, url("/count"));
  EXPECT_EQ(all.substr(0, 6), "0\n1\n2\n");
  EXPECT_TRUE(all.ends_with("998\n999\n")) << all.size();
  RawClient old(server_->port());
  old.send("GET /count HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(old.read_all().ends_with("\r\n\r\n" + all));
}

TEST_F(HttpServerTest, AConnectionOutlivesItsStreams) {
  const Certificate certificate("streams");
  start_server(certificate);
  HttpClient client(runtime_, trusting(certificate));
  for (const std::string& scheme : {std::string("http"), std::string("https")}) {
    const std::string from = body(client, url("/from", scheme));
    for (int i = 0; i < 3; ++i) {
      EXPECT_TRUE(body(client, url("/count", scheme)).ends_with("998\n999\n")) << scheme;
      EXPECT_EQ(body(client, url("/from", scheme)), from) << scheme;
    }
  }
}

TEST_F(HttpServerTest, AWaitingStreamEndsWithItsClient) {
  start_server();
  RawClient client(server_->port());
  client.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(client.read_until("tick").find("tick"), std::string::npos);
  client.close();
  stream_ended_.wait();
}

TEST_F(HttpServerTest, GivesARefusalEvenToAClientThatKeepsSending) {
  start_server();
  RawClient client(server_->port());
  client.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 999999999\r\n\r\n");
  client.send(std::string(200'000, 'x'));
  EXPECT_EQ(client.read_until("\r\n"), "HTTP/1.1 413 Payload Too Large\r\n");
}

TEST_F(HttpServerTest, TellsConnectionsBeyondTheLimit) {
  HttpServerOptions options;
  options.max_connections = 1;
  start_server(options);
  RawClient first(server_->port());
  first.send("GET /wait HTTP/1.1\r\nHost: h\r\n\r\n");
  waiting_.wait();
  RawClient second(server_->port());
  EXPECT_EQ(second.read_until("\r\n"), "HTTP/1.1 503 Service Unavailable\r\n");
}

TEST_F(HttpServerTest, MakesRoomForNewcomers) {
  HttpServerOptions options;
  options.max_connections = 3;
  start_server(options);
  const std::string request = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  RawClient faithful(server_->port());
  faithful.send(request);
  EXPECT_NE(faithful.read_until("GET / ").find("200 OK"), std::string::npos);
  std::vector<std::unique_ptr<RawClient>> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(std::make_unique<RawClient>(server_->port()));
  EXPECT_EQ(body(client_, url("/new")), "GET /new ");
  EXPECT_EQ(silent.front()->read_all(), "") << "closed";
  faithful.send(request);
  EXPECT_NE(faithful.read_until("GET / ").find("200 OK"), std::string::npos) << "those who asked before stay longest";
}

TEST_F(HttpServerTest, DropsAConnectionThatNeverFinishesItsHeader) {
  HttpServerOptions options;
  options.header_timeout = 20ms;
  start_server(options);
  RawClient client(server_->port());
  client.send("GET / HTTP/1.1\r\nHo");
  EXPECT_EQ(client.read_all(), "");
}

TEST_F(HttpServerTest, SurvivesGarbageWhereTlsIsExpected) {
  const Certificate certificate("garbage");
  start_server(certificate);
  RawClient client(server_->port());
  client.send("\x16\x03\x01" + std::string(500, 'z'));
  client.read_all();
  EXPECT_EQ(body(client_, url("/tls")), "plain");
}

TEST_F(HttpServerTest, StopsWithConnectionsInEveryState) {
  const Certificate certificate("stop");
  start_server(certificate);
  RawClient silent(server_->port());
  RawClient half(server_->port());
  half.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
  RawClient handshaking(server_->port());
  handshaking.send("\x16\x03\x01");
  RawClient idle(server_->port());
  idle.send("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
  idle.read_until("GET / ");
  RawClient streaming(server_->port());
  streaming.send("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  streaming.read_until("tick");
  RawClient streamed(server_->port());
  streamed.send("GET /count HTTP/1.1\r\nHost: h\r\n\r\n");
  streamed.read_until("\r\n0\r\n\r\n");
  RawClient deaf(server_->port());
  deaf.send("GET /flood HTTP/1.1\r\nHost: h\r\n\r\n");
  deaf.read_until("\r\n\r\n");
  HttpClient tls(runtime_, trusting(certificate));
  auto waiting = start(tls.perform(get(url("/wait", "https"))));
  waiting_.wait();
  run(server_->stop());
  EXPECT_FALSE(*waiting.get());
  EXPECT_EQ(idle.read_all(), "");
  stream_ended_.wait();
  EXPECT_EQ(run(client_.perform(get(url("/")))).error().kind, ErrorKind::network);
}

}  // namespace
}  // namespace berth
