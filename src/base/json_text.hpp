#pragma once

#include <string>
#include <string_view>

namespace berth {

/// Appends `text` as the inside of a JSON string: quotes, backslashes and control characters (C0, DEL, C1, U+2028/9)
/// escaped, bytes that are not UTF-8 replaced by U+FFFD.
void append_escaped(std::string& out, std::string_view text);
/// Appends `text` as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);
/// Appends the shortest decimal form; what is not finite becomes the string "NaN", "Infinity" or "-Infinity".
void append_json_number(std::string& out, double value);

}  // namespace berth
