#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http.hpp"

// Any bytes as the API's answer, in pieces: never a crash, no body beyond its bound, and the same end however they are
// cut. The first byte says where.
namespace {

using berth::runner::ResponseReader;

struct End {
  bool failed = false;
  bool complete = false;
  int status = 0;
  std::string body;
  friend bool operator==(const End&, const End&) = default;
};

End read(std::string_view bytes, std::size_t piece) {
  ResponseReader reader;
  End end;
  for (; !bytes.empty() && !end.failed && !end.complete; bytes.remove_prefix(std::min(piece, bytes.size()))) {
    const auto fed = reader.feed(bytes.substr(0, piece));
    end.failed = !fed;
    end.complete = fed && *fed;
  }
  if (!end.failed && !end.complete) {
    const auto finished = reader.finish();
    end.failed = !finished;
    end.complete = finished && *finished;
  }
  if (end.complete) {
    end.status = reader.response().status;
    end.body = reader.response().body;
  }
  return end;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const End whole = read(bytes, bytes.size());
  if (whole.complete && (whole.status < 200 || whole.body.size() > (16U << 20U))) std::abort();
  if (!(read(bytes, std::size_t{1} + data[0]) == whole)) std::abort();
  return 0;
}
