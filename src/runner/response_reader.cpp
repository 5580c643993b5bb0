#include <algorithm>
#include <charconv>

#include "http.hpp"

namespace berth::runner {
namespace {

constexpr std::size_t max_head = 64 << 10;
constexpr std::size_t max_body = 16 << 20;

tl::unexpected<Error> bad(const char* what) {
  return fail(ErrorKind::undecodable, std::string("the API's answer is no HTTP: ") + what);
}

std::string_view trim(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  return first == text.npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return result;
}

template <class Number>
bool parse_number(std::string_view text, Number& number, int base = 10) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

Result<bool> ResponseReader::feed(std::string_view bytes) {
  input_.append(bytes);
  for (;;) {
    if (part_ == Part::done) return true;
    auto progressed = step();
    if (!progressed) return progressed;
    if (response_.body.size() > max_body) return fail(ErrorKind::exhausted, "the API's answer is longer than 16 MiB");
    if (!*progressed) return part_ == Part::done;
  }
}

Result<bool> ResponseReader::finish() {
  if (part_ == Part::open_body) part_ = Part::done;
  if (part_ == Part::done) return true;
  return fail(ErrorKind::network, "the API closed the connection in mid-answer");
}

/// True if something was consumed.
Result<bool> ResponseReader::step() {
  switch (part_) {
    case Part::head: {
      const auto end = input_.find("\r\n\r\n");
      if (end == input_.npos && input_.size() > max_head) return bad("its head is too long");
      if (end == input_.npos) return false;
      const std::string head = input_.substr(0, end + 2);
      input_.erase(0, end + 4);
      if (auto parsed = parse_head(head); !parsed) return fail(parsed.error());
      return true;
    }
    case Part::sized_body:
    case Part::open_body:
      return take_body(part_ == Part::open_body ? input_.size() : left_);
    case Part::chunk:
      return take_body(left_);
    case Part::chunk_size: {
      const auto line = take_line();
      if (!line)
        return input_.size() > max_head ? Result<bool>(bad("a chunk's size is too long")) : Result<bool>(false);
      if (!parse_number(trim(std::string_view(*line).substr(0, line->find(';'))), left_, 16))
        return bad("a chunk's size is no number");
      part_ = left_ == 0 ? Part::trailer : Part::chunk;
      return true;
    }
    case Part::chunk_end:
    case Part::trailer: {
      const auto line = take_line();
      if (!line) return input_.size() > max_head ? Result<bool>(bad("its trailer is too long")) : Result<bool>(false);
      if (part_ == Part::chunk_end && !line->empty()) return bad("a chunk is longer than it says");
      if (part_ == Part::chunk_end)
        part_ = Part::chunk_size;
      else if (line->empty())
        part_ = Part::done;
      return true;
    }
    case Part::done:
      break;
  }
  return false;
}

bool ResponseReader::take_body(std::size_t limit) {
  const std::size_t size = std::min(limit, input_.size());
  response_.body.append(input_, 0, size);
  input_.erase(0, size);
  left_ -= std::min<std::uint64_t>(left_, size);
  if (part_ == Part::sized_body && left_ == 0) part_ = Part::done;
  if (part_ == Part::chunk && left_ == 0) part_ = Part::chunk_end;
  return size > 0;
}

std::optional<std::string> ResponseReader::take_line() {
  const auto end = input_.find('\n');
  if (end == input_.npos) return std::nullopt;
  std::string line(trim(std::string_view(input_).substr(0, end)));
  input_.erase(0, end + 1);
  return line;
}

Result<void> ResponseReader::parse_head(std::string_view head) {
  auto line_end = head.find("\r\n");
  const std::string_view status_line = head.substr(0, line_end);
  if (!status_line.starts_with("HTTP/1.") || status_line.size() < 12 ||
      !parse_number(status_line.substr(9, 3), response_.status) || response_.status < 100)
    return bad("no status line");
  keep_alive_ = status_line[7] != '0';
  head.remove_prefix(line_end + 2);
  for (; (line_end = head.find("\r\n")) != head.npos; head.remove_prefix(line_end + 2)) {
    const std::string_view line = head.substr(0, line_end);
    const auto colon = line.find(':');
    if (colon == line.npos) return bad("a header without a colon");
    if (auto parsed = parse_header(line.substr(0, colon), trim(line.substr(colon + 1))); !parsed) return parsed;
  }
  if (response_.status < 200) {  // an interim answer: the real one follows
    length_.reset();
    return {};
  }
  if (response_.status == 204 || response_.status == 304) {
    part_ = Part::done;
  } else if (chunked_) {
    part_ = Part::chunk_size;
  } else if (length_) {
    left_ = *length_;
    part_ = left_ == 0 ? Part::done : Part::sized_body;
  } else {
    keep_alive_ = false;
    part_ = Part::open_body;
  }
  return {};
}

Result<void> ResponseReader::parse_header(std::string_view name, std::string_view value) {
  const std::string key = lower(name);
  if (key == "content-length") {
    std::uint64_t length = 0;
    if (!parse_number(value, length) || (length_ && *length_ != length)) return bad("a bad Content-Length");
    if (length > max_body) return fail(ErrorKind::exhausted, "the API's answer is longer than 16 MiB");
    length_ = length;
  } else if (key == "transfer-encoding") {
    if (lower(value) != "chunked") return bad("an unknown Transfer-Encoding");
    chunked_ = true;
  } else if (key == "connection") {
    if (lower(value) == "close") keep_alive_ = false;
  }
  return {};
}

}  // namespace berth::runner
