#include "berth/base/shell.hpp"

#include <algorithm>

namespace berth {
namespace {

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("_./-+:=@%,~").find(c) != std::string_view::npos;
}

}  // namespace

std::string shell_quote(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'')
      quoted += "'\\''";
    else
      quoted += c;
  }
  return quoted += '\'';
}

std::string shell_word(std::string_view text) {
  const bool plain = !text.empty() && text.front() != '~' && std::all_of(text.begin(), text.end(), is_plain);
  return plain ? std::string(text) : shell_quote(text);
}

}  // namespace berth
