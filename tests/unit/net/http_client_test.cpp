#include <cstdlib>
#include <vector>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/post.hpp>

#include "net_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

class HttpClientTest : public NetTest {
 protected:
  static HttpRequest get(std::string url) {
    HttpRequest request;
    request.url = std::move(url);
    request.deadline = 30s;
    return request;
  }
  Result<HttpResponse> perform(HttpRequest request) { return run(client_->perform(std::move(request))); }
  Result<HttpResponse> perform(std::string url) { return perform(get(std::move(url))); }

  std::unique_ptr<HttpClient> client_ = std::make_unique<HttpClient>(runtime_, HttpClientOptions{});
};

TEST_F(HttpClientTest, ReturnsEveryCompleteAnswer) {
  const struct {
    std::string bytes;
    int status;
    std::string body;
  } cases[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"},
      {"HTTP/1.0 200 OK\r\n\r\nuntil the end", 200, "until the end"},
      {"HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n", 503, ""},
      {"HTTP/1.1 502 Bad\r\nContent-Type: text/html\r\n\r\n<html>oops", 502, "<html>oops"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 200, "a"},
      {"HTTP/1.1 100 Continue\r\nA: b\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", 204, ""},
  };
  for (const auto& c : cases) {
    const RawServer server(c.bytes);
    const auto response = perform(server.url());
    ASSERT_TRUE(response) << c.bytes << response.error().message;
    EXPECT_EQ(response->status, c.status);
    EXPECT_EQ(response->body, c.body);
    EXPECT_EQ(find_header(response->headers, "A"), "");
  }
}

TEST_F(HttpClientTest, RefusesBrokenAnswers) {
  using Then = RawServer::Then;
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  std::string many_headers;
  for (int i = 0; i < 300; ++i) many_headers += "X: " + std::string(1000, 'x') + "\r\n";
  const struct {
    const char* name;
    std::string bytes;
    Then then;
    ErrorKind kind;
  } cases[] = {
      {"nothing", "", Then::close, ErrorKind::network},
      {"not HTTP", "<html>hello</html>\n", Then::close, ErrorKind::network},
      {"truncated body", ok + "Content-Length: 100\r\n\r\nabc", Then::close, ErrorKind::network},
      {"truncated header", ok + "Content-Le", Then::close, ErrorKind::network},
      {"truncated chunk", ok + "Transfer-Encoding: chunked\r\n\r\nff\r\nabc", Then::close, ErrorKind::network},
      {"bad chunk", ok + "Transfer-Encoding: chunked\r\n\r\nhello\r\n", Then::close, ErrorKind::network},
      {"announced too large", ok + "Content-Length: 5000\r\n\r\n" + std::string(5000, 'x'), Then::close,
       ErrorKind::exhausted},
      {"endless body", ok + "\r\n" + std::string(500, 'x'), Then::repeat, ErrorKind::exhausted},
      {"endless headers", ok + many_headers, Then::close, ErrorKind::exhausted},
      {"silence", ok, Then::wait, ErrorKind::timeout},
  };
  for (const auto& c : cases) {
    const RawServer server(c.bytes, c.then);
    HttpRequest request = get(server.url());
    request.max_response_body = 1000;
    if (c.kind == ErrorKind::timeout) request.deadline = 50ms;
    const auto response = perform(std::move(request));
    ASSERT_FALSE(response) << c.name;
    EXPECT_EQ(response.error().kind, c.kind) << c.name << ": " << response.error().message;
  }
}

TEST_F(HttpClientTest, AProxyIsForOtherMachinesAndForVerifiedServersOnly) {
  const RawServer proxy("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nproxy");
  const RawServer direct("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ndirect");
  ::setenv("HTTP_PROXY", proxy.url().c_str(), 1);
  ::setenv("NO_PROXY", "direct.invalid", 1);
  const std::string port = ":" + std::to_string(direct.port()) + "/";
  const struct {
    std::string host;
    bool insecure;
    std::string body;  ///< empty: an error, as nobody is there
  } cases[] = {
      {"h.invalid", false, "proxy"},  {"127.h.invalid", false, "proxy"}, {"127.0.0.1", false, "direct"},
      {"localhost", false, "direct"}, {"h.invalid", true, ""},           {"direct.invalid", false, ""},
  };
  for (const auto& c : cases) {
    HttpClientOptions options;
    options.insecure_tls = c.insecure;
    client_ = std::make_unique<HttpClient>(runtime_, options);
    const auto response = perform("http://" + c.host + port);
    EXPECT_EQ(response ? response->body : "", c.body) << c.host;
  }
  ::unsetenv("HTTP_PROXY");
  ::unsetenv("NO_PROXY");
}

TEST_F(HttpClientTest, AProxyThatIsBusyIsToldFromOneThatFails) {
  for (const auto& [status, kind] :
       {std::pair{"503 Service Unavailable", ErrorKind::unavailable}, std::pair{"503 Busy", ErrorKind::unavailable},
        std::pair{"502 Bad Gateway", ErrorKind::network}}) {
    const RawServer proxy(std::string("HTTP/1.1 ") + status + "\r\nContent-Length: 0\r\n\r\n");
    ::setenv("HTTPS_PROXY", proxy.url().c_str(), 1);
    client_ = std::make_unique<HttpClient>(runtime_, HttpClientOptions{});
    const auto response = perform("https://h.invalid/");
    ASSERT_FALSE(response) << status;
    EXPECT_EQ(response.error().kind, kind) << status << ": " << response.error().message;
  }
  ::unsetenv("HTTPS_PROXY");
}

