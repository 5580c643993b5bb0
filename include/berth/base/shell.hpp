#pragma once

#include <string>
#include <string_view>

namespace berth {

/// `text` in single quotes for a POSIX shell; an embedded `'` becomes `'\''` (facts §6.8).
std::string shell_quote(std::string_view text);
/// `text` as it is where a shell takes it for one plain word, else quoted.
std::string shell_word(std::string_view text);

}  // namespace berth
