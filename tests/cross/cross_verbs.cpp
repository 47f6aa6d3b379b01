// What each "do" of the data file is in C++.
#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <thread>

#include "cross_case.hpp"

namespace cross {
namespace {

constexpr size_t shown_rows = 5;  // of a stream

trunkline::mode mode_of(const std::string& word) {
  return word == "read" ? trunkline::mode::read : word == "write" ? trunkline::mode::write : trunkline::mode::dual;
}

trunkline::isolation isolation_of(const std::string& word) {
  using enum trunkline::isolation;
  return word == "read committed"    ? read_committed
         : word == "repeatable read" ? repeatable_read
         : word == "serializable"    ? serializable
                                     : standard;
}

const char* role_of(trunkline::role role) {
  return role == trunkline::role::primary ? "primary" : role == trunkline::role::replica ? "replica" : "none";
}

trunkline::transaction_options transaction_options_of(const Json& one) {
  return {.isolation = isolation_of(one.value("isolation", "")),
          .read_only = one.value("read_only", false),
          .retry = one.value("retry", 0U)};
}

// Only the columns that the step picks, by name.
Json picked(const Json& columns, const Json& rows, const Json& pick) {
  Json found = Json::array();
  for (const Json& row : rows) {
    Json& kept = found.emplace_back(Json::array());
    for (const Json& name : pick) {
      for (size_t i = 0; i < columns.size(); ++i) {
        if (columns[i][0] == name) kept.push_back(row[i]);
      }
    }
  }
  return found;
}

Json field_of(const trunkline::event& event, const std::string& name) {
  if (name == "connection") return event.connection;
  if (name == "status") return event.status;
  if (name == "statement") return event.statement;
  if (name == "message") return event.message;
  if (name == "tag") return event.tag;
  throw std::invalid_argument("an event's " + name);
}

const std::map<std::string, trunkline::event_kind> kinds = {
    {"connect", trunkline::event_kind::connect},
    {"query", trunkline::event_kind::query},
    {"state_change", trunkline::event_kind::state_change},
};

// What has been heard so far, by another thread.
struct Heard {
  void add(Json event) {
    const std::lock_guard held(lock);
    all.push_back(std::move(event));
    more.notify_all();
  }
  // The first `count`, once they are there; what there is, after a while.
  Json first(size_t count) {
    std::unique_lock held(lock);
    more.wait_for(held, std::chrono::seconds(30), [&] { return all.size() >= count; });
    while (all.size() > count) all.erase(all.size() - 1);
    return all;
  }

