// Cluster files: any bytes must give a Cluster or diagnostics, soon and within bounds.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include <nlohmann/json.hpp>

#include "berth/config/load.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const berth::LoadedConfig loaded = berth::load_config_text(text, "fuzz");
  if (loaded.diagnostics.size() > 202) std::abort();
  for (const berth::Diagnostic& diagnostic : loaded.diagnostics) berth::to_string(diagnostic);
  if (!loaded.cluster.document) std::abort();
  // What was accepted is JSON (dump throws at broken UTF-8), and a good file stays one.
  const std::string document = loaded.cluster.document->dump();
  if (!loaded.ok()) return 0;
  const std::string again = R"({"Clusters":{")" + loaded.cluster.id + "\":" + document + "}}";
  const berth::LoadedConfig reloaded = berth::load_config_text(again, "again");
  if (reloaded.ok() && *reloaded.cluster.document != *loaded.cluster.document) std::abort();
  return 0;
}
