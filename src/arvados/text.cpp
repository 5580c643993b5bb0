#include "text.hpp"

namespace berth {

std::string safe_excerpt(std::string_view text, std::size_t max_length) {
  std::string out;
  for (const char c : text) {
    if (out.size() >= max_length) return out + "…";
    const bool space = c == ' ' || (c >= '\t' && c <= '\r');
    if (space && (out.empty() || out.back() == ' ')) continue;
    const bool printable = c >= ' ' && c <= '~';
    out += space ? ' ' : printable ? c : '?';
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace berth
