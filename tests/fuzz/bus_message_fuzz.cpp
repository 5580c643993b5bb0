#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "berth/arvados/event_bus.hpp"

// Any bytes as a message of the event bus: never a crash; what is told of has a sound uuid, errors are fit for a log.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto message = berth::parse_bus_message(text);
  if (!message) {
    if (message.error().message.size() > 4096) std::abort();
    for (const char c : message.error().message)
      if (static_cast<unsigned char>(c) < ' ') std::abort();
    return 0;
  }
  const bool change = message->kind == berth::BusMessage::Kind::change;
  if (change != berth::is_uuid(message->change.uuid)) std::abort();
  return 0;
}
