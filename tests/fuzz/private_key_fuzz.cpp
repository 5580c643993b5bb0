// Private keys as operators paste them: any bytes are a key or a refusal that does not repeat them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "berth/config/private_key.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (text.starts_with("file:")) return 0;  // names a file of this machine
  const auto key = berth::read_private_key(text);
  if (key) return 0;
  constexpr std::size_t telling = 16;
  for (std::size_t at = 0; at + telling <= text.size(); at += telling) {
    const std::string_view piece = text.substr(at, telling);
    if (piece.find_first_of("- \n") == piece.npos && key.error().message.find(piece) != std::string::npos) std::abort();
  }
  return 0;
}