  std::mutex lock;
  std::condition_variable more;
  Json all = Json::array();
};

}  // namespace

const std::map<std::string, Case::Verb> Case::verbs = {
    {"library", &Case::library},
    {"parse", &Case::parse},
    {"has", &Case::has},
    {"names", &Case::names},
    {"add", &Case::add},
    {"remove", &Case::remove},
    {"patch", &Case::patch},
    {"write", &Case::write},
    {"reload", &Case::reload},
    {"connect", &Case::connect},
    {"connect_all", &Case::connect_all},
    {"trim", &Case::trim},
    {"close", &Case::close},
    {"inspect", &Case::inspect},
    {"health", &Case::health},
    {"metrics", &Case::metrics},
    {"share", &Case::share},
    {"events", &Case::events},
    {"resolver", &Case::resolver},
    {"credentials", &Case::credentials},
    {"on", &Case::on},
    {"tag", &Case::tag},
    {"after", &Case::after},
    {"token", &Case::token},
    {"query", &Case::query},
    {"stream", &Case::stream},
    {"execute_many", &Case::execute_many},
    {"load", &Case::load},
    {"explain", &Case::explain},
    {"cancel", &Case::cancel},
    {"transaction", &Case::transaction},
    {"begin", &Case::begin},
    {"commit", &Case::commit},
    {"rollback", &Case::rollback},
    {"pin", &Case::pin},
    {"apart", &Case::apart},
};

// ---- the registry ----

Json Case::library(const Json& one) {
  Json features = Json::object();
  const Json expected = said(one, "expect");
  for (const auto& [name, ignored] : expected.at("features").items()) {
    features[name] = tl_has_feature(name.c_str()) != 0;
  }
  return {{"version", tl_version()}, {"features", features}};
}

Json Case::parse(const Json& one) {
  const auto other = trunkline::registry::parse(text(one, "toml"), "other.toml", text(one, "environment"));
  return {{"value", other.names()}};
}

Json Case::has(const Json& one) { return {{"value", registry_->has(text(one, "name"))}}; }
Json Case::names(const Json&) { return {{"value", registry_->names()}}; }
Json Case::add(const Json& one) { return {{"value", registry_->add(text(one, "name"), text(one, "toml"))}}; }
Json Case::remove(const Json& one) { return {{"value", registry_->remove(text(one, "name"))}}; }

Json Case::patch(const Json& one) {
  const auto verify = one.contains("verify") ? trunkline::verify::yes : trunkline::verify::no;
  return {{"value", registry_->patch(text(one, "name"), text(one, "toml"), verify)}};
}

Json Case::write(const Json& one) {
  std::ofstream(words_["folder"] + "/trunkline.toml") << text(one, "toml");
  return Json::object();
}

Json Case::reload(const Json& one) { return answered(one, registry_->reload()); }

Json Case::connect(const Json& one) {
  registry_->connect(text(one, "name"), time(one, "timeout"));
  return Json::object();
}

Json Case::connect_all(const Json&) {
  registry_->connect_all();
  return Json::object();
}

Json Case::trim(const Json& one) {
  one.contains("name") ? registry_->trim(text(one, "name")) : registry_->trim();
  return Json::object();
}

Json Case::close(const Json& one) {
  one.contains("name") ? registry_->close(text(one, "name")) : registry_->close();
  return Json::object();
}

Json Case::inspect(const Json& one) {
  const std::string what = text(one, "what");
  return answered(one, one.contains("name") ? registry_->inspect(what, text(one, "name")) : registry_->inspect(what));
}

Json Case::health(const Json& one) {
  const trunkline::health whole = registry_->health({.open = one.value("open", false)});
  Json connections = Json::array();
  for (const auto& each : whole.connections) connections.push_back({each.name, each.status, each.state});
  std::sort(connections.begin(), connections.end());
  return {{"ok", whole.ok}, {"connections", connections}};
}

Json Case::metrics(const Json& one) {
  return {{"value", registry_->metrics().find(text(one, "line")) != std::string::npos}};
}

Json Case::share(const Json&) {
  registry_->share();
  return {{"value", trunkline::registry::shared().names()}};
}

Json Case::events(const Json& one) {
  Heard heard;
  const auto listening =
      registry_->subscribe(kinds.at(one.at("kind")), [&, pick = one.at("pick")](const trunkline::event& event) {
        Json fields = Json::array();
        for (const Json& name : pick) fields.push_back(field_of(event, name));
        heard.add(std::move(fields));
      });
  steps(one.at("steps"));
  return {{"events", heard.first(one.at("count"))}};
}

Json Case::resolver(const Json& one) {
  const Json known = said(one, "known");
  const auto asked = registry_->resolver([&](std::string_view name) -> std::optional<std::string> {
    const auto found = known.find(std::string(name));
    return found == known.end() ? std::nullopt : std::optional<std::string>(*found);
  });
  steps(one.at("steps"));
  return Json::object();
}

Json Case::credentials(const Json& one) {
  const auto asked = registry_->credentials([&](std::string_view) -> std::optional<trunkline::credentials> {
    if (!one.contains("password")) return std::nullopt;
    return trunkline::credentials{.password = text(one, "password"), .user = text(one, "user")};
  });
  steps(one.at("steps"));
  return Json::object();
}

// ---- handles ----

const trunkline::connection& Case::handle(const Json& one) {
  const std::string name = one.value("on", "db");
  auto& held = handles_[name];
  if (held == nullptr) held = std::make_shared<const trunkline::connection>(registry_->on(name));
  return *held;
}

template <class Handle>
Json Case::hold(const Json& one, Handle made) {
  handles_[one.at("as")] = std::make_shared<const Handle>(std::move(made));
  return Json::object();
}

Json Case::on(const Json& one) {
  return hold(one, registry_->on(text(one, "name"), mode_of(one.value("mode", "dual"))));
}
Json Case::tag(const Json& one) { return hold(one, handle(one).tag(text(one, "text"))); }
Json Case::after(const Json& one) { return hold(one, handle(one).after(text(one, "token"))); }
Json Case::token(const Json& one) { return {{"value", handle(one).token()}}; }

// ---- statements ----

trunkline::options Case::options_of(const Json& one) {
  trunkline::options how;
  how.timeout = time(one, "timeout");
  how.max_lag = time(one, "max_lag");
  if (one.contains("read")) how.intent = trunkline::intent::read;
  if (one.contains("write")) how.intent = trunkline::intent::write;
  fallback_ = text(one, "fallback");
  if (!fallback_.empty()) how.fallback = fallback_.c_str();
  return how;
}

trunkline::parameters Case::values_of(const Json& one) const {
  trunkline::parameters values;
  add_values(values, said(one, "values"));
  return values;
}

trunkline::parameters Case::many_of(const Json& one, size_t& rows) const {
  trunkline::parameters values;
  const Json all = said(one, "rows");
  rows = all.size();
  for (const Json& row : all) add_values(values, row);
  return values;
}

Json Case::answered(const Json& one, trunkline::result answer) {
  const Json columns = columns_of(answer);
  Json found = {{"columns", columns},
                {"affected", answer.affected()},
                {"last_id", answer.last_id()},
                {"connection", answer.connection()},
                {"endpoint", answer.endpoint()},
                {"lag", answer.lag() ? Json(answer.lag()->count()) : Json()},
                {"role", role_of(answer.role())}};
  Json sets = Json::array();
  do {
    sets.push_back(rows_of(answer, std::string::npos).first);
  } while (answer.next_set());
  if (!sets[0].empty()) found["last"] = sets[0].back();
  found["count"] = sets[0].size();
  found["rows"] = one.contains("pick") ? picked(columns, sets[0], one["pick"]) : sets[0];
  if (sets[0].size() == 1 && columns.size() == 1) found["value"] = sets[0][0][0];
  found["sets"] = std::move(sets);
  return found;
}

Json Case::query(const Json& one) {
  if (one.contains("after")) {
    return answered(one,
                    handle(one).after(text(one, "after")).query(options_of(one), text(one, "sql"), values_of(one)));
  }
  return answered(one, handle(one).query(options_of(one), text(one, "sql"), values_of(one)));
}

Json Case::explain(const Json& one) { return answered(one, handle(one).explain(options_of(one), text(one, "sql"))); }

// All of it, or only the first batches until "take" rows have come.
Json Case::stream(const Json& one) {
  trunkline::options how = options_of(one);
  how.stream = true;
  trunkline::result answer = handle(one).query(how, text(one, "sql"), values_of(one));
  if (!one.contains("take")) {
    const Rows rows = rows_of(answer, shown_rows);
    return {{"count", rows.count}, {"rows", rows.first}, {"last", rows.last}};
  }
  int64_t taken = 0;
  for (auto [value] : answer.as<int64_t>()) {
    static_cast<void>(value);
    if (++taken == one["take"]) break;
  }
  return {{"count", taken}};
}

Json Case::execute_many(const Json& one) {
  size_t rows = 0;
  const trunkline::parameters values = many_of(one, rows);
  return {{"affected", handle(one).execute_many(options_of(one), text(one, "sql"), values, rows).affected()}};
}

Json Case::load(const Json& one) {
  const auto columns = one.at("columns").get<std::vector<std::string>>();
  size_t rows = 0;
  trunkline::parameters values = many_of(one, rows);
  return {{"value", handle(one).load(options_of(one), text(one, "table"), {columns.begin(), columns.end()},
                                     std::move(values), rows)}};
}

// Runs a statement elsewhere, and stops it once it has its session.
Json Case::cancel(const Json& one) {
  const trunkline::operation operation = registry_->operation();
  trunkline::options how = options_of(one);
  how.cancel_by = &operation;
  const std::string sql = text(one, "sql");
  const trunkline::connection& on = handle(one);
  const auto leases = [&] {
    trunkline::result all = registry_->inspect("leases");
    return rows_of(all, 0).count;
  };
  auto running = std::async(std::launch::async, [&] { on.query(how, sql); });
  while (leases() == 0 && running.wait_for(std::chrono::milliseconds(1)) != std::future_status::ready) {
  }
  operation.cancel();
  running.get();
  return Json::object();
}

// ---- transactions, pinned sessions, threads ----

Json Case::transaction(const Json& one) {
  const auto work = [&](trunkline::transaction& tx) {
    const auto not_owned = [](trunkline::transaction*) {};
    const std::string name = one.value("as", "tx");
    transactions_[name] = std::shared_ptr<trunkline::transaction>(&tx, not_owned);
    handles_[name] = transactions_[name];
    steps(one.at("steps"));
  };
  handle(one).transaction(transaction_options_of(one), work);
  return Json::object();
}

Json Case::begin(const Json& one) {
  const auto begun = std::make_shared<trunkline::transaction>(handle(one).begin(transaction_options_of(one)));
  transactions_[one.at("as")] = begun;
  handles_[one.at("as")] = begun;
  return Json::object();
}

Json Case::commit(const Json& one) {
  transactions_.at(one.at("on"))->commit();
  return Json::object();
}

Json Case::rollback(const Json& one) {
  transactions_.at(one.at("on"))->rollback();
  return Json::object();
}

Json Case::pin(const Json& one) {
  hold(one, handle(one).pin());
  steps(one.at("steps"));
  handles_.erase(one.at("as"));
  return Json::object();
}

Json Case::apart(const Json& one) {
  std::async(std::launch::async, [&] { steps(one.at("steps")); }).get();
  return Json::object();
}

}  // namespace cross