TEST_F(HttpClientTest, RefusesRequestsThatCannotBeSent) {
  for (const char* url : {"", "nonsense", "ftp://h/", "file:///etc/passwd", "http://", "http://h:99999/", "http://a b/",
                          "http://h/\r\nX: y"}) {
    const auto response = perform(url);
    ASSERT_FALSE(response) << url;
    EXPECT_EQ(response.error().kind, ErrorKind::invalid) << url;
  }
  HttpRequest split = get("http://127.0.0.1/");
  split.headers = {{"A", "b\r\nC: d"}};
  EXPECT_EQ(perform(split).error().kind, ErrorKind::invalid);
  HttpRequest method = get("http://127.0.0.1/");
  method.method = "GET / HTTP/1.1\r\n";
  EXPECT_EQ(perform(method).error().kind, ErrorKind::invalid);
}

TEST_F(HttpClientTest, NamesTheRequestButNoSecretInErrors) {
  std::uint16_t unused = 0;
  {
    const RawServer gone("");
    unused = gone.port();
  }
  const auto response = perform("http://me:hush@127.0.0.1:" + std::to_string(unused) + "/path?api_token=secret");
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().kind, ErrorKind::network);
  const std::string& message = response.error().message;
  EXPECT_NE(message.find("GET http://127.0.0.1:" + std::to_string(unused) + "/path: "), std::string::npos) << message;
  EXPECT_EQ(message.find("secret"), std::string::npos) << message;
  EXPECT_EQ(message.find("hush"), std::string::npos) << message;
}

TEST_F(HttpClientTest, FollowsRedirectsOfGetWithoutTakingTheTokenToAnotherHost) {
  const RawServer target("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\ntarget");
  const std::string location = target.url("/there");
  const RawServer origin("HTTP/1.1 302 Found\r\nLocation: " + location + "\r\nA: b\r\nContent-Length: 3\r\n\r\nold");
  HttpRequest request = get(origin.url());
  request.headers = {{"Authorization", "Bearer secret"}, {"X-Other", "kept"}};
  const auto response = perform(request);
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_EQ(response->body, "target");
  EXPECT_EQ(find_header(response->headers, "A"), "");
  EXPECT_NE(origin.last_request().find("Authorization: Bearer secret"), std::string::npos);
  EXPECT_EQ(target.last_request().find("secret"), std::string::npos) << target.last_request();
  EXPECT_NE(target.last_request().find("X-Other: kept"), std::string::npos);
  request.method = "POST";
  EXPECT_EQ(perform(request)->status, 302);
}

TEST_F(HttpClientTest, GivesUpAfterFiveRedirectsAndStaysWithHttp) {
  const RawServer circle("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(perform(circle.url()).error().kind, ErrorKind::network);
  const RawServer file("HTTP/1.1 302 Found\r\nLocation: file:///etc/hostname\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(perform(file.url()).error().kind, ErrorKind::network);
}

TEST_F(HttpClientTest, SendsWhatItIsGivenAndNothingElse) {
  const RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  HttpRequest request = get(server.url("/p?q=1"));
  request.method = "PUT";
  request.body = "a=b";
  request.headers = {{"X-Empty", ""}, {"X-Full", "v"}};
  ASSERT_TRUE(perform(request));
  EXPECT_EQ(server.last_request(), "PUT /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(server.port()) +
                                       "\r\nAccept: */*\r\nX-Empty:\r\nX-Full: v\r\nContent-Length: 3\r\n\r\na=b");
}

TEST_F(HttpClientTest, DialsAnotherHostForTheUrlsHost) {
  const RawServer server("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
  HttpClientOptions options;
  options.connect_to = "127.0.0.1";
  client_ = std::make_unique<HttpClient>(runtime_, options);
  const std::string host = "controller.invalid:" + std::to_string(server.port());
  const auto response = perform("http://" + host + "/");
  ASSERT_TRUE(response) << response.error().message;
  EXPECT_NE(server.last_request().find("Host: " + host), std::string::npos);
}

TEST_F(HttpClientTest, TheDeadlineCoversWaitingForASlot) {
  const RawServer silent("", RawServer::Then::wait);
  HttpClientOptions options;
  options.max_concurrent = 1;
  client_ = std::make_unique<HttpClient>(runtime_, options);
  asio::cancellation_signal cancel;
  auto first = asio::co_spawn(runtime_.executor(), detail::boxed(client_->perform(get(silent.url()))),
                              asio::bind_cancellation_slot(cancel.slot(), asio::use_future));
  HttpRequest request = get(silent.url());
  request.deadline = 20ms;
  EXPECT_EQ(perform(request).error().kind, ErrorKind::timeout);
  // Cancelling the transfer under way frees the slot.
  asio::post(runtime_.executor(), [&] { cancel.emit(asio::cancellation_type::terminal); });
  EXPECT_THROW(first.get(), boost::system::system_error);
  const RawServer good("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_TRUE(perform(good.url()));
}

}  // namespace
}  // namespace berth
