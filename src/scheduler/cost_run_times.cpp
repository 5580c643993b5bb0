#include "cost_run_times.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace berth {
namespace {

constexpr float kNever = 1e-9f;   // the chance that a container outlives all that ended before
constexpr float kUnknown = 0.5f;  // the chance that it outlives a bin that nothing has got to, if others may
constexpr double kFewest = 3;
constexpr float kRounding = 1e-3f;
constexpr RunTimes::Ages kNoAges{1, 0};

/// Where a time lies, in bins: exponent and two bits of the mantissa are the bin, the rest the place in it.
/// Less than 1 s is the beginning of the first, and kRunTimeBins what is beyond the last.
struct Place {
  int bin;
  float within;
};
Place place_of(float seconds) {
  constexpr int fraction_bits = 21;
  constexpr std::uint32_t one = std::bit_cast<std::uint32_t>(1.0f) >> fraction_bits;
  const auto bits = std::bit_cast<std::uint32_t>(std::max(seconds, 1.0f));
  const auto fraction = static_cast<float>(bits & ((1u << fraction_bits) - 1));
  return {std::min(static_cast<int>((bits >> fraction_bits) - one), kRunTimeBins),
          fraction / static_cast<float>(1u << fraction_bits)};
}

int bin_of(double seconds) {
  return std::min(place_of(static_cast<float>(seconds)).bin, kRunTimeBins - 1);
}

double upper_edge(int bin) {
  return std::ldexp(1 + 0.25 * (bin % 4 + 1), bin / 4);
}

const std::array<float, kRunTimeBins>& offsets() {
  static const auto made = [] {
    std::array<float, kRunTimeBins> offsets{};
    for (int b = 0; b < kRunTimeBins; ++b) offsets[b] = static_cast<float>(run_time_offset(b));
    return offsets;
  }();
  return made;
}

/// Bins of which the offset is at most that.
int bins_within(double seconds) {
  return static_cast<int>(std::upper_bound(offsets().begin(), offsets().end(), seconds) - offsets().begin());
}

/// The ages between which shares are straight lines.
const std::array<float, kRunTimeBins + 2>& edges() {
  static const auto made = [] {
    std::array<float, kRunTimeBins + 2> edges{0, 1};
    for (int b = 0; b < kRunTimeBins; ++b) edges[b + 2] = static_cast<float>(upper_edge(b));
    return edges;
  }();
  return made;
}

/// The places of these times, each later by so much: apart from what is looked up there, the compiler makes several of
/// them at a time.
template <std::size_t N>
struct Places {
  Places(const std::array<float, N>& times, float later) {
    for (std::size_t i = 0; i < N; ++i) {
      const Place at = place_of(times[i] + later);
      bin[i] = at.bin;
      within[i] = at.within;
    }
  }
  Place operator[](std::size_t i) const { return {bin[i], within[i]}; }
  std::array<int, N> bin;
  std::array<float, N> within;
};

/// The share that runs longer than that; `longer` by bin, of which the last two are the same.
float beyond(const std::array<float, kRunTimeBins + 2>& longer, Place at) {
  return longer[at.bin] + (longer[at.bin + 1] - longer[at.bin]) * at.within;
}
float beyond(const std::array<float, kRunTimeBins + 2>& longer, float seconds) {
  return beyond(longer, place_of(seconds));
}

}  // namespace

double run_time_offset(int bin) {
  return upper_edge(bin) - 1;
}

double run_time_offset_within(double seconds) {
  const int bins = bins_within(seconds);
  return bins > 0 ? run_time_offset(bins - 1) : -1;
}

const Survival& run_time_widths() {
  static const Survival widths = [] {
    Survival made{};
    for (int b = 0; b < kRunTimeBins; ++b)
      made[b] = static_cast<float>(run_time_offset(b) - (b == 0 ? 0 : run_time_offset(b - 1)));
    return made;
  }();
  return widths;
}

RunTimes::Histogram& RunTimes::of(std::uint32_t key) {
  if (key >= by_key_.size()) by_key_.resize(key + 1);
  return by_key_[key];
}

void RunTimes::add(std::uint32_t key, double seconds) {
  constexpr float few = 1.0f / 8;  // of what counts already
  added_.push_back({key, bin_of(seconds)});
  if (static_cast<float>(added_.size()) >= few * all_.total) count_added();
}

void RunTimes::count_added() {
  for (const Ended& ended : added_)
    for (Histogram* histogram : {&all_, &of(ended.key)}) {
      histogram->ended[ended.bin] += 1;
      histogram->total += 1;
    }
  added_.clear();
  ++version_;
}

void RunTimes::set_running(const std::vector<Running>& running) {
  count_added();
  all_.running = {};
  for (const Running& before : running_) of(before.key).running = {};
  for (const Running& now : running)
    for (Histogram* histogram : {&all_, &of(now.key)}) histogram->running[bin_of(now.age)] += 1;
  running_ = running;
}

void RunTimes::clear() {
  all_ = {};
  by_key_.clear();
  running_.clear();
  added_.clear();
  outlived_.clear();
  ++version_;
}

