#include "tables.hpp"

#include <algorithm>

namespace berth {
namespace {

using enum FieldKind;

constexpr Field kContainerFields[] = {
    {"uuid", text},
    {"state", text},
    {"priority", integer},
    {"locked_by_uuid", text},
    {"lock_count", integer},
    {"created_at", time},
    {"modified_at", time},
    {"started_at", time},
    {"finished_at", time},
    {"command", json},
    {"cwd", text},
    {"environment", json},
    {"container_image", text},
    {"mounts", json},
    {"runtime_constraints", json},
    {"scheduling_parameters", json},
    {"output_path", text},
    {"runtime_status", json},
    {"progress", real},
    {"exit_code", integer},
    {"output", text},
    {"output_properties", json},
    {"log", text},
    {"cost", real},
    {"subrequests_cost", real},
    {"gateway_address", text},
    {"interactive_session_started", boolean},
};

constexpr Field kRequestFields[] = {
    {"uuid", text},
    {"name", text},
    {"description", text},
    {"properties", json},
    {"state", text},
    {"priority", integer},
    {"container_uuid", text},
    {"container_count", integer},
    {"container_count_max", integer},
    {"created_at", time},
    {"modified_at", time},
    {"command", json},
    {"cwd", text},
    {"environment", json},
    {"container_image", text},
    {"mounts", json},
    {"runtime_constraints", json},
    {"scheduling_parameters", json},
    {"output_path", text},
    {"output_name", text},
    {"use_existing", boolean},
};

/// One script per version of the schema: version n is made from n - 1 by entry n - 1. Released entries never change.
///
/// Indexes: the scheduling window (state, priority desc), pages by uuid within a state, the dispatcher's own
/// containers, the request of a container, and the newest first.
constexpr const char* kUpgrades[] = {
    R"sql(
CREATE TABLE containers (
  uuid TEXT NOT NULL PRIMARY KEY,
  state TEXT NOT NULL,
  priority INTEGER NOT NULL,
  locked_by_uuid TEXT,
  lock_count INTEGER NOT NULL DEFAULT 0,
  created_at TEXT NOT NULL,
  modified_at TEXT NOT NULL,
  started_at TEXT,
  finished_at TEXT,
  command TEXT NOT NULL,
  cwd TEXT NOT NULL,
  environment TEXT NOT NULL,
  container_image TEXT NOT NULL,
  mounts TEXT NOT NULL,
  runtime_constraints TEXT NOT NULL,
  scheduling_parameters TEXT NOT NULL,
  output_path TEXT NOT NULL,
  runtime_status TEXT NOT NULL DEFAULT '{}',
  progress REAL,
  exit_code INTEGER,
  output TEXT,
  output_properties TEXT NOT NULL DEFAULT '{}',
  log TEXT,
  cost REAL NOT NULL DEFAULT 0,
  subrequests_cost REAL NOT NULL DEFAULT 0,
  gateway_address TEXT,
  interactive_session_started INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX containers_window ON containers (state, priority DESC, uuid);
CREATE INDEX containers_pages ON containers (state, uuid);
CREATE INDEX containers_locked ON containers (locked_by_uuid, uuid) WHERE locked_by_uuid IS NOT NULL;
CREATE INDEX containers_newest ON containers (modified_at DESC, uuid);
CREATE TABLE container_requests (
  uuid TEXT NOT NULL PRIMARY KEY,
  name TEXT,
  description TEXT,
  properties TEXT NOT NULL,
  state TEXT NOT NULL,
  priority INTEGER NOT NULL,
  container_uuid TEXT REFERENCES containers (uuid),
  container_count INTEGER NOT NULL DEFAULT 0,
  container_count_max INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  modified_at TEXT NOT NULL,
  command TEXT NOT NULL,
  cwd TEXT NOT NULL,
  environment TEXT NOT NULL,
  container_image TEXT NOT NULL,
  mounts TEXT NOT NULL,
  runtime_constraints TEXT NOT NULL,
  scheduling_parameters TEXT NOT NULL,
  output_path TEXT NOT NULL,
  output_name TEXT,
  use_existing INTEGER NOT NULL
);
CREATE INDEX container_requests_container ON container_requests (container_uuid);
CREATE INDEX container_requests_newest ON container_requests (modified_at DESC, uuid);
CREATE INDEX container_requests_created ON container_requests (created_at DESC, uuid);
)sql",
};
constexpr std::int64_t kVersion = std::size(kUpgrades);

}  // namespace

const Table kContainers{"containers", "arvados#container", "container", "dz642", kContainerFields};
const Table kRequests{"container_requests", "arvados#containerRequest", "container_request", "xvhdp", kRequestFields};

const Field* Table::find(std::string_view field) const {
  const auto at = std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.name == field; });
  return at == fields.end() ? nullptr : &*at;
}

Result<void> make_tables(Database& database) {
  const auto version = database.integer("PRAGMA user_version");
  if (!version) return fail(version.error());
  if (*version > kVersion)
    return fail(ErrorKind::failed, "the database has version " + std::to_string(*version) +
                                       "; this program knows versions up to " + std::to_string(kVersion));
  for (std::int64_t done = *version; done < kVersion; ++done) {
    const std::string script = "BEGIN IMMEDIATE;" + std::string(kUpgrades[done]) +
                               "PRAGMA user_version = " + std::to_string(done + 1) + ";COMMIT;";
    auto made = database.execute_script(script.c_str());
    if (!made) {
      if (database.in_transaction()) (void)database.execute_script("ROLLBACK;");
      return made;
    }
  }
  return {};
}

}  // namespace berth
