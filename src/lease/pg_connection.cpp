#include "pg_connection.hpp"

#include <libpq-fe.h>
#include <sys/ioctl.h>
#include <utility>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace berth {
namespace {

using boost::asio::posix::stream_descriptor;

constexpr std::size_t kMostWords = 500;
constexpr int kMostRows = 100;
constexpr std::size_t kMostBytes = 1 << 20;

/// libpq's socket, watched for the length of one wait: libpq may replace it between two.
struct Watched {
  Watched(const asio::any_io_executor& executor, int socket) : descriptor(executor, socket) {}
  ~Watched() { descriptor.release(); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;
  stream_descriptor descriptor;
};

awaitable<void> wait_for(int socket, stream_descriptor::wait_type what) {
  Watched watched(co_await asio::this_coro::executor, socket);
  co_await watched.descriptor.async_wait(what, asio::use_awaitable);
}

void drop_notice(void* /*unused*/, const PGresult* /*notice*/) {}

PgRows rows_of(const PGresult* result) {
  PgRows rows;
  for (int row = 0; row < std::min(PQntuples(result), kMostRows); ++row) {
    auto& cells = rows.emplace_back();
    for (int column = 0; column < PQnfields(result); ++column) {
      if (PQgetisnull(result, row, column) != 0)
        cells.emplace_back();
      else
        cells.emplace_back(std::in_place, PQgetvalue(result, row, column),
                           static_cast<std::size_t>(PQgetlength(result, row, column)));
    }
  }
  return rows;
}

}  // namespace

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text.substr(0, kMostWords)) {
    const bool is_gap = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    if (!is_gap)
      line += c;
    else if (!line.empty() && line.back() != ' ')
      line += ' ';
  }
  if (line.ends_with(' ')) line.pop_back();
  return line;
}

PgConnection::~PgConnection() {
  close();
}

void PgConnection::close() {
  if (connection_) PQfinish(std::exchange(connection_, nullptr));
  relay_.close();
}

tl::unexpected<Error> PgConnection::failure() const {
  if (const auto error = relay_.error()) return fail(*error);
  std::string words = one_line(connection_ ? PQerrorMessage(connection_) : "not connected");
  return fail(ErrorKind::network, words.empty() ? "the connection broke" : std::move(words));
}

awaitable<Result<void>> PgConnection::connect(std::map<std::string, std::string> keywords) {
  close();
  std::vector<const char*> names;
  std::vector<const char*> values;
  for (const auto& [name, value] : keywords) {
    names.push_back(name.c_str());
    values.push_back(value.c_str());
  }
  names.push_back(nullptr);
  values.push_back(nullptr);
  connection_ = PQconnectStartParams(names.data(), values.data(), 0);
  if (!connection_ || PQstatus(connection_) == CONNECTION_BAD) co_return failure();
  PQsetNoticeReceiver(connection_, drop_notice, nullptr);
  received_ = 0;
  auto wanted = PGRES_POLLING_WRITING;
  while (wanted != PGRES_POLLING_OK) {
    if (wanted == PGRES_POLLING_FAILED || PQsocket(connection_) < 0) co_return failure();
    const bool reads = wanted == PGRES_POLLING_READING;
    co_await wait_for(PQsocket(connection_), reads ? stream_descriptor::wait_read : stream_descriptor::wait_write);
    if (auto bounded = count_waiting(); !bounded) co_return bounded;
    wanted = PQconnectPoll(connection_);
  }
  if (PQsetnonblocking(connection_, 1) != 0) co_return failure();
  auto relayed = relay_.insert(co_await asio::this_coro::executor, PQsocket(connection_));
  relay_.allow(kMostBytes);
  co_return relayed;
}

awaitable<Result<void>> PgConnection::flush() {
  for (;;) {
    const int left = PQflush(connection_);
    if (left < 0) co_return failure();
    if (left == 0) co_return Result<void>{};
    co_await wait_for(PQsocket(connection_), stream_descriptor::wait_write);
  }
}

/// What is about to be read counts: before the session stands libpq refuses long messages, but not many of them.
Result<void> PgConnection::count_waiting() {
  int waiting = 0;
  if (::ioctl(PQsocket(connection_), FIONREAD, &waiting) == 0 && waiting > 0)
    received_ += static_cast<std::size_t>(waiting);
  if (received_ > kMostBytes) return fail(ErrorKind::exhausted, "the server sends without end");
  return {};
}

awaitable<Result<void>> PgConnection::receive() {
  co_await wait_for(PQsocket(connection_), stream_descriptor::wait_read);
  if (PQconsumeInput(connection_) == 0 || PQstatus(connection_) == CONNECTION_BAD) co_return failure();
  co_return Result<void>{};
}

awaitable<Result<PgRows>> PgConnection::query(std::string sql) {
  relay_.allow(kMostBytes);
  if (!connection_ || PQsendQuery(connection_, sql.c_str()) == 0) co_return failure();
  if (auto sent = co_await flush(); !sent) co_return fail(sent.error());
  Result<PgRows> rows;
  for (;;) {
    while (PQisBusy(connection_) != 0)
      if (auto received = co_await receive(); !received) co_return fail(received.error());
    const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection_), PQclear);
    if (!result) break;
    const ExecStatusType status = PQresultStatus(result.get());
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
      if (rows) rows = rows_of(result.get());
    } else if (status == PGRES_FATAL_ERROR) {
      rows = fail(ErrorKind::failed, one_line(PQresultErrorMessage(result.get())));
    } else {
      co_return fail(ErrorKind::undecodable, "an unexpected kind of answer");
    }
  }
  if (PQstatus(connection_) == CONNECTION_BAD) co_return failure();
  co_return rows;
}

awaitable<Result<void>> PgConnection::until_ended() {
  if (!connection_) co_return failure();
  relay_.allow(kMostBytes);
  for (;;) {
    if (auto received = co_await receive(); !received) co_return received;
    // What comes unasked is told to nobody; libpq makes sense of it here. An idle server's error ends the session.
    while (PQisBusy(connection_) == 0) {
      const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQgetResult(connection_), PQclear);
      if (!result) break;
    }
  }
}

}  // namespace berth
