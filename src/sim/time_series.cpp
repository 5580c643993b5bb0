#include "time_series.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <map>

#include "figures.hpp"

namespace berth {
namespace {

/// Adds `amount` to all moments in [from, to); as differences, to be summed up by `accumulate`.
class Steps {
 public:
  Steps(Duration step, std::size_t points) : step_(step), differences_(points + 1, 0) {}
  void add(Duration from, Duration to, double amount) {
    if (to <= from) return;
    differences_[index(from)] += amount;
    differences_[index(to)] -= amount;
  }
  std::vector<double> accumulate() const {
    std::vector<double> values;
    double sum = 0;
    for (std::size_t i = 0; i + 1 < differences_.size(); ++i) {
      sum += differences_[i];
      values.push_back(std::abs(sum) < 1e-9 ? 0 : sum);
    }
    return values;
  }

 private:
  /// Of the first moment that is not before `when`.
  std::size_t index(Duration when) const {
    const auto number = (std::max(when, Duration::zero()) + step_ - Duration(1)) / step_;
    return std::min(static_cast<std::size_t>(number), differences_.size() - 1);
  }
  const Duration step_;
  std::vector<double> differences_;
};

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + '"';
}

}  // namespace

Duration round_step(Duration span, std::size_t points) {
  constexpr std::array<int, 14> seconds{1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200};
  for (const int s : seconds)
    if (std::chrono::seconds(s) * static_cast<std::int64_t>(points) >= span) return std::chrono::seconds(s);
  const Duration day = std::chrono::hours(4);
  return day * (1 + span / (day * static_cast<std::int64_t>(points)));
}

TimeSeries time_series(const Lives& lives, const BillingModel& billing, std::size_t points) {
  TimeSeries series;
  series.step = round_step(lives.span, points - 1);
  const auto count = static_cast<std::size_t>(lives.span / series.step) + 1;
  const Duration never = lives.span + series.step;
  Steps waiting(series.step, count);
  Steps running(series.step, count);
  Steps instances(series.step, count);
  Steps cost(series.step, count);
  std::map<std::string, Steps> by_type;
  for (const ContainerLife& life : lives.containers) {
    const Duration end = life.ended.value_or(never);
    waiting.add(life.submitted, life.started.value_or(end), 1);
    if (life.started) running.add(*life.started, end, 1);
  }
  for (const InstanceLife& life : lives.instances) {
    const Duration end = life.ended.value_or(never);
    instances.add(life.created, end, 1);
    cost.add(life.created, end, price_of(*life.type, billing));
    by_type.try_emplace(life.type->name, series.step, count).first->second.add(life.created, end, 1);
  }
  series.waiting = waiting.accumulate();
  series.running = running.accumulate();
  series.instances = instances.accumulate();
  series.cost_per_hour = cost.accumulate();
  for (const auto& [name, steps] : by_type) series.by_type.emplace_back(name, steps.accumulate());
  return series;
}

std::string time_series_csv(const TimeSeries& series, const std::vector<std::pair<std::string, std::string>>& labels,
                            const std::vector<std::string>& types, const std::string& remark, bool with_header) {
  std::string out;
  if (with_header) {
    for (const auto& [name, value] : labels) out += quoted(name) + ',';
    out += "seconds,waiting,running,instances,cost_per_hour";
    for (const std::string& type : types) out += ',' + quoted(type);
    out += ",remark\n";
  }
  std::string first;
  for (const auto& [name, value] : labels) first += quoted(value) + ',';
  std::vector<const std::vector<double>*> columns;
  for (const std::string& type : types) {
    const auto found =
        std::find_if(series.by_type.begin(), series.by_type.end(), [&](const auto& t) { return t.first == type; });
    columns.push_back(found == series.by_type.end() ? nullptr : &found->second);
  }
  for (std::size_t i = 0; i < series.waiting.size(); ++i) {
    const auto at =
        std::chrono::duration_cast<std::chrono::seconds>(series.step * static_cast<std::int64_t>(i)).count();
    out += first + fmt::format("{},{:.0f},{:.0f},{:.0f},{:.6g}", at, series.waiting[i], series.running[i],
                               series.instances[i], series.cost_per_hour[i]);
    for (const auto* column : columns) out += fmt::format(",{:.0f}", column ? (*column)[i] : 0);
    out += ',' + (i == 0 ? quoted(remark) : "") + '\n';
  }
  return out;
}

}  // namespace berth
