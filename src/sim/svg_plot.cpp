#include "svg_plot.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <iterator>

namespace berth {
namespace {

// In the units of the view box.
constexpr double kWidth = 760;
constexpr double kHeight = 270;
constexpr double kLeft = 66;
constexpr double kRight = 16;
constexpr double kTop = 12;
constexpr double kBottom = 46;
constexpr double kTickLength = 4;

/// Where values are on paper.
class Frame {
 public:
  Frame(const Plot& plot, double x_most, double y_most) : log_x_(plot.log_x), x_most_(x_most), y_most_(y_most) {}
  double x(double value) const {
    const double share = log_x_ ? std::log10(std::max(value, 1.0)) / std::log10(x_most_) : value / x_most_;
    return kLeft + std::clamp(share, 0.0, 1.0) * (kWidth - kLeft - kRight);
  }
  double y(double value) const {
    return kHeight - kBottom - std::clamp(value / y_most_, 0.0, 1.0) * (kHeight - kTop - kBottom);
  }

 private:
  const bool log_x_;
  const double x_most_;
  const double y_most_;
};

double most_of(const std::vector<double>& values) {
  return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
}

/// The upper edges of the areas, lowest first.
std::vector<std::vector<double>> stack(const std::vector<PlotLine>& lines) {
  std::vector<std::vector<double>> edges;
  for (const PlotLine& line : lines) {
    std::vector<double> edge = line.y;
    if (!edges.empty())
      for (std::size_t i = 0; i < edge.size(); ++i) edge[i] += edges.back()[i];
    edges.push_back(std::move(edge));
  }
  return edges;
}

/// How far the axes have to reach.
struct Extent {
  double x = 0;
  double y = 0;
};

Extent extent_of(const Plot& plot) {
  Extent extent{plot.x_end, plot.y_end};
  for (const PlotLine& line : plot.lines) {
    extent.x = std::max(extent.x, most_of(line.x));
    extent.y = std::max(extent.y, most_of(line.y));
  }
  if (plot.stacked)
    for (const auto& edge : stack(plot.lines)) extent.y = std::max(extent.y, most_of(edge));
  return extent;
}

void append_points(std::string& out, const Frame& frame, const std::vector<double>& x, const std::vector<double>& y) {
  for (std::size_t i = 0; i < x.size(); ++i)
    fmt::format_to(std::back_inserter(out), "{}{:.1f},{:.1f}", i == 0 ? "" : " ", frame.x(x[i]), frame.y(y[i]));
}

void draw_areas(std::string& out, const Frame& frame, const Plot& plot) {
  const auto edges = stack(plot.lines);
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    const std::vector<double>& x = plot.lines[i].x;
    if (x.empty()) continue;
    std::vector<double> back_x(x.rbegin(), x.rend());
    std::vector<double> back_y(x.size(), 0);
    if (i > 0) back_y.assign(edges[i - 1].rbegin(), edges[i - 1].rend());
    fmt::format_to(std::back_inserter(out), R"(<polygon class="area series-{}" points=")", i + 1);
    append_points(out, frame, x, edges[i]);
    out += ' ';
    append_points(out, frame, back_x, back_y);
    fmt::format_to(std::back_inserter(out), R"("><title>{}</title></polygon>)", escape_html(plot.lines[i].name));
  }
}

void draw_lines(std::string& out, const Frame& frame, const Plot& plot) {
  for (std::size_t i = 0; i < plot.lines.size(); ++i) {
    fmt::format_to(std::back_inserter(out), R"(<polyline class="line series-{}" points=")", i + 1);
    append_points(out, frame, plot.lines[i].x, plot.lines[i].y);
    fmt::format_to(std::back_inserter(out), R"("><title>{}</title></polyline>)", escape_html(plot.lines[i].name));
  }
}

void draw_grid(std::string& out, const Frame& frame, const Plot& plot, const std::vector<double>& y_ticks) {
  for (const double tick : y_ticks) {
    fmt::format_to(std::back_inserter(out), R"(<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>)", kLeft,
                   kWidth - kRight, frame.y(tick), frame.y(tick));
    fmt::format_to(std::back_inserter(out), R"(<text class="tick" text-anchor="end" x="{}" y="{:.1f}">{}</text>)",
                   kLeft - 2 * kTickLength, frame.y(tick) + 4, escape_html(axis_label(tick, plot.y_unit)));
  }
}

/// The lower edge, with its ticks and names.
void draw_edge(std::string& out, const Frame& frame, const Plot& plot, const std::vector<double>& x_ticks) {
  const double bottom = kHeight - kBottom;
  const double step = plot.log_x || x_ticks.size() < 2 ? 0 : x_ticks[1];
  for (const double tick : x_ticks) {
    fmt::format_to(std::back_inserter(out), R"(<line class="axis" x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>)",
                   frame.x(tick), frame.x(tick), bottom, bottom + kTickLength);
    fmt::format_to(std::back_inserter(out), R"(<text class="tick" text-anchor="middle" x="{:.1f}" y="{}">{}</text>)",
                   frame.x(tick), bottom + 18, escape_html(axis_label(tick, plot.x_unit, step)));
  }
  fmt::format_to(std::back_inserter(out), R"(<line class="axis" x1="{}" x2="{}" y1="{}" y2="{}"/>)", kLeft,
                 kWidth - kRight, bottom, bottom);
  fmt::format_to(std::back_inserter(out), R"(<text class="name" text-anchor="middle" x="{}" y="{}">{}</text>)",
                 (kLeft + kWidth - kRight) / 2, kHeight - 8, escape_html(plot.x_name));
  fmt::format_to(std::back_inserter(out),
                 R"-(<text class="name" text-anchor="middle" transform="translate(14 {}) rotate(-90)">{}</text>)-",
                 (kTop + bottom) / 2, escape_html(plot.y_name));
}

std::vector<double> log_ticks(double most) {
  constexpr std::array<double, 12> seconds{1,     10,        60,         600, 3600, 6 * 3600,
                                           86400, 7 * 86400, 30 * 86400, 1e8, 1e9,  1e10};
  std::vector<double> ticks;
  for (const double tick : seconds)
    if (tick <= most * 1.0001) ticks.push_back(tick);
  return ticks;
}

std::string time_label(double value, double step) {
  constexpr double minute = 60, hour = 3600, day = 86400;
  const double by = step > 0 ? step : value;
  if (value == 0) return "0";
  if (by >= day / 2) return fmt::format("{:g} d", value / day);
  if (by >= hour) return fmt::format("{:.3g} h", value / hour);
  return by >= minute ? fmt::format("{:.3g} min", value / minute) : fmt::format("{:g} s", value);
}

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
          out += "\xEF\xBF\xBD";
        else
          out += c;
    }
  }
  return out;
}

