#include <limits>
#include <optional>

#include "berth/base/blocking.hpp"
#include "berth/model/container.hpp"

#include "answers.hpp"
#include "calls.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kPiece = std::size_t{256} << 10;
/// A longer rest of a log is streamed.
constexpr std::int64_t kWholeAnswer = std::int64_t{1} << 20;
/// Followers look at most this often, however many containers change meanwhile.
constexpr Duration kFollowPause = 50ms;
constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

struct Range {
  std::int64_t offset = 0;
  std::int64_t limit = kForever;  ///< bytes
  bool follow = false;
};

ServerResponse text_response() {
  ServerResponse response;
  response.headers.emplace_back("Content-Type", "text/plain; charset=utf-8");
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

Result<Range> range_of(const Params& params) {
  const auto offset = integer_param(params, "offset", 0, 0, kForever);
  if (!offset) return fail(offset.error());
  const auto limit = integer_param(params, "limit", kForever, 0, kForever);
  if (!limit) return fail(limit.error());
  const auto follow = integer_param(params, "follow", 0, 0, 1);
  if (!follow) return fail(follow.error());
  return Range{*offset, *limit, *follow == 1};
}

/// The state's name. Errors: not_found.
awaitable<Result<std::string>> read_state(ApiContextPtr api, std::string uuid) {
  Store::Read read = [uuid](Database& database) -> Result<std::string> {
    std::string state;
    auto done = database.query("SELECT state FROM containers WHERE uuid = ?", {uuid}, [&](const SqlRow& row) {
      state = row.text(0);
      return false;
    });
    if (!done) return fail(done.error());
    if (state.empty()) return fail(ErrorKind::not_found, "container " + uuid + " not found");
    return state;
  };
  co_return co_await api->store->read(std::move(read));
}

awaitable<Result<std::string>> read_piece(ApiContextPtr api, std::string uuid, std::int64_t offset, std::size_t max) {
  auto work = [api, uuid = std::move(uuid), offset, max] { return api->logs.read(uuid, offset, max); };
  co_return co_await run_blocking(api->runtime, std::move(work));
}

/// Writes what is there from `range.offset` on, and moves it.
awaitable<Result<void>> send_available(ApiContextPtr api, std::string uuid, Range& range, BodyWriter& writer) {
  while (range.limit > 0) {
    const auto max = static_cast<std::size_t>(std::min<std::int64_t>(range.limit, kPiece));
    const auto piece = co_await read_piece(api, uuid, range.offset, max);
    if (!piece) co_return fail(piece.error());
    if (piece->empty()) break;
    if (auto written = co_await writer.write(*piece); !written) co_return written;
    range.offset += static_cast<std::int64_t>(piece->size());
    range.limit -= static_cast<std::int64_t>(piece->size());
  }
  co_return Result<void>{};
}

/// Sends the log; with `follow`, until the container has ended and all of it was sent.
awaitable<Result<void>> send_log(ApiContextPtr api, std::string uuid, Range range, BodyWriter& writer) {
  Subscription activity = api->activity.subscribe();
  for (;;) {
    // The state is read before the log, so that the last turn sees all of it.
    bool final = true;
    if (range.follow) {
      const auto state = co_await read_state(api, uuid);
      if (!state) co_return fail(state.error());
      const auto parsed = parse_container_state(*state);
      final = !parsed || is_final(*parsed);
    }
    auto sent = co_await send_available(api, uuid, range, writer);
    if (!sent || final || range.limit == 0) co_return sent;
    co_await activity.wait();
    co_await api->runtime.sleep_for(kFollowPause);
  }
}

awaitable<Answer> read_log(ApiContextPtr api, Route route, Params params) {
  const auto range = range_of(params);
  if (!range) co_return fail(range.error());
  const auto state = co_await read_state(api, route.uuid);
  if (!state) co_return fail(state.error());
  ServerResponse response = text_response();
  const std::int64_t wanted = std::min(range->limit, api->logs.size(route.uuid) - range->offset);
  if (!range->follow && wanted <= kWholeAnswer) {
    const auto max = static_cast<std::size_t>(std::min(range->limit, kWholeAnswer));
    auto piece = co_await read_piece(api, route.uuid, range->offset, max);
    if (!piece) co_return fail(piece.error());
    response.body = std::move(*piece);
    co_return response;
  }
  response.stream = [api, uuid = route.uuid, range = *range](BodyWriter& writer) {
    return send_log(api, uuid, range, writer);
  };
  co_return response;
}

awaitable<Answer> append_log(ApiContextPtr api, Route route, Params params, std::string body) {
  LogStream stream = LogStream::out;
  if (const auto* name = params.find("stream")) {
    const auto parsed = parse_log_stream(name->is_string() ? name->get_ref<const std::string&>() : "");
    if (!parsed) co_return fail(parsed.error());
    stream = *parsed;
  }
  std::optional<std::int64_t> offset;
  if (params.find("offset")) {
    const auto given = integer_param(params, "offset", 0, 0, kForever / 2);
    if (!given) co_return fail(given.error());
    offset = *given;
  }
  if (!api->logs.exists(route.uuid)) {
    const auto state = co_await read_state(api, route.uuid);
    if (!state) co_return fail(state.error());
  }
  auto work = [api, uuid = route.uuid, stream, offset, body = std::move(body)] {
    return api->logs.append(uuid, stream, offset, body);
  };
  const auto appended = co_await run_blocking(api->runtime, std::move(work));
  api->activity.notify();
  if (!appended) {
    api->log.error("a log cannot be written", {{"ContainerUUID", route.uuid}, {"error", appended.error().message}});
    co_return fail(appended.error());
  }
  co_return json_response("{}");
}

}  // namespace

awaitable<Answer> answer_log_call(ApiContextPtr api, Route route, Params params, std::string method, std::string body) {
  if (method == "GET") co_return co_await read_log(std::move(api), std::move(route), std::move(params));
  if (method == "POST")
    co_return co_await append_log(std::move(api), std::move(route), std::move(params), std::move(body));
  co_return refuse(405, "method " + method.substr(0, 20) + " is not allowed here");
}

}  // namespace berth
