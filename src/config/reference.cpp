#include <string>
#include <string_view>

#include "berth/config/load.hpp"

#include "keys.hpp"

namespace berth {
namespace config {
namespace {

constexpr std::string_view kHead = R"(# Configuration

<!-- Made from the table of keys: berthd --dump-config-reference >docs/configuration.md -->

`berthd` reads the cluster configuration that Arvados services share: `/etc/arvados/config.yml`, or the file that
`$ARVADOS_CONFIG` or `--config FILE` names (`-`: standard input). The file is read once, at start.

    berthd --check-config                # says what is wrong, with file, line, column and key; exit code 0 or 1
    berthd --dump-config                 # what the file and the defaults come to; secrets masked unless --unmask

- The file holds one cluster, below `Clusters.<id>`; the id is five characters a-z, 0-9. Several are an error.
- Maps are merged with the defaults key by key; any other value replaces the default, empty ones too. A key without value
  (`null`) leaves the default.
- An unknown key is ignored with a warning. A value of the wrong type or without its unit is an error, whether Berth uses
  the key or hands it on to the runner: a default never takes the place of what is written.
- Scalars follow YAML 1.1: unquoted `yes`, `no`, `on`, `off`, `y`, `n` are booleans, and a string that looks like a number
  needs quotes.
- A duration is a number with a unit, or several: `ns`, `us`, `ms`, `s`, `m`, `h`, as in `2m30s`; only `0` needs none.
- A size is a number of bytes, or a string with a unit: `K`, `M`, `G`, `T`, `P`, `E` (powers of 1000), `Ki` … `Ei` (powers
  of 1024), each with or without `B`, as in `550MiB`.

## Environment

| variable | meaning |
|---|---|
| `ARVADOS_CONFIG` | path of the configuration file; `--config` wins |
| `ARVADOS_API_HOST`, `ARVADOS_API_HOST_INSECURE` | API server, if `Services.Controller.ExternalURL` names none |
| `ARVADOS_API_TOKEN` | the token, if `SystemRootToken` is empty |
| `ARVADOS_SERVER_ADDRESS` | connect to this host instead of the API server's, same port |
| `ARVADOS_SERVICE_INTERNAL_URL` | which of `Services.DispatchCloud.InternalURLs` to listen on; one that is not there is used all the same, with a warning |
| `SSL_CERT_FILE` | certificates to trust; if unset, `/etc/arvados/ca-certificates.crt` if that can be read |
| `HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY` | used unless `TLS.Insecure`; this machine itself is never reached through a proxy |
| `NOTIFY_SOCKET` | where the service manager hears `READY=1` |

A variable that says how the API server is reached and cannot be used is an error, as a key of the file would be.
)";

constexpr std::string_view kTail = R"(
The remaining keys of the cluster configuration are of no use to the dispatcher. They are merged, brought into their usual
form, and handed on to the runner.
)";

std::string_view type_name(KeyType type) {
  switch (type) {
    case KeyType::text:
      return "string";
    case KeyType::boolean:
      return "boolean";
    case KeyType::integer:
      return "integer";
    case KeyType::real:
      return "number";
    case KeyType::duration:
      return "duration";
    case KeyType::bytes:
      return "size";
    case KeyType::url:
      return "URL";
    case KeyType::text_list:
      return "list of strings";
    case KeyType::text_map:
      return "map of strings";
    case KeyType::text_set:
      return "set of strings";
    case KeyType::url_map:
      return "map by URL";
    case KeyType::object_map:
      return "map by name";
    case KeyType::object:
    case KeyType::free:
      return "object";
  }
  return "";
}

struct Subject {
  std::string_view title;
  std::string_view prefix;
};
constexpr Subject kSubjects[] = {
    {"Driver parameters", "Containers.CloudVMs.DriverParameters."},
    {"`Containers.CloudVMs`", "Containers.CloudVMs."},
    {"`Containers`", "Containers."},
    {"`InstanceTypes`", "InstanceTypes"},
    {"Cluster", ""},
};
constexpr std::size_t kOrder[] = {4, 2, 1, 0, 3};

/// The first subject whose prefix the key has.
const Subject& subject_of(const Key& key) {
  for (const Subject& subject : kSubjects)
    if (key.path.starts_with(subject.prefix)) return subject;
  return kSubjects[4];
}

void write_row(const Key& key, std::string& out) {
  out += "| `" + std::string(key.path) + "` | " + std::string(type_name(key.type)) + " | `" +
         std::string(key.default_value) + "` | " + std::string(key.doc);
  if (key.own) out += " *(Berth's own)*";
  if (key.secret) out += " *(secret)*";
  out += " |\n";
}

}  // namespace
}  // namespace config

std::string config_reference() {
  using namespace config;
  std::string out(kHead);
  for (const std::size_t i : kOrder) {
    const Subject& subject = kSubjects[i];
    out += "\n## " + std::string(subject.title) + "\n\n| key | type | default | meaning |\n|---|---|---|---|\n";
    for (const Key& key : keys())
      if (!key.doc.empty() && &subject_of(key) == &subject) write_row(key, out);
  }
  return out + std::string(kTail);
}

}  // namespace berth
