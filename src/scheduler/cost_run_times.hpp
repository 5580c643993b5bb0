#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace berth {

constexpr int kRunTimeBins = 96;

/// By bin b: a probability about the time run_time_offset(b) from now.
using Survival = std::array<float, kRunTimeBins>;
/// The same at the first bin of each kBinsInStep.
constexpr int kBinsInStep = 6;
using SurvivalSteps = std::array<float, kRunTimeBins / kBinsInStep>;
/// Seconds from now; the last is half a year.
double run_time_offset(int bin);
/// The greatest offset within that many seconds; -1 if there is none.
double run_time_offset_within(double seconds);
/// Of the time between the offsets of b − 1 and b, in seconds.
const Survival& run_time_widths();

/// How long containers ran, as histograms: one for each key (containers of which about the same is expected) and one
/// for all. Bins are a quarter of an octave wide, from 1 s on. What is added counts once it is an eighth of what does
/// already, or what runs is told: in between all answers stay as they are.
class RunTimes {
 public:
  void add(std::uint32_t key, double seconds);
  struct Running {
    std::uint32_t key = 0;
    double age = 0;  ///< seconds
  };
  /// What runs now, in place of what ran when this was last told. It has not ended by its age, and counts as that.
  /// Otherwise what ends soon would pass for all while little has ended.
  void set_running(const std::vector<Running>& running);
  /// Forgets all.
  void clear();
  bool empty() const { return all_.total == 0; }
  /// Another whenever answers have changed.
  std::uint64_t version() const { return version_; }

  /// By bin: P(a container of this key that has run for `age` seconds still runs at that time). The key's own history
  /// counts, and that of all containers as much as one container more. 1 throughout if nothing is known.
  /// `window`: or more, at any of the next so many seconds, each time counted from then.
  Survival survival(std::uint32_t key, double age, double window = 0) const;
  SurvivalSteps survival_steps(std::uint32_t key, double age, double window = 0) const;
  /// Quantile of the time that it runs on; nothing while fewer than three of its key have ended, or beyond all of them,
  /// or beyond `most` seconds.
  std::optional<double> remaining(std::uint32_t key, double age, double quantile,
                                  double most = std::numeric_limits<double>::infinity()) const;
  /// Whether remaining() is something, by age.
  class EndsWithin {
   public:
    bool operator()(double age) const;

   private:
    friend class RunTimes;
    const std::array<float, kRunTimeBins + 2>* longer_ = nullptr;  // null: at no age
    float soon_ = 0, still_ = 0;
  };
  /// For remaining() with these arguments; until the next call.
  EndsWithin ends_within(std::uint32_t key, double quantile, double most) const;
  struct Ages {
    double least = 0;
    double most = std::numeric_limits<double>::infinity();
  };
  /// Ages at which remaining() may be something, with these arguments; at all others it is nothing. `least` > `most`:
  /// at none.
  Ages ages_that_may_end(std::uint32_t key, double quantile, double most) const;

 private:
  struct Histogram {
    std::array<float, kRunTimeBins> ended{};
    std::array<float, kRunTimeBins> running{};  ///< by age
    float total = 0;                            ///< of those that ended
  };
  /// By bin: the share that is expected to end in it or a later one. This is the product-limit estimate (Kaplan and
  /// Meier): the chance to end in a bin is how many did, over how many got so far.
  struct Outlived {
    std::uint64_t version = 0;
    std::array<float, kRunTimeBins + 2> longer{};  ///< the last one twice
    /// The last answer of ages_that_may_end(), and for which quantile and bin of `most`.
    Ages ages;
    std::pair<double, int> ages_for{0, -1};
  };
  template <std::size_t N>
  std::array<float, N> survival_at(const std::array<float, N>& times, std::uint32_t key, double age,
                                   double window) const;
  struct Ended {
    std::uint32_t key = 0;
    int bin = 0;
  };
  void count_added();
  Histogram& of(std::uint32_t key);
  Outlived& outlived(std::uint32_t key) const;
  using Turns = std::array<float, 2 * (kRunTimeBins + 2)>;
  const Turns& turns(int last) const;
  Ages find_ages(const Outlived& of, double quantile, int last) const;

  Histogram all_;
  std::vector<Histogram> by_key_;
  std::vector<Running> running_;
  std::vector<Ended> added_;  // and not counted yet
  std::uint64_t version_ = 1;
  mutable std::vector<Outlived> outlived_;  // by key, made when first asked for
  mutable Turns turns_{};                   // the last answer of turns(), and for which `last`
  mutable int turns_for_ = -1;
};

}  // namespace berth
