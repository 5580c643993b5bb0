#pragma once

#include <span>
#include <string>
#include <string_view>

#include "database.hpp"

namespace berth {

/// How a column is stored and written as JSON.
enum class FieldKind {
  text,     ///< NULL is `null`
  integer,  ///< int64
  real,
  boolean,  ///< 0, 1
  time,     ///< RFC 3339 in UTC with 9 fractional digits, so that text order is time order; NULL is `null`
  json,     ///< JSON text
};

/// A column which is also a field of the record of the same name.
struct Field {
  std::string_view name;
  FieldKind kind;
};

/// A table of records of the API.
struct Table {
  std::string_view name;       ///< also the last part of the path: `containers`
  std::string_view kind;       ///< `arvados#container`
  std::string_view parameter;  ///< holds the attributes in a request: `container`
  std::string_view uuid_type;  ///< `dz642`
  std::span<const Field> fields;

  const Field* find(std::string_view field) const;
};

extern const Table kContainers;
extern const Table kRequests;

/// Makes or upgrades the tables. Errors: failed, for a database of a later version.
Result<void> make_tables(Database& database);

}  // namespace berth
