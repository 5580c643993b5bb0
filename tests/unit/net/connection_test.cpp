#include "connection.hpp"

#include <gtest/gtest.h>

#include "memory_transport.hpp"
#include "sim_test.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;
using std::string;

/// One connection in simulated time; its handler answers with what it understood.
class ConnectionTest : public testing::Test {
 protected:
  ~ConnectionTest() override {
    connection_->abort();
    run_on(runtime_, context_.tasks.stop());
  }

  static awaitable<ServerResponse> answer(ConnectionTest* test, ServerRequest request) {
    ++test->handled_;
    ServerResponse response;
    response.body = request.method + " " + request.path + " ?" + request.query + " [" + request.body + "]";
    if (request.path == "/throw") throw std::runtime_error("this is a bug");
    if (request.path == "/slow") co_await test->runtime_.sleep_for(1h);
    if (request.path == "/split") response.headers.emplace_back("X", "a\r\nY: b");
    if (request.path == "/big") response.body = string(200'000, 'x');
    if (request.path == "/stream") response.stream = [test](BodyWriter& out) { return stream(test, out); };
    if (request.path == "/brief") response.stream = [test](BodyWriter& out) { return brief(test, out); };
    if (request.path == "/broken") response.stream = [](BodyWriter&) { return broken(); };
    co_return response;
  }
  static awaitable<Result<void>> brief(ConnectionTest* test, BodyWriter& out) {
    if (auto sent = co_await out.write("tick"); !sent) co_return sent;
    co_await test->runtime_.sleep_for(1h);
    co_return co_await out.write("tock");
  }
  static awaitable<Result<void>> broken() { co_return fail(ErrorKind::failed, "no more"); }
  static awaitable<Result<void>> stream(ConnectionTest* test, BodyWriter& out) {
    test->streaming_ = true;
    struct Guard {
      bool& flag;
      ~Guard() { flag = false; }
    } const guard{test->streaming_};
    for (;;) {
      if (auto sent = co_await out.write("tick"); !sent) co_return sent;
      co_await test->runtime_.sleep_for(1h);
    }
  }

  void start() {
    auto transport = std::make_unique<MemoryTransport>(peer_);
    connection_ = std::make_shared<Connection>(context_, std::move(transport), "192.0.2.1:5");
    context_.tasks.spawn(Connection::serve(connection_));
    runtime_.settle();
  }
  /// What the server answers to these bytes.
  string exchange(string bytes) {
    peer_->received.clear();
    peer_->send(std::move(bytes));
    if (!connection_) start();
    runtime_.settle();
    return peer_->received;
  }
  /// As the server does from time to time.
  void pass(Duration time) {
    runtime_.run_for(time);
    connection_->check_deadline(runtime_.now());
    runtime_.settle();
  }

  SimRuntime runtime_;
  std::shared_ptr<LineSink> lines_ = make_line_sink();
  ServerContext context_{runtime_, lines_->log(), small_limits(),
                         [this](ServerRequest r) { return answer(this, std::move(r)); },
                         TaskGroup(runtime_.make_strand())};
  std::shared_ptr<MemoryPeer> peer_ = std::make_shared<MemoryPeer>();
  std::shared_ptr<Connection> connection_;
  int handled_ = 0;
  bool streaming_ = false;

 private:
  static HttpServerOptions small_limits() {
    HttpServerOptions options;
    options.max_header_bytes = 1024;
    options.max_body_bytes = 100;
    return options;
  }
};

string body_of(const string& response) {
  const auto end = response.find("\r\n\r\n");
  return end == string::npos ? "(no end of header)" : response.substr(end + 4);
}
const string get = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";

TEST_F(ConnectionTest, UnderstandsGoodRequests) {
  const std::pair<string, string> cases[] = {
      {get, "GET / ? []"},
      {"POST /a%20b/%c3%a4?x=%41&y HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
       "POST /a b/\xC3\xA4 ?x=%41&y [abc]"},
      {"GET /a+b?a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a+b ?a?b []"},
      {"GET http://other:8/p?q HTTP/1.1\r\nHost: h\r\n\r\n", "GET /p ?q []"},
      {"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n2\r\nde\r\n0\r\nTrailer: "
       "x\r\n\r\n",
       "PUT / ? [abcde]"},
      {"ODD / HTTP/1.1\r\nHost: h\r\n\r\n", "ODD / ? []"},
      {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / ? []"},
  };
  for (const auto& [request, body] : cases) {
    EXPECT_EQ(body_of(exchange(request)), body) << request;
    EXPECT_FALSE(peer_->closed) << request;
  }
}

TEST_F(ConnectionTest, TakesRequestsByteByByte) {
  start();
  const string request = "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
  for (const char c : request) peer_->send(string(1, c));
  runtime_.settle();
  EXPECT_EQ(body_of(peer_->received), "POST /p ? [abc]");
}

TEST_F(ConnectionTest, AnswersPipelinedRequestsInOrder) {
  const string answers = exchange("GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(handled_, 2);
  EXPECT_LT(answers.find("GET /1"), answers.find("GET /2"));
}

struct Malformed {
  const char* name;
  string request;
  int status;
};
class MalformedRequest : public ConnectionTest, public testing::WithParamInterface<Malformed> {};

TEST_P(MalformedRequest, IsRefusedAndTheConnectionClosed) {
  const string answer = exchange(GetParam().request);
  EXPECT_EQ(answer.substr(0, 13), "HTTP/1.1 " + std::to_string(GetParam().status) + " ");
  EXPECT_NE(answer.find("\r\nConnection: close\r\n"), string::npos);
  EXPECT_EQ(handled_, 0);
  EXPECT_TRUE(peer_->finished);
  EXPECT_TRUE(peer_->closed);
}

const Malformed malformed[] = {
    {"garbage", "\x01\x02\x03\r\n\r\n", 400},
    {"no_version", "GET /\r\n\r\n", 400},
    {"http2_preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
    {"version", "GET / HTTP/3.0\r\nHost: h\r\n\r\n", 400},
    {"no_host", "GET / HTTP/1.1\r\n\r\n", 400},
    {"two_hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
    {"authority_form", "CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"bad_escape", "GET /%zz HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"cut_escape", "GET /%4 HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"nul_in_path", "GET /a%00b HTTP/1.1\r\nHost: h\r\n\r\n", 400},
    {"space_in_name", "GET / HTTP/1.1\r\nHost : h\r\n\r\n", 400},
    {"length_and_chunked",
     "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"chunked_and_length",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n", 400},
    {"two_lengths", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400},
    {"negative_length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n", 400},
    {"huge_length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
    {"other_encoding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip\r\n\r\n", 501},
    {"encoding_list", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"hidden_encoding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: identity\r\nContent-Length: 1\r\n\r\na", 501},
    {"encoding_1_0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
    {"bad_chunk", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", 400},
    {"expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: wonders\r\n\r\n", 417},
    {"long_line", "GET /" + string(2000, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n", 431},
    {"endless_line", "GET /" + string(5000, 'a'), 431},
    {"long_header", "GET / HTTP/1.1\r\nHost: h\r\nX: " + string(2000, 'a') + "\r\n\r\n", 431},
    {"large_body", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n", 413},
    {"large_chunks",
     "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n65\r\n" + string(101, 'a') + "\r\n0\r\n\r\n",
     413},
};
INSTANTIATE_TEST_SUITE_P(Table, MalformedRequest, testing::ValuesIn(malformed),
                         [](const auto& info) { return string(info.param.name); });

TEST_F(ConnectionTest, EndsSilentlyWhenTheClientGoesInMidRequest) {
  for (const string& piece :
       {string("GET / HT"), string("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc")}) {
    peer_ = std::make_shared<MemoryPeer>();
    connection_.reset();
    peer_->ended = true;
    EXPECT_EQ(exchange(piece), "");
    EXPECT_TRUE(peer_->closed);
  }
}

TEST_F(ConnectionTest, AsksForTheBodyThatTheClientHoldsBack) {
  EXPECT_EQ(exchange("POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
            "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_EQ(body_of(exchange("abc")), "POST / ? [abc]");
}

TEST_F(ConnectionTest, SendsNoBodyToHead) {
  const string answer = exchange("HEAD /path HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(answer.find("Content-Length: 15\r\n"), string::npos) << answer;
  EXPECT_EQ(body_of(answer), "");
  const string streamed = exchange("HEAD /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_NE(streamed.find("Transfer-Encoding: chunked\r\n"), string::npos) << streamed;
  EXPECT_EQ(body_of(streamed), "");
  EXPECT_EQ(body_of(exchange(get)), "GET / ? []");
}

TEST_F(ConnectionTest, ClosesWhenTheClientAsksForIt) {
  for (const string& request :
       {string("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"), string("GET / HTTP/1.0\r\n\r\n")}) {
    peer_ = std::make_shared<MemoryPeer>();
    connection_.reset();
    const string answer = exchange(request);
    EXPECT_NE(answer.find("Connection: close\r\n"), string::npos);
    EXPECT_TRUE(peer_->finished && peer_->closed);
  }
}

TEST_F(ConnectionTest, TurnsBugsOfTheHandlerInto500) {
  EXPECT_EQ(exchange("GET /throw HTTP/1.1\r\nHost: h\r\n\r\n").substr(0, 13), "HTTP/1.1 500 ");
  EXPECT_TRUE(lines_->contains("this is a bug"));
  EXPECT_EQ(exchange("GET /split HTTP/1.1\r\nHost: h\r\n\r\n").substr(0, 13), "HTTP/1.1 500 ");
  EXPECT_EQ(body_of(exchange(get)), "GET / ? []");
}

TEST_F(ConnectionTest, CutsHandlersOffAfterTheRequestTimeout) {
  EXPECT_EQ(exchange("GET /slow HTTP/1.1\r\nHost: h\r\n\r\n"), "");
  pass(context_.options.request_timeout - 1s);
  EXPECT_EQ(peer_->received, "");
  pass(1s);
  EXPECT_EQ(peer_->received.substr(0, 13), "HTTP/1.1 503 ");
  EXPECT_EQ(body_of(exchange(get)), "GET / ? []");
}

TEST_F(ConnectionTest, ClosesSlowOrIdleConnections) {
  const struct {
    string sent;
    Duration limit;
  } cases[] = {
      {"", Connection::first_request_timeout},
      {"GET / HTT", Connection::first_request_timeout},
      {get + "GET /", context_.options.header_timeout},
      {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\na", context_.options.body_timeout},
      {get, context_.options.idle_timeout},
  };
  for (const auto& c : cases) {
    peer_ = std::make_shared<MemoryPeer>();
    if (!c.sent.empty()) peer_->send(c.sent);
    start();
    pass(c.limit - 1s);
    EXPECT_FALSE(peer_->closed) << c.sent;
    pass(1s);
    EXPECT_TRUE(peer_->closed) << c.sent;
  }
}

TEST_F(ConnectionTest, IsIdleUntilItHasAWholeRequest) {
  start();
  const SteadyTime begin = runtime_.now();
  const auto idle = [](bool has_served, SteadyTime since) { return Connection::Idleness{has_served, since}; };
  pass(1s);
  EXPECT_EQ(connection_->idleness(), idle(false, begin));
  peer_->send("POST /slow HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n");
  pass(1s);
  EXPECT_EQ(connection_->idleness(), idle(false, begin)) << "the body is missing";
  peer_->send("x");
  pass(1s);
  EXPECT_FALSE(connection_->idleness()) << "the handler is at work";
  EXPECT_LT(idle(false, begin + 1h), idle(true, begin));
}

TEST_F(ConnectionTest, IsIdleAfterItsAnswer) {
  exchange(get);
  EXPECT_EQ(connection_->idleness(), (Connection::Idleness{true, runtime_.now()}));
  connection_->abort();
  EXPECT_FALSE(connection_->idleness());
}

TEST_F(ConnectionTest, ASlowHeaderGainsNoTimeByTrickling) {
  peer_->send("GET / HTTP/1.1\r\n");
  start();
  for (int i = 0; i < 40 && !peer_->closed; ++i) {
    peer_->send("X: y\r\n");
    pass(1s);
  }
  EXPECT_TRUE(peer_->closed);
}

TEST_F(ConnectionTest, ClosesWhenTheClientDoesNotRead) {
  peer_->reads = false;
  exchange("GET /big HTTP/1.1\r\nHost: h\r\n\r\n");
  pass(context_.options.write_timeout);
  EXPECT_TRUE(peer_->closed);
}

TEST_F(ConnectionTest, StreamsInChunks) {
  const string answer = exchange("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_EQ(body_of(answer), "4\r\ntick\r\n");
  pass(1h);  // longer than any time-out
  EXPECT_EQ(body_of(peer_->received), "4\r\ntick\r\n4\r\ntick\r\n");
}

const string brief_body = "4\r\ntick\r\n4\r\ntock\r\n0\r\n\r\n";
string get_brief(const string& more = "") {
  return "GET /brief HTTP/1.1\r\nHost: h\r\n" + more + "\r\n";
}

TEST_F(ConnectionTest, GoesOnAfterAStreamThatWasSentWhole) {
  for (int i = 0; i < 2; ++i) {
    exchange(get_brief());
    pass(1h);
    EXPECT_EQ(body_of(peer_->received), brief_body);
    EXPECT_EQ(peer_->received.find("Connection:"), string::npos);
    EXPECT_EQ(body_of(exchange(get)), "GET / ? []");
  }
  EXPECT_FALSE(peer_->finished || peer_->closed);
  EXPECT_EQ(context_.tasks.size(), 1u);
  exchange(get_brief());
  pass(1h);
  pass(context_.options.idle_timeout);
  EXPECT_TRUE(peer_->closed);
}

TEST_F(ConnectionTest, AnswersInOrderWhatCameBeforeAndDuringAStream) {
  exchange(get_brief() + get_brief() + "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\n\r\nabc");
  peer_->send("def" + get.substr(0, 9));
  runtime_.settle();
  peer_->send(get.substr(9));
  pass(1h);
  pass(1h);
  const string& all = peer_->received;
  const auto second = all.find(brief_body, all.find(brief_body) + 1);
  const auto third = all.find("POST /a ? [abcdef]");
  EXPECT_LT(second, third) << all;
  EXPECT_LT(third, all.find("GET / ? []")) << all;
  EXPECT_NE(all.find("GET / ? []"), string::npos) << all;
  EXPECT_FALSE(peer_->closed);
}

TEST_F(ConnectionTest, ClosesAfterAStreamIfItMustOrCannotGoOn) {
  struct {
    const char* name;
    string request, meanwhile, end;
  } const cases[] = {
      {"asked to", get_brief("Connection: close\r\n"), "", brief_body},
      {"no chunks", "GET /brief HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "", "\r\n\r\nticktock"},
      {"too much sent meanwhile", get_brief(), string(1'000'000, 'x'), brief_body},
      {"broken off", "GET /broken HTTP/1.1\r\nHost: h\r\n\r\n", "", "chunked\r\n\r\n"},
  };
  for (const auto& [name, request, meanwhile, end] : cases) {
    peer_ = std::make_shared<MemoryPeer>();
    connection_.reset();
    exchange(request);
    if (!meanwhile.empty()) peer_->send(meanwhile);
    pass(1h);
    EXPECT_TRUE(peer_->received.ends_with(end)) << name << ": " << peer_->received;
    EXPECT_TRUE(peer_->closed) << name;
    EXPECT_EQ(context_.tasks.size(), 0u) << name;
  }
}

TEST_F(ConnectionTest, CancelsAStreamWhoseClientIsGone) {
  exchange("GET /stream HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_TRUE(streaming_);
  peer_->end();
  runtime_.settle();
  EXPECT_FALSE(streaming_);
  EXPECT_TRUE(peer_->closed);
  EXPECT_EQ(peer_->received.find("0\r\n\r\n"), string::npos);
  EXPECT_EQ(context_.tasks.size(), 0u);
}

TEST_F(ConnectionTest, AbortEndsHandlersAndStreams) {
  for (const string& path : {string("/slow"), string("/stream")}) {
    peer_ = std::make_shared<MemoryPeer>();
    connection_.reset();
    exchange("GET " + path + " HTTP/1.1\r\nHost: h\r\n\r\n");
    EXPECT_EQ(context_.tasks.size(), path == "/stream" ? 2u : 1u);
    connection_->abort();
    runtime_.settle();
    EXPECT_EQ(context_.tasks.size(), 0u);
    EXPECT_TRUE(peer_->closed);
  }
}

}  // namespace
}  // namespace berth