std::vector<double> axis_ticks(double most, AxisUnit unit) {
  if (!(most > 0)) most = 1;
  if (unit == AxisUnit::percent) return {0, 0.25, 0.5, 0.75, 1};
  double step = 0;
  if (unit == AxisUnit::time) {
    constexpr std::array<double, 22> steps{1,     5,      10,     15,     30,      60,     120,   300,
                                           600,   900,    1800,   3600,   7200,    10800,  21600, 43200,
                                           86400, 172800, 432000, 864000, 1728000, 4320000};
    for (const double s : steps)
      if (step == 0 && most / s <= 8) step = s;
    if (step == 0) step = most / 5;
  } else {
    const double raw = most / 5;
    const double power = std::pow(10, std::floor(std::log10(raw)));
    for (const double factor : {1.0, 2.0, 5.0, 10.0})
      if (step == 0 && raw <= factor * power * 1.0001) step = factor * power;
    if (unit == AxisUnit::count) step = std::max(step, 1.0);
  }
  std::vector<double> ticks;
  for (int i = 0; ticks.empty() || ticks.back() < most * 0.9999; ++i) ticks.push_back(i * step);
  return ticks;
}

std::string axis_label(double value, AxisUnit unit, double step) {
  switch (unit) {
    case AxisUnit::percent:
      return fmt::format("{:.0f} %", 100 * value);
    case AxisUnit::dollars:
      return fmt::format("${:g}", value);
    case AxisUnit::count:
      return value >= 10'000 ? fmt::format("{:g}k", value / 1000) : fmt::format("{:g}", value);
    case AxisUnit::time:
      break;
  }
  return time_label(value, step);
}

void share_axes(std::vector<Plot>& plots) {
  Extent most;
  for (const Plot& plot : plots) {
    const Extent extent = extent_of(plot);
    most = {std::max(most.x, extent.x), std::max(most.y, extent.y)};
  }
  for (Plot& plot : plots) {
    plot.x_end = most.x;
    plot.y_end = most.y;
  }
}

std::string svg_plot(const Plot& plot) {
  const Extent extent = extent_of(plot);
  double x_most = std::max(extent.x, plot.log_x ? 10.0 : 0.0);
  const auto y_ticks = axis_ticks(extent.y, plot.y_unit);
  auto x_ticks = plot.log_x ? log_ticks(x_most) : axis_ticks(x_most, plot.x_unit);
  if (!(x_most > 0)) x_most = 1;
  while (!plot.log_x && x_ticks.back() > x_most * 1.0001) x_ticks.pop_back();
  const Frame frame(plot, x_most, y_ticks.back());
  std::string out =
      fmt::format(R"(<svg viewBox="0 0 {} {}" role="img" aria-label="{}">)", kWidth, kHeight, escape_html(plot.title));
  draw_grid(out, frame, plot, y_ticks);
  plot.stacked ? draw_areas(out, frame, plot) : draw_lines(out, frame, plot);
  draw_edge(out, frame, plot, x_ticks);  // last, for areas have edges of their own
  return out + "</svg>\n";
}

}  // namespace berth
