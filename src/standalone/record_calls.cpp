#include <variant>

#include "berth/base/blocking.hpp"

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

Result<Store::Read> read_of(const Route& route, const Params& params) {
  if (route.kind == Route::Kind::collection) {
    auto query = make_list_query(*route.table, params);
    if (!query) return fail(query.error());
    return Store::Read([table = route.table, query = std::move(*query)](Database& database) {
      return read_page(database, *table, query);
    });
  }
  auto columns = selected_columns(*route.table, params);
  if (!columns) return fail(columns.error());
  return Store::Read([route, columns = std::move(*columns)](Database& database) {
    return read_record(database, *route.table, route.uuid, columns);
  });
}

/// The change that a call asks for, checked as far as that is possible without the record.
Result<Edit> edit_of_action(const Route& route, const Columns& columns) {
  auto call = route.action == "lock" ? lock_container : route.action == "unlock" ? unlock_container : cancel_request;
  return Edit([call, uuid = route.uuid, columns](EditContext& edit) { return call(edit, uuid, columns); });
}

Result<Edit> edit_of_record(const Route& route, Params params, const Columns& columns) {
  const bool is_container = route.table == &kContainers;
  const auto attributes = take_record_param(std::move(params), route.table->parameter);
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

Result<Edit> edit_of(const Route& route, Params params) {
  const auto columns = selected_columns(*route.table, params);
  if (!columns) return fail(columns.error());
  if (route.kind == Route::Kind::action) {
    if (params.method != "POST") return wrong_method(params);
    return edit_of_action(route, *columns);
  }
  const bool creates = route.kind == Route::Kind::collection && params.method == "POST" && route.table == &kRequests;
  const bool updates = route.kind == Route::Kind::record && is_update(params);
  if (!creates && !updates) return wrong_method(params);
  return edit_of_record(route, std::move(params), *columns);
}

/// What a request asks of the store.
using RecordCall = std::variant<Store::Read, Edit>;

/// Decodes and checks: all of a call's work but the store's.
Result<RecordCall> make_record_call(const Route& route, const ServerRequest& request) {
  auto params = decode_params(request);
  if (!params) return fail(params.error());
  if (params->method == "GET" && route.kind != Route::Kind::action) {
    auto read = read_of(route, *params);
    if (!read) return fail(read.error());
    return RecordCall(std::move(*read));
  }
  auto edit = edit_of(route, std::move(*params));
  if (!edit) return fail(edit.error());
  return RecordCall(std::move(*edit));
}

awaitable<Result<RecordCall>> decode(ApiContextPtr api, Route route, ServerRequest request) {
  if (!is_large(request)) co_return make_record_call(route, request);
  auto work = [route = std::move(route), request = std::move(request)] { return make_record_call(route, request); };
  co_return co_await run_blocking(api->runtime, std::move(work));
}

}  // namespace

awaitable<Answer> answer_record_call(ApiContextPtr api, Route route, ServerRequest request) {
  auto call = co_await decode(api, std::move(route), std::move(request));
  if (!call) co_return fail(call.error());
  if (auto* read = std::get_if<Store::Read>(&*call)) co_return as_response(co_await api->store->read(std::move(*read)));
  auto record = co_await api->store->write(std::move(std::get<Edit>(*call)));
  api->activity.notify();
  co_return as_response(std::move(record));
}

}  // namespace berth
