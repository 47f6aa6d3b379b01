// Nothing in a reactor blocks: the longest that one call into the library keeps the thread of a host while servers that
// it dials, or has sessions at, hold others up in every way they can.
#include <dlfcn.h>
#include <netdb.h>

#include <condition_variable>
#include <mutex>

#include "proxied.hpp"
#include "watched_host.hpp"

namespace queues {
namespace {

using faults::line;
using faults::Port;
using faults::Proxy;

constexpr std::string_view silent_name = "silent.test", burning_name = "burning.test";

// While it lives the resolver is asked for that name in vain: whoever asks waits, twenty seconds at the most.
class SilentResolver {
 public:
  SilentResolver() { set(true); }
  ~SilentResolver() { set(false); }
  SilentResolver(const SilentResolver&) = delete;
  SilentResolver& operator=(const SilentResolver&) = delete;

  static void wait() {
    std::unique_lock lock(mutex_);
    ++asked_;
    spoken_.wait_for(lock, 20s, [] { return !silent_; });
  }
  [[nodiscard]] static int asked() {
    const std::lock_guard lock(mutex_);
    return asked_;
  }

 private:
  static void set(bool silent) {
    const std::lock_guard lock(mutex_);
    silent_ = silent;
    spoken_.notify_all();
  }
  static inline std::mutex mutex_;
  static inline std::condition_variable spoken_;
  static inline bool silent_ = false;
  static inline int asked_ = 0;
};

}  // namespace
}  // namespace queues

// In the place of the C library's, for the whole process.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  static const auto next = reinterpret_cast<decltype(&getaddrinfo)>(dlsym(RTLD_NEXT, "getaddrinfo"));
  if (name != nullptr && name == queues::burning_name) {
    return next("127.0.0.1", service, hints, found);
  }
  if (name == nullptr || name != queues::silent_name) return next(name, service, hints, found);
  queues::SilentResolver::wait();
  return EAI_NONAME;
}

namespace queues {
namespace {

// A role whose password costs whoever gives it seconds: the server chooses how often it is to be hashed. Made with
// Python's hashlib, for the password "burns": the server keeps what it knows of it, and computes nothing itself.
class BurningRole {
 public:
  BurningRole() {
    (void)desk_.db.query("DROP ROLE IF EXISTS burns");
    (void)desk_.db.query(
        "CREATE ROLE burns LOGIN PASSWORD 'SCRAM-SHA-256$2000000:MDEyMzQ1Njc4OWFiY2RlZg==$"
        "HIPRNkSflaMEqPQEZOL1tgQm5pNPlLKmKi8mYxyKrTU=:vy7qdMmVUkt0IlC8jfMaHxoH4XvYin8ooZVWYrgl0iM='");
  }
  ~BurningRole() { (void)desk_.db.query("DROP ROLE burns"); }
  BurningRole(const BurningRole&) = delete;
  BurningRole& operator=(const BurningRole&) = delete;
  [[nodiscard]] static std::string lines() {
    return line("driver", "postgresql") + line("host", std::string(burning_name)) + line("sslmode", "disable") +
           "port = " + variable("TL_PG_PORT") + "\n" + line("database", variable("TL_PG_DATABASE")) +
           line("user", "burns") + line("password", "burns");
  }

