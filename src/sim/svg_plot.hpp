#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth {

/// Text as HTML and SVG want it, also inside quotes; control characters become U+FFFD.
std::string escape_html(std::string_view text);

/// What the numbers of an axis are.
enum class AxisUnit {
  time,  ///< seconds
  count,
  dollars,
  percent,  ///< shares of 1
};

struct PlotLine {
  std::string name;
  std::vector<double> x;  ///< rising
  std::vector<double> y;  ///< as many; not negative
};

/// A plot of lines, or of areas one upon the other.
struct Plot {
  std::string title;
  std::string x_name;
  std::string y_name;
  AxisUnit x_unit = AxisUnit::time;
  AxisUnit y_unit = AxisUnit::count;
  bool log_x = false;    ///< values below 1 are drawn at 1
  bool stacked = false;  ///< lines must share their x
  std::vector<PlotLine> lines;
  double x_end = 0;  ///< the axes reach so far at least, and as far as the lines do
  double y_end = 0;
};
/// Gives plots of the same kind the same axes, for who compares them.
void share_axes(std::vector<Plot>& plots);

/// The plot as an SVG element without any asset of its own; classes `axis`, `grid`, `series-1` … are the page's to
/// colour.
std::string svg_plot(const Plot& plot);

/// Round numbers from 0 up to at least `most`, about five of them.
std::vector<double> axis_ticks(double most, AxisUnit unit);
/// A number as an axis shows it. Times of an axis with ticks `step` apart are all in one unit; `step` 0: each in the
/// unit that suits it.
std::string axis_label(double value, AxisUnit unit, double step = 0);

}  // namespace berth
