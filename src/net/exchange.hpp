#pragma once

#include <array>
#include <curl/curl.h>
#include <memory>
#include <string>

#include "berth/base/result.hpp"
#include "berth/net/http_client.hpp"

#include "proxy_rule.hpp"

namespace berth {

struct UrlParts {
  std::string scheme;
  std::string host;
  std::string port;
  std::string path;
};
/// Errors: invalid: not an http or https URL.
Result<UrlParts> split_url(const std::string& text);

/// One request as libcurl wants it, and the answer as it comes in. Stays where it is made: libcurl points into it.
class Exchange {
 public:
  /// Errors: invalid (URL, method, headers, proxy).
  static Result<std::unique_ptr<Exchange>> make(HttpRequest request, const HttpClientOptions& options,
                                                const ProxyEnvironment& proxies);
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  CURL* handle() const { return easy_.get(); }
  /// What came of it.
  Result<HttpResponse> finish(CURLcode code);
  /// Method and URL without query and credentials, for messages.
  const std::string& description() const { return description_; }

 private:
  struct Deleter {
    void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
    void operator()(curl_slist* list) const { curl_slist_free_all(list); }
  };

  explicit Exchange(HttpRequest request);
  void set_connection_options(const HttpClientOptions& options, const std::string& scheme, const std::string& host);
  void set_request_options(const HttpClientOptions& options);
  void add_header(const std::string& line);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  bool take_header(std::string_view line);

  HttpRequest request_;
  std::string description_;
  HttpResponse response_;
  std::size_t header_bytes_ = 0;
  bool head_complete_ = false;
  const char* exceeded_ = nullptr;  // which bound the answer broke
  std::array<char, CURL_ERROR_SIZE> error_text_{};
  std::unique_ptr<curl_slist, Deleter> headers_;
  std::unique_ptr<curl_slist, Deleter> connect_to_;
  std::unique_ptr<CURL, Deleter> easy_;  // dies first
};

}  // namespace berth
