#pragma once

#include <cstdint>
#include <string>

#include "berth/base/runtime.hpp"
#include "berth/sim/world.hpp"

namespace berth {

/// Says on stderr how far a simulation has come: on a terminal in one line that is written anew twice a second,
/// elsewhere in a line each 10 s of real time.
class Progress final : public SimObserver {
 public:
  /// `clock` tells real time.
  explicit Progress(const Runtime& clock);
  ~Progress() override { end(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  /// Of the history that comes next.
  void begin(std::string history, std::size_t containers);
  void on_event(const SimEvent& event) override;
  /// Takes the line away, if there is one.
  void end();

 private:
  void show(Duration elapsed);

  const Runtime& clock_;
  const bool terminal_;
  SteadyTime next_;
  bool shown_ = false;  // a line without an end
  std::string history_;
  std::size_t containers_ = 0;
  std::size_t complete_ = 0;
};

}  // namespace berth
