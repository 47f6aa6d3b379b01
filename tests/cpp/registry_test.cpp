#include <fstream>
#include <thread>

#include "cpp_fixture.hpp"

using trunkline::mode;
using trunkline::registry;

TEST_CASE_FIXTURE(CppFixture, "a registry is opened from a file, whose environment overlays it") {
  const auto path = folder / "trunkline.toml";
  std::ofstream(path) << "[connections.a]\ndriver = 'sqlite'\ndatabase = 'a.db'\ndescription = 'plain'\n"
                         "[environments.proof.connections.a]\ndescription = 'overlaid'\n";
  const auto description = [](const registry& opened) {
    auto table = opened.inspect("connections");
    return table.next()->get<std::string>(0, table.index("description"));
  };
  CHECK(description(registry::open(path.string())) == "plain");
  CHECK(description(registry::open(path.string(), "proof")) == "overlaid");
}

TEST_CASE_FIXTURE(CppFixture, "names lead to connections; without one, the default") {
  CHECK(db.has("other"));
  CHECK_FALSE(db.has("another"));
  db.on("other").query("CREATE TABLE here (a)");
  CHECK(db.on("other").query("SELECT count(*) FROM here").value<int>() == 0);
  db.on().query("CREATE TABLE there (a)");
  CHECK(main.query("SELECT count(*) FROM there").value<int>() == 0);

  const auto missing = error_of([&] { static_cast<void>(db.on("mian")); });
  CHECK(missing.status() == TL_E_NOT_FOUND);
  CHECK(contains(missing.what(), "main"));
  CHECK(error_of([&] { static_cast<void>(db.on("")); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { static_cast<void>(db.on(std::string_view())); }).status() == TL_E_MISUSE);
}

TEST_CASE_FIXTURE(CppFixture, "a mode that only reads refuses writes") {
  make_people();
  CHECK(error_of([&] { db.on("main", mode::read).query("DELETE FROM people"); }).status() == TL_E_READ_ONLY);
  CHECK(error_of([&] { db.on(mode::read).query("DELETE FROM people"); }).status() == TL_E_READ_ONLY);
  CHECK(error_of([&] { main.mode(mode::read).query("DELETE FROM people"); }).status() == TL_E_READ_ONLY);
  CHECK(main.mode(mode::read).mode(mode::write).query("DELETE FROM people").affected() == 3);
}

TEST_CASE_FIXTURE(CppFixture, "connecting opens a session, closing refuses statements until it is connected again") {
  const auto idle = [&] {
    auto table = db.inspect("connections", "main");
    return table.next()->get<int64_t>(0, table.index("idle"));
  };
  CHECK(idle() == 0);
  db.connect("main");
  CHECK(idle() > 0);
  db.close("main");
  CHECK(error_of([&] { main.query("SELECT 1"); }).status() == TL_E_CLOSED);
  db.connect();
  CHECK(main.query("SELECT 1").value<int>() == 1);
  db.on("other").query("SELECT 1");
  db.close();
  CHECK(error_of([&] { main.query("SELECT 1"); }).status() == TL_E_CLOSED);
  CHECK(error_of([&] { db.on("other").query("SELECT 1"); }).status() == TL_E_CLOSED);
}

TEST_CASE_FIXTURE(CppFixture, "closing what is in use says so after its timeout") {
  const auto held = main.pin();
  CHECK(error_of([&] { db.close("main", std::chrono::milliseconds(1)); }).status() == TL_E_BUSY);
}

TEST_CASE_FIXTURE(CppFixture, "names come and go") {
  const std::string settings = "driver = 'sqlite'\ndatabase = '" + (folder / "tenant.db").string() + "'\n";
  CHECK(db.add("tenant", settings));
  CHECK_FALSE(db.add("tenant", "# the same\n" + settings));
  CHECK(db.names() == std::vector<std::string>{"main", "other", "memory", "tenant"});
  const auto other = error_of([&] { db.add("tenant", settings + "pool.max = 3"); });
  CHECK(other.status() == TL_E_CONFIGURATION);
  CHECK(contains(other.what(), "pool.max"));
  CHECK(error_of([&] { db.add("", settings); }).status() == TL_E_MISUSE);

  const auto old = db.on("tenant");
  old.query("CREATE TABLE here (a)");
  CHECK(db.remove("tenant"));
  CHECK_FALSE(db.remove("tenant"));
  CHECK_FALSE(db.has("tenant"));
  CHECK(error_of([&] { old.query("SELECT 1"); }).status() == TL_E_CLOSED);
  CHECK(db.add("tenant", settings + "pool.max = 3"));
  db.connect("tenant");
  CHECK(db.on("tenant").query("SELECT count(*) FROM here").value<int>() == 0);
  CHECK(error_of([&] { old.query("SELECT 1"); }).status() == TL_E_CLOSED);

  const auto queue = db.queue();
  CHECK(db.remove(queue, "tenant").get());
  CHECK_FALSE(db.remove(queue, "tenant").get());
  CHECK_FALSE(db.has("tenant"));
  db.connect_all(queue).get();
  db.close();
  db.connect_all();
  CHECK(db.on("other").query("SELECT 1").value<int>() == 1);
}

TEST_CASE_FIXTURE(CppFixture, "settings change while they are used") {
  const auto transaction = main.begin();
  CHECK(db.patch("main", "pool.max = 3", trunkline::verify::yes));
  CHECK_FALSE(db.patch("main", "pool.max = 3"));
  CHECK(transaction.query("SELECT 1").value<int>() == 1);
  CHECK(main.query("SELECT 2").value<int>() == 2);
  CHECK(error_of([&] { db.patch("main", "pool.mx = 3"); }).status() == TL_E_CONFIGURATION);
  const auto queue = db.queue();
  CHECK(db.patch(queue, "main", "pool.max = 4", trunkline::verify::yes).get());
  CHECK_FALSE(db.patch(queue, "main", "pool.max = 4").get());
  db.trim("main");
  db.trim();
  CHECK(main.query("SELECT 3").value<int>() == 3);

  const std::string path = folder / "reloaded.toml";
  std::ofstream(path) << "[connections.one]\ndriver = 'sqlite'\ndatabase = ':memory:'\n";
  const auto file = trunkline::registry::open(path);
  std::ofstream(path) << "[connections.two]\ndriver = 'sqlite'\ndatabase = ':memory:'\n";
  using row = std::tuple<std::string, std::string, std::optional<std::string>>;
  CHECK(file.reload(trunkline::verify::yes).all<std::string, std::string, std::optional<std::string>>() ==
        std::vector<row>{{"two", "added", std::nullopt}, {"one", "released", std::nullopt}});
  CHECK(file.reload(file.queue()).get().all<std::string, std::string, std::optional<std::string>>().empty());
  CHECK(error_of([&] { (void)db.reload(); }).status() == TL_E_MISUSE);
}

TEST_CASE_FIXTURE(CppFixture, "what is known can be inspected") {
  std::vector<std::string> names;
  auto table = db.inspect("connections");
  const size_t name = table.index("name");
  while (const auto batch = table.next()) {
    for (int64_t row = 0; row < batch->rows(); ++row) names.push_back(batch->get<std::string>(row, name));
  }
  CHECK(names == std::vector<std::string>{"main", "other", "memory"});
  CHECK(db.inspect("warnings").all<std::string>().empty());
  CHECK(error_of([&] { static_cast<void>(db.inspect("secrets")); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { static_cast<void>(table.index("nothing")); }).status() == TL_E_NOT_FOUND);
}

TEST_CASE_FIXTURE(CppFixture, "what was counted is one text") {
  main.query("CREATE TABLE t (a)");
  CHECK(db.metrics().find("\ntrunkline_statements_total{db_client_connection_pool_name=\"main/primary\",") !=
        std::string::npos);
}

TEST_CASE_FIXTURE(CppFixture, "a tag is shown with its leases") {
  const auto held = main.tag("nightly report").pin();
  auto leases = db.inspect("leases", "main");
  CHECK(leases.next()->get<std::string>(0, leases.index("tag")) == "nightly report");
}

TEST_CASE_FIXTURE(CppFixture, "a full pool says so in time, and a handle that goes gives its session back") {
  {
    const auto held = main.pin();  // SQLite has one writer
    std::jthread([&] {
      const std::chrono::milliseconds soon(5);
      CHECK(error_of([&] { static_cast<void>(main.pin(soon)); }).status() == TL_E_ACQUIRE_TIMEOUT);
      CHECK(error_of([&] { static_cast<void>(main.begin({.timeout = soon})); }).status() == TL_E_ACQUIRE_TIMEOUT);
      CHECK(error_of([&] { main.query({.timeout = soon}, "CREATE TABLE t (a)"); }).status() == TL_E_ACQUIRE_TIMEOUT);
    });
    CHECK(error_of([&] { static_cast<void>(main.pin()); }).status() == TL_E_BUSY);  // it would wait for itself
  }
  main.query("CREATE TABLE t (a)");
}

TEST_CASE("handles may go in any order") {
  auto held = std::optional(registry::parse("[connections.main]\ndriver = 'sqlite'\ndatabase = ':memory:'\n"));
  auto connection = std::optional(held->on("main"));
  auto result = connection->query("SELECT 'still here'");
  held.reset();
  connection.reset();
  CHECK(result.value<std::string>() == "still here");
}

TEST_CASE_FIXTURE(CppFixture, "one registry is shared by all code of the process") {
  db.share();
  make_people();
  CHECK(registry::shared().on("main").query("SELECT count(*) FROM people").value<int>() == 3);
  const auto other = error_of([] { static_cast<void>(registry::shared("/nowhere/trunkline.toml")); });
  CHECK(other.status() == TL_E_CONFIGURATION);
  CHECK(contains(other.what(), "its configuration is <text>, not /nowhere/trunkline.toml"));
  CHECK(error_of([] { static_cast<void>(registry::shared("", "proof")); }).status() == TL_E_CONFIGURATION);
  CHECK(error_of([&] { registry::parse("").share(); }).status() == TL_E_CONFIGURATION);
}
