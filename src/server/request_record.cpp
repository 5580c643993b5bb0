#include "request_record.hpp"

#include "berth/base/seconds.hpp"

namespace berth {
namespace {

std::string_view status_name(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 301:
      return "Moved Permanently";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 413:
      return "Request Entity Too Large";
    case 417:
      return "Expectation Failed";
    case 426:
      return "Upgrade Required";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    default:
      return "";
  }
}

/// Values of headers are the client's to choose.
std::string bounded(std::string_view text) {
  constexpr std::size_t most = 1024;
  return std::string(text.substr(0, most));
}

Logger with_request(const Logger& log, const ServerRequest& request, const std::string& id) {
  return log.with({{"RequestID", id},
                   {"remoteAddr", request.remote_address},
                   {"reqForwardedFor", bounded(find_header(request.headers, "X-Forwarded-For"))},
                   {"reqMethod", request.method},
                   {"reqHost", bounded(request.host)},
                   {"reqPath", bounded(std::string_view(request.path).substr(request.path.starts_with('/') ? 1 : 0))},
                   {"reqQuery", bounded(masked_query(request.query))},
                   {"reqBytes", request.body.size()}});
}

}  // namespace

RequestRecord::RequestRecord(Runtime& runtime, const Logger& log, RequestsInFlight& in_flight,
                             const ServerRequest& request, const std::string& request_id)
    : runtime_(runtime),
      log_(with_request(log, request, request_id)),
      in_flight_(in_flight),
      method_(request.method),
      begin_(runtime.now()),
      ticket_(in_flight.enter(request, request_id)) {
  log_.info("request");
}

RequestRecord::~RequestRecord() {
  in_flight_.leave(ticket_);
}

void RequestRecord::answered(const ServerResponse& response) {
  status_ = response.status;
  to_status_ = runtime_.now() - begin_;
  if (status_ >= 400) error_body_ = bounded(response.body);
  if (!response.stream) complete(response.body.size());
}

void RequestRecord::complete(std::size_t body_bytes) {
  const Duration total = runtime_.now() - begin_;
  in_flight_.observe(method_, status_, to_status_, total);
  const Logger log = log_.with({{"respStatusCode", status_},
                                {"respStatus", status_name(status_)},
                                {"respBytes", body_bytes},
                                {"timeToStatus", seconds(to_status_)},
                                {"timeTotal", seconds(total)},
                                {"timeWriteBody", seconds(total - to_status_)}});
  status_ < 400 ? log.info("response") : log.info("response", {{"respBody", error_body_}});
}

}  // namespace berth
