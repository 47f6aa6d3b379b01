// What happens to sessions and statements is told to those who listen, in order, and never a parameter's value.
#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "event_batch.hpp"
#include "left_out.hpp"
#include "line.hpp"

namespace tl::validation {
namespace {

using observe::Event;
using observe::Kind;

class Notes final : public observe::Listener {
 public:
  bool event(const std::shared_ptr<const Event>& event) noexcept override {
    const std::lock_guard lock(mutex_);
    events_.push_back(*event);
    changed_.notify_all();
    return true;
  }
  // The first of that kind and status, as soon as there is one.
  [[nodiscard]] Event await(Kind kind, Status status = Status::ok) {
    std::unique_lock lock(mutex_);
    std::optional<Event> found;
    const bool came = changed_.wait_for(lock, 20s, [&] {
      for (const Event& event : events_) {
        if (event.kind == kind && event.status == status && !found) found = event;
      }
      return found.has_value();
    });
    REQUIRE_MESSAGE(came, kind_name(kind));
    return *found;
  }
  [[nodiscard]] std::vector<Event> all() {
    const std::lock_guard lock(mutex_);
    return events_;
  }
  // Of one session: "connect checkout query checkin".
  [[nodiscard]] std::string told_of(uint64_t session) {
    std::string text;
    for (const Event& event : all()) {
      if (event.session == session) text.append(text.empty() ? "" : " ").append(kind_name(event.kind));
    }
    return text;
  }
  void forget() {
    const std::lock_guard lock(mutex_);
    events_.clear();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Event> events_;
};

struct Listened : Line {
  explicit Listened(const std::string& more = "", observe::Kinds kinds = observe::all_kinds) : Line(more) {
    registry.hub().subscribe(notes, kinds);
  }
  std::shared_ptr<Notes> notes = std::make_shared<Notes>();
};

}  // namespace

TEST_CASE("the life of a session is told from its opening to its end, each time with its number") {
  Listened line;
  const auto tagged = line.handle->derive(std::make_shared<const std::string>("web"), routing::Mode::dual, {}).take();
  REQUIRE(line.rows(*tagged, "SELECT 41 + 1").ok());
  const Event query = line.notes->await(Kind::query);
  CHECK(query.statement == "SELECT 41 + 1");
  CHECK(query.tag == "web");
  CHECK(query.connection == "db");
  CHECK(query.endpoint == (*line.registry.find("db"))->settings()->primary.address.label());
  CHECK((query.duration && *query.duration > 0ns && *query.duration < 20s));
  CHECK(line.notes->told_of(query.session) == "connect checkout query checkin");
  CHECK(line.notes->await(Kind::state_change).message == "open");

  REQUIRE(line.registry.close(nullptr, std::nullopt).ok());
  CHECK(line.notes->told_of(query.session) == "connect checkout query checkin disconnect");
  const std::vector<Event> all = line.notes->all();
  CHECK(std::count_if(all.begin(), all.end(), [](const Event& event) {
          return event.kind == Kind::state_change && event.message == "closed";
        }) == 1);
  for (const Event& event : all) {
    if (event.session == query.session) CHECK(event.backend_id == query.backend_id);
  }
  CHECK(query.backend_id.empty() == (target().kind == config::DriverKind::sqlite || !target().keeps_sessions));
}

TEST_CASE("a statement on a pinned session, many rows and a stream are each told once, at their end") {
  Listened line("", bit(Kind::query));
  const auto pinned = line.handle->pin({}).take();
  (void)line.rows(*pinned, "DROP TABLE IF EXISTS watched");
  REQUIRE(line.rows(*pinned, "CREATE TABLE watched (a INTEGER)").ok());
  line.notes->forget();
  {
    QueryResult answer;
    const Values three = Values().integer(1).integer(2).integer(3);
    REQUIRE(pinned->execute_many(answer, "INSERT INTO watched VALUES (?)", three.params(), 3, false, {}).ok());
  }
  REQUIRE(line.notes->all().size() == 1);
  CHECK(line.notes->all()[0].statement == "INSERT INTO watched VALUES (?)");
  line.notes->forget();

  CallOptions streaming;
  streaming.stream = true;
  streaming.batch.rows = 1;
  QueryResult answer;
  REQUIRE(pinned->query(answer, rows_of(1000), {}, false, streaming).ok());
  CHECK(line.notes->all().empty());
  SUBCASE("read to its end") {
    for (;;) {
      auto batch = answer.next(streaming);
      REQUIRE(batch.ok());
      if (*batch == nullptr) break;
    }
  }
  SUBCASE("given up") { const QueryResult dropped = std::move(answer); }
  REQUIRE(line.notes->all().size() == 1);
  CHECK(line.notes->all()[0].statement == rows_of(1000));
  CHECK(line.notes->all()[0].status == Status::ok);
}

TEST_CASE("a failure is told with its class, and no event ever holds a parameter's value") {
  Listened line("slow_query = \"0s\"\necho_pool = false\n");
  line.run("DROP TABLE IF EXISTS watched");
  line.run("CREATE TABLE watched (a INTEGER PRIMARY KEY, b VARCHAR(100) UNIQUE)");
  const std::string secret = "hush-4f1a-hush";
  for (int i = 0; i < 2; ++i) {  // the server quotes the value that is there already
    (void)line.rows("INSERT INTO watched VALUES (?, ?)", Values().integer(i).text(secret));
  }
  CHECK(line.notes->await(Kind::query, Status::unique_violation).statement == "INSERT INTO watched VALUES (?, ?)");
  CHECK(line.notes->await(Kind::slow_query, Status::unique_violation).session != 0);
  for (const Event& event : line.notes->all()) {
    const auto batch = observe::as_batch(event);
    for (const columnar::Column& column : batch->columns()) {
      const std::string_view bytes(reinterpret_cast<const char*>(column.data.data()), column.data.size());
      CHECK(bytes.find(secret) == std::string_view::npos);
    }
  }
}

TEST_CASE("only what takes as long as slow_query is told as slow") {
  Listened line("slow_query = \"100ms\"\nstatement_timeout = \"300ms\"\n", bit(Kind::slow_query));
  line.run("SELECT 1");
  CHECK(line.notes->all().empty());
  REQUIRE_FALSE(line.rows(target().endless).ok());
  REQUIRE(line.notes->all().size() == 1);
  CHECK(line.notes->all()[0].statement == target().endless);
  CHECK(*line.notes->all()[0].duration >= 100ms);
}

TEST_CASE("time that ran out is told, for a statement and for a session") {
  Listened line("[connections.db.pool]\nmax = 1\n", bit(Kind::timeout));
  const auto writer = line.open(routing::Mode::write);
  REQUIRE_FALSE(line.rows(*writer, target().endless, {}, within(100ms)).ok());
  const Event late = line.notes->await(Kind::timeout, Status::statement_timeout);
  CHECK(late.statement == target().endless);
  CHECK(late.session != 0);

  const auto pinned = writer->pin({}).take();  // the only session, when it has come home
  CallOptions other = within(50ms);
  other.owner = 7;
  REQUIRE_FALSE(line.rows(*writer, "SELECT 2", {}, other).ok());
  const Event queued = line.notes->await(Kind::timeout, Status::acquire_timeout);
  CHECK(queued.statement == "SELECT 2");
  CHECK(queued.session == 0);
  CHECK(*queued.duration >= 40ms);
  CHECK(queued.message.find("1 of 1 leased") != std::string::npos);
}

TEST_CASE("a server's end of a session is told as soon as it is noticed" *
          left_out_behind_proxy("nobody knows which server process is his")) {
  if (target().kind == config::DriverKind::sqlite) return;
  Listened line("[connections.db.pool]\npre_ping = true\n");
  line.run("SELECT 1");
  const Event first = line.notes->await(Kind::connect);
  Line other;
  const bool postgresql = target().kind == config::DriverKind::postgresql;
  other.run((postgresql ? "SELECT pg_terminate_backend(" : "KILL (") + first.backend_id + ")");
  const auto noticed = [&] {
    const std::vector<Event> all = line.notes->all();
    return std::any_of(all.begin(), all.end(), [&](const Event& event) {
      return event.kind == Kind::disconnect && event.session == first.session;
    });
  };
  for (const Instant began = steady_clock().now(); !noticed();) {  // a server takes its time to end a session
    REQUIRE(steady_clock().now() - began < 20s);
    (void)line.rows("SELECT 2");
  }
  line.notes->forget();
  line.run("SELECT 3");
  CHECK(line.notes->await(Kind::query).session != first.session);
}

TEST_CASE("a session that cannot be opened is told of, with the reason and without a secret") {
  const std::string canary = "canary-5f0c9b7e-password";
  const bool sqlite = target().kind == config::DriverKind::sqlite;
  config::Surroundings surroundings;
  surroundings.folder = folder();
  const std::string address = sqlite ? "database = \"no such folder/db.sqlite\"\n"
                                     : "host = \"127.0.0.1\"\nport = 1\nuser = \"u\"\npassword = \"" + canary + "\"\n";
  registry::Registry registry(
      config::parse("[connections.db]\ndriver = \"" + target().name + "\"\n" + address, "x", surroundings).take());
  const auto notes = std::make_shared<Notes>();
  registry.hub().subscribe(notes, bit(Kind::dial_failed));
  REQUIRE_FALSE(registry.connect("db", within(20s)).ok());
  REQUIRE_FALSE(notes->all().empty());
  const Event failed = notes->all()[0];
  CHECK(failed.status != Status::ok);
  CHECK(failed.connection == "db");
  CHECK_FALSE(failed.endpoint.empty());
  CHECK_FALSE(failed.message.empty());
  CHECK(failed.message.find(canary) == std::string::npos);
  CHECK(failed.duration.has_value());
}

TEST_CASE("statements are counted whether or not anybody listens") {
  Line line;
  line.run("SELECT 1");
  CHECK_FALSE(line.rows("SELECT nothing FROM nowhere").ok());
  const auto endpoints = (*line.registry.find("db"))->peek();
  uint64_t all = 0, failed = 0, with = 0, dials = 0, leases = 0;
  for (uint32_t i = 0; i < endpoints->size(); ++i) {
    const observe::Counters& counters = (*endpoints)[i].source()->counters();
    all += counters.statements.look().count();
    failed += counters.failed_as[static_cast<size_t>(-static_cast<int32_t>(Status::statement))];
    for (const auto& outcome : counters.failed_with) with += outcome;
    dials += counters.dials.look().count();
    leases += counters.leases.look().count();
  }
  CHECK(all == 2);
  CHECK(failed == 1);
  CHECK(with == 1);
  CHECK(dials >= 1);
  CHECK(leases >= 1);
}

}  // namespace tl::validation
