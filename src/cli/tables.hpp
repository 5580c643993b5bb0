#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace berth {

using TableRow = std::vector<std::string>;

/// Rows in columns of equal width, two spaces apart; the first row is the heading. Control characters become `?`.
std::string render_table(const std::vector<TableRow>& rows);

/// The string at `key`, or empty: also if `object` is none, or holds something else there.
std::string text_of(const nlohmann::json& object, std::string_view key);
/// The array at `key`, or an empty one.
const nlohmann::json& items_of(const nlohmann::json& object, std::string_view key = "items");

/// What became of a final container record: `exit N`, or why it was cancelled.
std::string ending(const nlohmann::json& record);
/// The priority that a user gave, from that of a container, which also holds the age of its request (facts §2.4).
std::string user_priority(const nlohmann::json& record);

/// Names that users gave, by container uuid.
using NamesByContainer = std::map<std::string, std::string>;

/// Three lists that were asked for one after another; a container that changed meanwhile is in the first that has it.
struct QueueView {
  nlohmann::json waiting;               ///< items of the dispatcher's queue that are not final
  nlohmann::json held_back;             ///< records that are Queued with priority 0: the dispatcher does not know them
  nlohmann::json ended;                 ///< final records
  std::vector<std::string> containers;  ///< uuids of all
};
QueueView merge_queue(const nlohmann::json& queue, const nlohmann::json& held_back, const nlohmann::json& ended);
/// Heading included.
std::vector<TableRow> queue_rows(const QueueView& view, const NamesByContainer& names,
                                 std::size_t status_columns = std::string::npos);

/// Heading included. `answer`: the dispatcher's list of instances.
std::vector<TableRow> instance_rows(const nlohmann::json& answer);

}  // namespace berth
