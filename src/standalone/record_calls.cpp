#include "answers.hpp"
#include "attributes.hpp"
#include "calls.hpp"
#include "containers.hpp"
#include "filters.hpp"
#include "records.hpp"
#include "requests.hpp"

namespace berth {
namespace {

Answer as_response(Result<std::string> text) {
  if (!text) return fail(text.error());
  return json_response(std::move(*text));
}

tl::unexpected<Error> wrong_method(const Params& params) {
  return refuse(405, "method " + params.method.substr(0, 20) + " is not allowed here");
}

bool is_update(const Params& params) {
  return params.method == "PUT" || params.method == "PATCH";
}

awaitable<Answer> list(ApiContextPtr api, Route route, Params params) {
  auto query = make_list_query(*route.table, params);
  if (!query) co_return fail(query.error());
  Store::Read read = [table = route.table, query = std::move(*query)](Database& database) {
    return read_page(database, *table, query);
  };
  co_return as_response(co_await api->store->read(std::move(read)));
}

awaitable<Answer> get(ApiContextPtr api, Route route, Params params) {
  auto columns = selected_columns(*route.table, params);
  if (!columns) co_return fail(columns.error());
  Store::Read read = [route, columns = std::move(*columns)](Database& database) {
    return read_record(database, *route.table, route.uuid, columns);
  };
  co_return as_response(co_await api->store->read(std::move(read)));
}

/// The change that a call asks for, checked as far as that is possible without the record.
Result<Edit> edit_of_action(const Route& route, const Columns& columns) {
  auto call = route.action == "lock" ? lock_container : route.action == "unlock" ? unlock_container : cancel_request;
  return Edit([call, uuid = route.uuid, columns](EditContext& edit) { return call(edit, uuid, columns); });
}

Result<Edit> edit_of_record(const Route& route, const Params& params, const Columns& columns) {
  const bool is_container = route.table == &kContainers;
  const auto attributes = record_param(params, route.table->parameter);
  if (!attributes) return fail(attributes.error());
  auto changes = is_container ? check_container_attributes(*attributes) : check_request_attributes(*attributes);
  if (!changes) return fail(changes.error());
  if (route.kind == Route::Kind::collection)
    return Edit(
        [changes = std::move(*changes), columns](EditContext& edit) { return create_request(edit, changes, columns); });
  auto update = is_container ? update_container : update_request;
  return Edit([update, uuid = route.uuid, changes = std::move(*changes), columns](EditContext& edit) {
    return update(edit, uuid, changes, columns);
  });
}

Result<Edit> edit_of(const Route& route, const Params& params) {
  const auto columns = selected_columns(*route.table, params);
  if (!columns) return fail(columns.error());
  if (route.kind == Route::Kind::action) {
    if (params.method != "POST") return wrong_method(params);
    return edit_of_action(route, *columns);
  }
  const bool creates = route.kind == Route::Kind::collection && params.method == "POST" && route.table == &kRequests;
  const bool updates = route.kind == Route::Kind::record && is_update(params);
  if (!creates && !updates) return wrong_method(params);
  return edit_of_record(route, params, *columns);
}

}  // namespace

awaitable<Answer> answer_record_call(ApiContextPtr api, Route route, Params params) {
  if (params.method == "GET" && route.kind == Route::Kind::collection)
    co_return co_await list(std::move(api), std::move(route), std::move(params));
  if (params.method == "GET" && route.kind == Route::Kind::record)
    co_return co_await get(std::move(api), std::move(route), std::move(params));
  auto edit = edit_of(route, params);
  if (!edit) co_return fail(edit.error());
  auto record = co_await api->store->write(std::move(*edit));
  api->activity.notify();
  co_return as_response(std::move(record));
}

}  // namespace berth
