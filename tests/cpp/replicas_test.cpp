// Who serves a statement, and what its reads find: a primary and its replica, whose environment replicated.py gives.
#include <thread>

#include "async_fixture.hpp"

using namespace std::chrono_literals;
using trunkline::connection;
using trunkline::registry;
using trunkline::role;

namespace {

std::string variable(const char* name) { return AsyncFixture::variable(name); }

registry opened() {
  const std::string replica = variable("TL_REPLICA");
  return registry::parse("[connections.main]\n" + variable("TL_PRIMARY") + variable("TL_ORDINARY") +
                         "consistency = 'session'\nreplicas.read = ['near']\n[connections.near]\n" + replica +
                         variable("TL_ORDINARY") + "[connections.owner]\n" + replica + variable("TL_OWNER"));
}

// The replica shows nothing new while this is there.
class Pause {
 public:
  explicit Pause(const registry& on) : owner_(on.on("owner")) {
    if (is_postgresql()) {
      owner_.query("SELECT pg_wal_replay_pause()");
      while (owner_.query("SELECT pg_get_wal_replay_pause_state()").value<std::string>() != "paused") sched_yield();
    } else {
      owner_.query("STOP SLAVE SQL_THREAD");
    }
  }
  Pause(const Pause&) = delete;
  Pause& operator=(const Pause&) = delete;
  ~Pause() { end(); }
  void end() {
    if (!std::exchange(paused_, false)) return;
    if (is_postgresql())
      owner_.query("SELECT pg_wal_replay_resume()");
    else
      owner_.query("START SLAVE SQL_THREAD");
  }

 private:
  static bool is_postgresql() { return AsyncFixture::target() == "postgresql"; }

  connection owner_;
  bool paused_ = true;
};

void await(const char* what, const auto& condition) {
  const auto until = std::chrono::steady_clock::now() + 60s;
  while (!static_cast<bool>(condition())) {
    REQUIRE_MESSAGE(std::chrono::steady_clock::now() < until, what);
    std::this_thread::sleep_for(2ms);
  }
}

}  // namespace

TEST_CASE("replicas serve reads and tell so; those too far behind for a call do not") {
  const registry db = opened();
  const auto main = db.on("main");
  main.query("CREATE TABLE IF NOT EXISTS far (n int)");
  const auto reader = db.on("main");  // whose reads wait for no write of its own
  std::optional<trunkline::result> read;
  await("it is known how far the replica is behind", [&] { return read.emplace(reader.query("SELECT 1")).lag(); });
  CHECK(read->role() == role::replica);
  CHECK(read->lag() >= 0ms);
  CHECK(main.query("INSERT INTO far VALUES (1)").role() == role::primary);

  const Pause pause(db);
  main.query("INSERT INTO far VALUES (2)");
  const trunkline::options near{.max_lag = 300ms};
  const trunkline::options far{.max_lag = trunkline::however_far};
  // A replica that nobody has seen yet is left out, too, and may be near when it is seen.
  const auto since = std::chrono::steady_clock::now();
  await("it is too far behind", [&] {
    return reader.query(near, "SELECT 1").role() == role::primary && std::chrono::steady_clock::now() > since + 500ms;
  });
  CHECK(reader.query(far, "SELECT 1").role() == role::replica);
  CHECK(reader.begin({.read_only = true, .max_lag = 300ms}).query("SELECT 1").role() == role::primary);
  CHECK(reader.begin({.read_only = true, .max_lag = trunkline::however_far}).query("SELECT 1").role() == role::replica);
  const auto only_reads = reader.mode(trunkline::mode::read);
  CHECK(only_reads.pin({}, 300ms).query("SELECT 1").role() == role::primary);
  CHECK(only_reads.pin({}, trunkline::however_far).query("SELECT 1").role() == role::replica);

  const auto queue = db.queue();
  const auto awaited = db.on(queue, "main");
  CHECK(awaited.query(near, "SELECT 1").get().role() == role::primary);
  const auto stream = awaited.stream(far, "SELECT 1").get();
  CHECK(stream.role() == role::replica);
  CHECK(stream.lag() != 0ms);
}

TEST_CASE("a token's reads find what was written before it, in another registry too") {
  const registry here = opened();
  const registry there = opened();
  const auto writer = here.on("main");
  CHECK(writer.token().empty());
  writer.query("CREATE TABLE IF NOT EXISTS told (n int)");
  const auto stranger = there.on("main");
  const auto count = [](const connection& on) { return on.query("SELECT count(*) FROM told").value<int64_t>(); };
  const int64_t before = count(writer);
  const auto following = there.on("main").after(writer.token());
  await("the replica has the table", [&] { return following.query("SELECT 1").role() == role::replica; });
  CHECK(count(following) == before);

  Pause pause(here);
  writer.query("INSERT INTO told VALUES (1)");
  const std::string token = writer.token();
  CHECK(count(stranger) == before);
  CHECK(count(stranger.after(token)) == before + 1);
  CHECK(stranger.after(token).token() == token);
  CHECK(stranger.after("").token().empty());
  const auto queue = there.queue();
  const auto awaited = there.on(queue, "main").after(token);
  CHECK(awaited.query("SELECT count(*) FROM told").get().value<int64_t>() == before + 1);
  pause.end();
  const auto reader = stranger.after(token);
  await("the replica serves it again", [&] { return reader.query("SELECT 1").role() == role::replica; });
  CHECK(count(reader) == before + 1);
}

TEST_CASE("tokens of any length are given whole; what is none is refused") {
  const auto main = opened().on("main");
  std::string token = "my-0.1.8";
  for (int domain = 1; domain < 60; ++domain) token += '_' + std::to_string(domain) + ".1.8";
  CHECK(main.after(token).token() == token);
  CHECK(error_of([&] { static_cast<void>(main.after("no token")); }).status() == TL_E_MISUSE);
  CHECK(error_of([&] { main.query({.max_lag = -5ms}, "SELECT 1"); }).status() == TL_E_MISUSE);
  const auto foreign = main.after(AsyncFixture::target() == "postgresql" ? "my-0.1.8" : "pg-77-2-4040498");
  CHECK(error_of([&] { foreign.query("SELECT 1"); }).status() == TL_E_MISUSE);
}

TEST_CASE("a handle explains where a statement would go") {
  const registry db = opened();
  const auto main = db.on("main");
  const auto first = [](trunkline::result told) {
    const auto row = told.next();
    const auto text = [&](const char* name) { return row->get<std::string>(0, told.index(name)); };
    return std::tuple(row->rows(), text("kind"), text("role"), text("why"));
  };
  using row = std::tuple<int64_t, std::string, std::string, std::string>;
  main.query("SELECT 1");
  await("the replica is asked",
        [&] { return first(main.explain("SELECT 1")) == row(2, "read", "replica", "is the next by the policy"); });
  CHECK(first(main.explain("DELETE FROM nowhere")) == row(2, "write", "primary", "takes the writes"));
  CHECK(std::get<2>(first(main.explain({.intent = trunkline::intent::write}, "SELECT 1"))) == "primary");
  const auto queue = db.queue();
  CHECK(std::get<2>(first(db.on(queue, "main").explain("SELECT 1").get())) == "replica");
}
