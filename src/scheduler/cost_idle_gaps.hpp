#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "berth/base/time.hpp"

namespace berth {

/// How long instances of each type stood idle before they were wanted again; from it the idle time-out that would have
/// been cheapest. An instance that was ended counts too: its gap ends when the next one of its type is created.
class IdleGaps {
 public:
  /// One that was idle since `since` got a container.
  void reused(std::uint32_t type, SteadyTime since, SteadyTime now);
  /// One that was idle since `since` is gone.
  void ended(std::uint32_t type, SteadyTime since);
  /// One was created.
  void created(std::uint32_t type, SteadyTime now);

  /// The time-out for this type, at most `most`; that if too little is known. `boot`: of an instance, in seconds.
  Duration timeout(std::uint32_t type, Duration most, double boot) const;

 private:
  struct OfType {
    std::deque<double> gaps;           ///< seconds; the latest
    std::uint64_t version = 0;         ///< of the last gap
    std::deque<SteadyTime> idle_ends;  ///< since when those ended ones were idle whose gap goes on
  };
  /// The answer to a question that is asked by each pass: it holds until there is another gap (of the type).
  struct Answer {
    std::uint64_t version = 0;
    Duration most{};
    double boot = 0;
    Duration timeout{};
  };
  void add(OfType& of, double gap);
  OfType& of(std::uint32_t type);

  std::vector<OfType> by_type_;
  std::deque<double> all_;
  std::uint64_t version_ = 1;            // counts gaps
  mutable std::vector<Answer> answers_;  // by type
  mutable Answer answer_of_all_;
};

}  // namespace berth