 private:
  const Desk desk_{postgresql()};
};

struct Trouble {
  Trouble(const std::string& of, const std::string& lines, std::vector<tl_status> may_end = {TL_E_CONNECT_TIMEOUT})
      : database{.name = of, .lines = lines}, ends(std::move(may_end)) {}
  Database database;
  std::vector<tl_status> ends;
};

// One dial at a time, whose calls end by their own time, by that of the dial or of the wait for it, or by a cancel.
constexpr const char* one_at_a_time = "max = 1\ncreate_timeout = \"600ms\"\nacquire_timeout = \"800ms\"\n";
constexpr Millis of_call = 400ms, of_pool = 800ms;

std::vector<tl_status> and_cancelled(std::vector<tl_status> ends) {
  ends.push_back(TL_E_CANCELLED);
  return ends;
}

std::unique_ptr<Desk> dial(Host& host, const Trouble& trouble) {
  auto desk = std::make_unique<Desk>(trouble.database, one_at_a_time);
  const std::string& of = trouble.database.name;
  host.ask("tl_query that dials", {of, of_call, trouble.ends},
           [&](uint64_t user) { host.loop().query(desk->raw(), {.user = user, .timeout = of_call}, "SELECT 1"); });
  host.ask("tl_begin that dials", {of, of_pool, trouble.ends},
           [&](uint64_t user) { host.loop().begin(desk->raw(), {.user = user}); });
  const tl_op op = desk->new_op();
  host.ask("tl_query that dials", {of, of_call, and_cancelled(trouble.ends)},
           [&](uint64_t user) { host.loop().query(desk->raw(), {.user = user, .op = op}, "SELECT 1"); });
  host.watch("tl_cancel", [&] { desk->cancel(op); });
  return desk;
}

// What is dialled is left alone at once: by its handles, and by a queue of its own.
void dial_and_leave(Host& host, const Trouble& trouble) {
  std::unique_ptr<Desk> desk = dial(host, trouble);
  std::optional<Loop> left(std::in_place, *desk);
  host.watch("tl_query that dials", [&] { left->query(desk->raw(), {}, "SELECT 1"); });
  host.watch("release of a queue", [&] { left.reset(); });
  host.watch("release of what dials", [&] { desk.reset(); });
}

const std::string& stream_of(const faults::Server& server) {
  const auto named = [&](const Database& database) { return database.name == server.driver; };
  return std::find_if(databases().begin(), databases().end(), named)->stream;
}

int rounds() { return in_soak() ? 11 : 3; }

}  // namespace

TEST_CASE("while names do not resolve, TLS stalls and authentication computes, no call keeps its thread") {
  const BurningRole role;
  const Port silent(Port::Does::keep_silent);
  std::vector<std::unique_ptr<Proxy>> proxies;
  std::vector<Trouble> troubles = {{"authentication computes", BurningRole::lines()}};
  for (const faults::Server& server : faults::servers()) {
    const std::string lines = line("driver", server.driver) + server.lines;
    const auto at = [&](const std::string& host, int port, const std::string& sslmode) {
      return lines + line("host", host) + "port = " + std::to_string(port) + "\n" + line("sslmode", sslmode);
    };
    const auto add = [&](const std::string& what, const std::string& more,
                         std::vector<tl_status> ends = {TL_E_CONNECT_TIMEOUT}) {
      troubles.emplace_back(server.driver + ": " + what, more, std::move(ends));
    };
    add("the resolver is silent", at(std::string(silent_name), server.port, "prefer"));
    // Asked of the machine's own resolver, which may be silent too.
    add("there is no such name", at("nobody.invalid", server.port, "prefer"), {TL_E_UNAVAILABLE, TL_E_CONNECT_TIMEOUT});
    add("the server is silent", at("127.0.0.1", silent.number(), "prefer"));
    for (const uint64_t bytes : {0, 100}) {
      proxies.push_back(std::make_unique<Proxy>(server.port));
      proxies.back()->plan_next({.from_server = {.after = bytes, .of_tls = true, .then = faults::Does::stall}});
      add("TLS stalls behind " + std::to_string(bytes) + " bytes", at("127.0.0.1", proxies.back()->port(), "require"));
    }
  }

  Host host;
  for (int round = 0; round < rounds(); ++round) {
    const SilentResolver resolver;
    const int asked = SilentResolver::asked();
    const int64_t answers = host.answers();
    std::vector<std::unique_ptr<Desk>> desks;
    for (const Trouble& trouble : troubles) {
      dial_and_leave(host, trouble);
      desks.push_back(dial(host, trouble));
    }
    // Somebody who has the patience is let in.
    desks.push_back(std::make_unique<Desk>(Database{.name = "patient", .lines = BurningRole::lines()},
                                           "create_timeout = \"2m\"\nacquire_timeout = \"2m\"\n"));
    host.ask("tl_query that dials", {"patient", 120s, {TL_OK}},
             [&](uint64_t user) { host.loop().query(desks.back()->raw(), {.user = user}, "SELECT 1"); });
    host.drive([&] { return host.all_ended() && host.answers() - answers > 2000; });
    CHECK(SilentResolver::asked() - asked >= 2 * static_cast<int>(faults::servers().size()));
    host.watch("release of what dials", [&] { desks.clear(); });
    host.watch.end_round();
  }
  host.end();
}

TEST_CASE("sessions whose server falls silent in the middle of an answer, or of TLS, keep nobody either") {
  Host host;
  for (int round = 0; round < rounds(); ++round) {
    for (const faults::Server& server : faults::servers()) {
      for (const std::string mode : {"disable", "require"}) {
        Proxy proxy(server.port);
        auto desk = std::make_unique<Desk>(
            Database{.name = server.driver,
                     .lines = line("driver", server.driver) + server.lines + line("host", "127.0.0.1") +
                              "port = " + std::to_string(proxy.port()) + "\n" + line("sslmode", mode)},
            "max = 5\ndestroy_timeout = \"500ms\"\n");
        const Loop opening(*desk);
        std::vector<Conn> held;
        for (int i = 0; i < 5; ++i) {
          opening.begin(desk->raw(), {});
          held.push_back(opening.next_done().conn());
        }
        held.resize(2);
        await([&] { return desk->figure("idle") == 3; });
        opening.query(desk->raw(), {.flags = TL_CALL_STREAM, .batch_rows = 10}, stream_of(server));
        std::unique_ptr<tl_result, Release> unread(opening.next_done().result());
        proxy.plan_all({.from_server = {.after = 1000, .then = faults::Does::stall}});

        const std::string much = "SELECT repeat('x', 1000000)", of = server.driver + " " + mode;
        const tl_op op = desk->new_op();
        const Loop& loop = host.loop();
        host.ask("tl_query", {of, 400ms, {TL_E_STATEMENT_TIMEOUT}},
                 [&](uint64_t user) { loop.query(desk->raw(), {.user = user, .timeout = 300ms}, much); });
        host.ask("tl_query", {of, 400ms, {TL_E_CANCELLED}},
                 [&](uint64_t user) { loop.query(desk->raw(), {.user = user, .op = op}, much); });
        host.ask("tl_query", {of, 400ms, {TL_E_STATEMENT_TIMEOUT}},
                 [&](uint64_t user) { loop.query(held.front().get(), {.user = user, .timeout = 300ms}, much); });
        const int64_t answers = host.answers();
        host.drive([&] { return host.answers() > answers; });
        host.watch("tl_cancel", [&] { desk->cancel(op); });
        host.drive([&] { return host.all_ended(); });
        host.watch("tl_result_release", [&] { unread.reset(); });
        host.watch("tl_conn_release", [&] { held.clear(); });
        host.watch("tl_registry_release", [&] { desk.reset(); });
        host.drive([&] { return host.answers() - answers > 100; });
      }
    }
    host.watch.end_round();
  }
  host.end();
}

}  // namespace queues
