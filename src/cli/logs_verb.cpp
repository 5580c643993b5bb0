#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>

#include "patience.hpp"
#include "records.hpp"
#include "verbs.hpp"

namespace berth {
namespace {

using namespace std::chrono_literals;

/// A log is read in pieces: neither side holds a long one in memory.
constexpr std::size_t kPiece = std::size_t{1} << 20;

Result<void> print(const std::string& bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), stdout) == bytes.size() && std::fflush(stdout) == 0) return {};
  return fail(ErrorKind::failed, std::string("stdout: ") + std::strerror(errno));
}

/// Prints a log piece by piece and knows how far it came.
class LogPrinter {
 public:
  LogPrinter(DaemonConnection& connection, std::string container)
      : connection_(connection), container_(std::move(container)) {}

  /// Prints all that is there now. What was printed stays printed if a later piece cannot be had.
  Result<void> print_rest() {
    for (;;) {
      const auto piece = connection_.api_text("/berth/v1/containers/" + container_ + "/log",
                                              {{"offset", std::to_string(offset_)}, {"limit", std::to_string(kPiece)}});
      if (!piece) return fail(piece.error());
      if (auto printed = print(*piece); !printed) return printed;
      offset_ += piece->size();
      if (piece->size() < kPiece) return {};
    }
  }

 private:
  DaemonConnection& connection_;
  const std::string container_;
  std::size_t offset_ = 0;
};

}  // namespace

Result<void> show_logs(DaemonConnection& connection, const std::string& uuid, bool follow) {
  const auto container = container_of(connection, uuid);
  if (!container) return fail(container.error());
  LogPrinter printer(connection, *container);
  auto printed = printer.print_rest();
  if (!printed || !follow) return printed;
  // The state is read before the log, so that the last turn sees all of it.
  for (bool final = false; !final;) {
    const auto record = patiently(connection, [&] { return read_container(connection, *container); });
    if (!record) return fail(record.error());
    final = is_final_record(*record);
    if (auto rest = patiently(connection, [&] { return printer.print_rest(); }); !rest) return rest;
    if (!final) connection.wait(200ms);
  }
  return {};
}

}  // namespace berth
