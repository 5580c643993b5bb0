#pragma once

#include <set>
#include <string>

#include "berth/base/log.hpp"
#include "berth/base/runtime.hpp"

namespace berth {

/// A warning for what is tried again and again: said when it begins, when another kind of error joins, and after that
/// at intervals that grow from 1 minute to 1 hour; its end is said once. For one strand.
class LastingProblem {
 public:
  /// `event`: what fails, as the warning says it; `over`: what is said when it works again.
  LastingProblem(Runtime& runtime, Logger log, std::string event, std::string over);
  void failed(const Error& error);
  void worked();

 private:
  Runtime& runtime_;
  const Logger log_;
  const std::string event_, over_;
  std::set<ErrorKind> said_;  ///< kinds, since it began
  std::int64_t failures_ = 0;
  Duration interval_{};
  SteadyTime next_{};
};

}  // namespace berth