RunTimes::Outlived& RunTimes::outlived(std::uint32_t key) const {
  if (key >= outlived_.size()) outlived_.resize(key + 1);
  Outlived& out = outlived_[key];
  if (out.version == version_) return out;
  out.version = version_;
  out.ages_for = {0, -1};
  out.longer.fill(1);
  if (empty()) return out;
  static const Histogram none;
  const Histogram& own = key < by_key_.size() ? by_key_[key] : none;
  const float share = 1 / all_.total;
  std::array<float, kRunTimeBins + 1> reached{};  // by bin: how many got so far
  const auto ended = [&](int b) { return own.ended[b] + share * all_.ended[b]; };
  const auto running = [&](int b) { return own.running[b] + share * all_.running[b]; };
  for (int b = kRunTimeBins - 1; b >= 0; --b) reached[b] = reached[b + 1] + ended(b) + running(b);
  for (int b = 0; b < kRunTimeBins; ++b) {
    const float at_risk = reached[b] - running(b) / 2;
    const float outlives = at_risk > 0 ? std::max(0.0f, 1 - ended(b) / at_risk) : kUnknown;
    out.longer[b + 1] = std::max(out.longer[b] * outlives, kNever);
  }
  out.longer[kRunTimeBins + 1] = out.longer[kRunTimeBins];
  return out;
}

Survival RunTimes::survival(std::uint32_t key, double age, double window) const {
  return survival_at(offsets(), key, age, window);
}

SurvivalSteps RunTimes::survival_steps(std::uint32_t key, double age, double window) const {
  static const SurvivalSteps steps = [] {
    SurvivalSteps made{};
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = offsets()[i * kBinsInStep];
    return made;
  }();
  return survival_at(steps, key, age, window);
}

template <std::size_t N>
std::array<float, N> RunTimes::survival_at(const std::array<float, N>& times, std::uint32_t key, double age,
                                           double window) const {
  const auto& longer = outlived(key).longer;
  const float scale = 1 / std::max(beyond(longer, static_cast<float>(age + window)), kNever);
  const Places at(times, static_cast<float>(age));
  std::array<float, N> survival;
  for (std::size_t i = 0; i < N; ++i) survival[i] = std::min(1.0f, beyond(longer, at[i]) * scale);
  return survival;
}

std::optional<double> RunTimes::remaining(std::uint32_t key, double age, double quantile, double most) const {
  if (key >= by_key_.size() || by_key_[key].total < kFewest) return std::nullopt;
  const auto& longer = outlived(key).longer;
  const float scale = 1 / std::max(beyond(longer, static_cast<float>(age)), kNever);
  const auto still = static_cast<float>(1 - quantile);
  const auto ended_by = [&](int bin) {
    return std::min(1.0f, beyond(longer, static_cast<float>(age) + offsets()[bin]) * scale) <= still;
  };
  const int last = bins_within(most) - 1;
  if (last < 0 || !ended_by(last)) return std::nullopt;  // nor by an earlier one
  for (int b = 0; b < last; ++b)
    if (ended_by(b)) return run_time_offset(b);
  return run_time_offset(last);
}

RunTimes::EndsWithin RunTimes::ends_within(std::uint32_t key, double quantile, double most) const {
  EndsWithin ends;
  const int last = bins_within(most) - 1;
  if (last < 0 || key >= by_key_.size() || by_key_[key].total < kFewest) return ends;
  ends.longer_ = &outlived(key).longer;
  ends.soon_ = offsets()[last];
  ends.still_ = static_cast<float>(1 - quantile);
  return ends;
}

bool RunTimes::EndsWithin::operator()(double age) const {
  if (!longer_) return false;
  const float scale = 1 / std::max(beyond(*longer_, static_cast<float>(age)), kNever);
  return std::min(1.0f, beyond(*longer_, static_cast<float>(age) + soon_) * scale) <= still_;
}

RunTimes::Ages RunTimes::ages_that_may_end(std::uint32_t key, double quantile, double most) const {
  const int last = bins_within(most) - 1;
  if (last < 0 || key >= by_key_.size() || by_key_[key].total < kFewest) return kNoAges;
  Outlived& of = outlived(key);
  const std::pair wanted(quantile, last);
  if (of.ages_for != wanted) {
    of.ages = find_ages(of, quantile, last);
    of.ages_for = wanted;
  }
  return of.ages;
}

/// Ages of which one is where the chance to end within the offset of `last` is greatest: between two of them both
/// shares, that which gets so far and that which runs on beyond, are straight lines, and so their ratio is least at one
/// of the two.
const RunTimes::Turns& RunTimes::turns(int last) const {
  if (turns_for_ == last) return turns_;
  std::array<float, kRunTimeBins + 2> earlier{};
  std::transform(edges().begin(), edges().end(), earlier.begin(),
                 [&](float edge) { return std::max(0.0f, edge - offsets()[last]); });
  std::merge(edges().begin(), edges().end(), earlier.begin(), earlier.end(), turns_.begin());
  turns_for_ = last;
  return turns_;
}

RunTimes::Ages RunTimes::find_ages(const Outlived& of, double quantile, int last) const {
  const auto& longer = of.longer;
  const auto still = static_cast<float>(1 - quantile) + kRounding;
  const Turns& turns = this->turns(last);
  const Places at(turns, 0);
  const Places then(turns, offsets()[last]);
  Ages ages = kNoAges;
  bool before = false;
  for (std::size_t i = 0; i < turns.size(); ++i) {
    const bool here = beyond(longer, then[i]) <= still * std::max(beyond(longer, at[i]), kNever);
    if (here && ages.most < ages.least) ages.least = i > 0 ? turns[i - 1] : 0;
    if (here || before) ages.most = turns[i];
    before = here;
  }
  return ages;
}

}  // namespace berth
