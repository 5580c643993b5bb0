#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "berth/base/asio.hpp"
#include "berth/base/result.hpp"

namespace berth {

/// Stands between a library that reads without bound and its peer, so that no more comes in than was allowed. The
/// library keeps its descriptor number: behind it is, from insert() on, a socket pair whose other end is here. Use on
/// one strand.
class BoundedRelay {
 public:
  BoundedRelay() = default;
  ~BoundedRelay();
  BoundedRelay(const BoundedRelay&) = delete;
  BoundedRelay& operator=(const BoundedRelay&) = delete;

  /// Takes over the connected, non-blocking stream socket `descriptor`. Nothing may be read before allow(). The relay
  /// runs on `executor` until close() or until either side ends; the library then reads what had come, and an end.
  /// Error: failed, with the system's words; the descriptor is as it was.
  Result<void> insert(const asio::any_io_executor& executor, int descriptor);
  /// How many bytes may come from now on.
  void allow(std::size_t bytes);
  void close();

  /// Why it ended, unless either side closed: exhausted, more came than was allowed; network, with the system's words.
  std::optional<Error> error() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace berth
