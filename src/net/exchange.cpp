#include "exchange.hpp"

#include <algorithm>
#include <new>
#include <string_view>
#include <utility>

#include "header_rules.hpp"

namespace berth {

namespace {
constexpr std::size_t max_header_bytes = 256 * 1024;  // of an answer, all header lines together
constexpr long max_redirects = 5;

std::string part(CURLU* url, CURLUPart which) {
  char* text = nullptr;
  if (curl_url_get(url, which, &text, 0) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

ErrorKind kind_of(CURLcode code) {
  if (code == CURLE_URL_MALFORMAT) return ErrorKind::invalid;
  if (code == CURLE_OPERATION_TIMEDOUT) return ErrorKind::timeout;
  return ErrorKind::network;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view blanks = " \t\r\n";
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}
}  // namespace

Result<UrlParts> split_url(const std::string& text) {
  if (text.find('\0') != std::string::npos) return fail(ErrorKind::invalid, "a URL must not contain NUL");
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  if (const CURLUcode code = curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0); code != CURLUE_OK) {
    return fail(ErrorKind::invalid, std::string("not a URL that can be fetched: ") + curl_url_strerror(code));
  }
  UrlParts parts{part(url.get(), CURLUPART_SCHEME), part(url.get(), CURLUPART_HOST), part(url.get(), CURLUPART_PORT),
                 part(url.get(), CURLUPART_PATH)};
  if (parts.scheme != "http" && parts.scheme != "https") {
    return fail(ErrorKind::invalid, "the URL's scheme is neither http nor https");
  }
  return parts;
}

Result<std::unique_ptr<Exchange>> Exchange::make(HttpRequest request, const HttpClientOptions& options,
                                                 const ProxyEnvironment& proxies) {
  const auto url = split_url(request.url);
  if (!url) return fail(url.error());
  if (!is_token(request.method)) return fail(ErrorKind::invalid, "the request's method is not a token");
  if (!are_valid(request.headers)) return fail(ErrorKind::invalid, "a header of the request would break its line");
  const auto proxy = choose_proxy(proxies, url->scheme, url->host, url->port);
  if (!proxy) return fail(proxy.error());
  std::unique_ptr<Exchange> exchange(new Exchange(std::move(request)));
  const std::string port = url->port.empty() ? "" : ":" + url->port;
  exchange->description_ = exchange->request_.method + " " + url->scheme + "://" + url->host + port + url->path;
  exchange->set_connection_options(options, url->scheme, url->host);
  // For redirects too. An empty value keeps libcurl from asking the environment itself, by rules of its own.
  curl_easy_setopt(exchange->handle(), CURLOPT_PROXY, proxy->c_str());
  curl_easy_setopt(exchange->handle(), CURLOPT_NOPROXY, "");
  exchange->set_request_options(options);
  return exchange;
}

Exchange::Exchange(HttpRequest request) : request_(std::move(request)), easy_(curl_easy_init()) {
  if (!easy_) throw std::bad_alloc();
}

void Exchange::set_connection_options(const HttpClientOptions& options, const std::string& scheme,
                                      const std::string& host) {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);  // an abort does not wait for the resolver's thread
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
  curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
  if (scheme == "https") {
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    if (!options.ca_file.empty()) curl_easy_setopt(easy, CURLOPT_CAINFO, options.ca_file.c_str());
  }
  if (options.insecure_tls) {
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!options.connect_to.empty()) {
    const bool bare_ipv6 = options.connect_to.find(':') != std::string::npos && options.connect_to[0] != '[';
    const std::string target = bare_ipv6 ? "[" + options.connect_to + "]" : options.connect_to;
    connect_to_.reset(curl_slist_append(nullptr, (host + "::" + target + ":").c_str()));
    curl_easy_setopt(easy, CURLOPT_CONNECT_TO, connect_to_.get());
  }
}

void Exchange::set_request_options(const HttpClientOptions& options) {
  CURL* easy = easy_.get();
  curl_easy_setopt(easy, CURLOPT_URL, request_.url.c_str());
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error_text_.data());
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, &Exchange::on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Exchange::on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
  const std::string& method = request_.method;
  const bool sends_body = !request_.body.empty() || method == "POST" || method == "PUT" || method == "PATCH";
  if (sends_body) {
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request_.body.data());
  } else if (method == "HEAD") {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
  }
  if (sends_body || (method != "GET" && method != "HEAD")) {
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method.c_str());
  }
  if (options.follow_redirects && method == "GET") {
    // libcurl (since 7.83) sends Authorization and Cookie headers to the first host, port and scheme only.
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(easy, CURLOPT_MAXREDIRS, max_redirects);
  }
  for (const auto& [name, value] : request_.headers) add_header(value.empty() ? name + ";" : name + ": " + value);
  add_header("Expect:");  // none of libcurl's own
  if (find_header(request_.headers, "Content-Type").empty()) add_header("Content-Type:");
  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_.get());
}

void Exchange::add_header(const std::string& line) {
  curl_slist* extended = curl_slist_append(headers_.get(), line.c_str());
  if (extended == nullptr) throw std::bad_alloc();
  static_cast<void>(headers_.release());
  headers_.reset(extended);
}

std::size_t Exchange::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  return static_cast<Exchange*>(self)->take_header({data, size * count}) ? size * count : 0;
}

bool Exchange::take_header(std::string_view line) {
  if (line.starts_with("HTTP/")) {  // of an answer before the last: 100 Continue, a redirect
    response_.headers.clear();
    response_.body.clear();
    header_bytes_ = 0;
    head_complete_ = false;
  }
  header_bytes_ += line.size();
  if (header_bytes_ > max_header_bytes) {
    exceeded_ = "the answer's headers are larger than 256 KiB";
    return false;
  }
  if (line == "\r\n" || line == "\n") head_complete_ = true;
  const std::size_t colon = line.find(':');
  if (colon != std::string_view::npos && !line.starts_with("HTTP/")) {
    response_.headers.emplace_back(trim(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return true;
}

std::size_t Exchange::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  std::string& body = exchange.response_.body;
  if (size * count > exchange.request_.max_response_body - body.size()) {
    exchange.exceeded_ = "the answer's body is larger than allowed";
    return 0;
  }
  body.append(data, size * count);
  return size * count;
}

Result<HttpResponse> Exchange::finish(CURLcode code) {
  if (code == CURLE_OK && !head_complete_) {  // libcurl takes it for an answer without a body
    return fail(ErrorKind::network, "the answer ended within its headers");
  }
  if (code == CURLE_OK) {
    long status = 0;
    curl_easy_getinfo(easy_.get(), CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    return std::move(response_);
  }
  if (exceeded_ != nullptr) return fail(ErrorKind::exhausted, exceeded_);
  long proxy_status = 0;
  curl_easy_getinfo(easy_.get(), CURLINFO_HTTP_CONNECTCODE, &proxy_status);
  if (proxy_status == 503) return fail(ErrorKind::unavailable, "the proxy answered 503 Service Unavailable");
  return fail(kind_of(code), error_text_[0] != '\0' ? error_text_.data() : curl_easy_strerror(code));
}

}  // namespace berth
