// Files of berth-sim in YAML: a generator after `g`, else a cloud; any bytes must be read, or refused with an
// error that names the file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>

#include "cloud_file.hpp"
#include "generate.hpp"

namespace {

template <class T>
void check(const berth::Result<T>& read) {
  if (!read && !read.error().message.starts_with("f.yml:")) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data + 1), size - 1);
  const std::map<std::string, berth::InstanceType> types{{"small", {}}};
  if (data[0] == 'g')
    check(berth::read_generator_text(text, "f.yml"));
  else
    check(berth::read_cloud_text(text, "f.yml", types));
  return 0;
}
