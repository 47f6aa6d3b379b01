// Two copies of the library in one process: files of their own, or one that is linked into this program (LINKED). Each
// test is run in a process of its own: `copies -tc=…`, with the two files in COPY_A and COPY_B.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <trunkline/trunkline.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

namespace {

// A library's functions, as its own file has them.
struct Copy {
  explicit Copy(void* library) {
    REQUIRE_MESSAGE(library != nullptr, dlerror());
    find(library, "tl_registry_parse", parse);
    find(library, "tl_registry_share", share);
    find(library, "tl_registry_shared", shared);
    find(library, "tl_registry_release", release);
    find(library, "tl_registry_has", has);
    find(library, "tl_conn_get", conn_get);
    find(library, "tl_conn_release", conn_release);
    find(library, "tl_query", query);
    find(library, "tl_begin", begin);
    find(library, "tl_commit", commit);
    find(library, "tl_result_release", result_release);
    find(library, "tl_queue_new", queue_new);
    find(library, "tl_queue_wait", queue_wait);
    find(library, "tl_queue_release", queue_release);
    find(library, "tl_completion_release", completion_release);
    find(library, "tl_error_message", error_message);
    find(library, "tl_error_release", error_release);
  }
#ifdef LINKED
  Copy()
      : parse(tl_registry_parse),
        share(tl_registry_share),
        shared(tl_registry_shared),
        release(tl_registry_release),
        has(tl_registry_has),
        conn_get(tl_conn_get),
        conn_release(tl_conn_release),
        query(tl_query),
        begin(tl_begin),
        commit(tl_commit),
        result_release(tl_result_release),
        queue_new(tl_queue_new),
        queue_wait(tl_queue_wait),
        queue_release(tl_queue_release),
        completion_release(tl_completion_release),
        error_message(tl_error_message),
        error_release(tl_error_release) {}
#endif

  template <class Function>
  static void find(void* library, const char* name, Function& function) {
    void* const found = dlsym(library, name);
    REQUIRE_MESSAGE(found != nullptr, name);
    function = reinterpret_cast<Function>(found);
  }

  [[nodiscard]] tl_registry* parsed(const std::string& database = ":memory:") const {
    const std::string toml = "[connections.memory]\ndriver = 'sqlite'\ndatabase = '" + database + "'\n";
    tl_registry* out = nullptr;
    CHECK(parse(toml.data(), toml.size(), nullptr, nullptr, &out, nullptr) == TL_OK);
    return out;
  }
  // "": it has run.
  [[nodiscard]] std::string failure_of(tl_conn* conn, std::string_view sql) const {
    tl_call call{};
    call.struct_size = sizeof call;
    call.timeout_ms = 4000;
    tl_result* result = nullptr;
    tl_error* err = nullptr;
    (void)query(conn, sql.data(), sql.size(), nullptr, 0, nullptr, 0, &call, &result, &err);
    std::string told = err == nullptr ? "" : error_message(err);
    error_release(err);
    result_release(result);
    return told;
  }
  // A statement on a queue, whose completion is released unread.
  void use(tl_registry* registry) const {
    const std::string_view sql = "SELECT 1";
    tl_conn* conn = nullptr;
    tl_queue* queue = nullptr;
    CHECK(conn_get(registry, nullptr, 0, TL_DUAL, &conn, nullptr) == TL_OK);
    CHECK(queue_new(registry, 0, &queue, nullptr) == TL_OK);
    tl_call call{};
    call.struct_size = sizeof call;
    call.queue = queue;
    CHECK(query(conn, sql.data(), sql.size(), nullptr, 0, nullptr, 0, &call, nullptr, nullptr) == TL_OK);
    tl_completion done{};
    size_t count = 0;
    CHECK(queue_wait(queue, &done, 1, -1, &count) == TL_OK);
    CHECK(count == 1);
    CHECK(done.status == TL_OK);
    completion_release(&done);
    queue_release(queue);
    conn_release(conn);
  }
  // Why it does not have the shared registry: "" where it has.
  [[nodiscard]] std::string refusal(tl_registry* to_share) const {
    tl_error* err = nullptr;
    const tl_status status = share(to_share, &err);
    const std::string message = err == nullptr ? "" : error_message(err);
    CHECK((status == TL_OK || status == TL_E_CONFIGURATION));
    CHECK((status == TL_OK) == message.empty());
    error_release(err);
    return message;
  }
  [[nodiscard]] std::string refusal_to_open() const {
    tl_registry* out = nullptr;
    tl_error* err = nullptr;
    CHECK(shared(nullptr, nullptr, &out, &err) == TL_E_CONFIGURATION);
    const std::string message = err == nullptr ? "" : error_message(err);
    error_release(err);
    return message;
  }

  decltype(&tl_registry_parse) parse = nullptr;
  decltype(&tl_registry_share) share = nullptr;
  decltype(&tl_registry_shared) shared = nullptr;
  decltype(&tl_registry_release) release = nullptr;
  decltype(&tl_registry_has) has = nullptr;
  decltype(&tl_conn_get) conn_get = nullptr;
  decltype(&tl_conn_release) conn_release = nullptr;
  decltype(&tl_query) query = nullptr;
  decltype(&tl_begin) begin = nullptr;
  decltype(&tl_commit) commit = nullptr;
  decltype(&tl_result_release) result_release = nullptr;
  decltype(&tl_queue_new) queue_new = nullptr;
  decltype(&tl_queue_wait) queue_wait = nullptr;
  decltype(&tl_queue_release) queue_release = nullptr;
  decltype(&tl_completion_release) completion_release = nullptr;
  decltype(&tl_error_message) error_message = nullptr;
  decltype(&tl_error_release) error_release = nullptr;
};

std::string file(const char* variable) {
  const char* const value = std::getenv(variable);
  REQUIRE(value != nullptr);
  return value;
}

Copy opened(const char* variable, int mode = RTLD_LOCAL) {
  return Copy(dlopen(file(variable).c_str(), RTLD_NOW | mode));
}

// The first has the shared registry; the second is told so, and does everything else.
void the_second_is_refused(const Copy& first, const std::string& name_of_first, const Copy& second) {
  tl_registry* const a = first.parsed();
  tl_registry* const b = second.parsed();
  first.use(a);
  second.use(b);
  CHECK(first.refusal(a).empty());
  for (const std::string& told : {second.refusal(b), second.refusal_to_open()}) {
    INFO(told);
    CHECK(told.find("another copy of the library, " + name_of_first) != std::string::npos);
    CHECK(told.find("this copy is " + file("COPY_B")) != std::string::npos);
  }
  tl_registry* again = nullptr;
  CHECK(first.shared(nullptr, nullptr, &again, nullptr) == TL_OK);
  CHECK(first.has(again, "memory", 6) == 1);
  first.use(again);
  second.use(b);
  first.release(again);
  first.release(a);
  second.release(b);
}

}  // namespace

#ifdef LINKED

TEST_CASE("one in the program and one in a file") {
  the_second_is_refused(Copy(), file("COPY_PROGRAM"), opened("COPY_B"));
}

#else

TEST_CASE("two files") { the_second_is_refused(opened("COPY_A"), file("COPY_A"), opened("COPY_B")); }

TEST_CASE("two files whose symbols are everybody's") {
  the_second_is_refused(opened("COPY_A", RTLD_GLOBAL), file("COPY_A"), opened("COPY_B", RTLD_GLOBAL));
}

TEST_CASE("two files in namespaces of their own") {
  the_second_is_refused(opened("COPY_A"), file("COPY_A"),
                        Copy(dlmopen(LM_ID_NEWLM, file("COPY_B").c_str(), RTLD_NOW | RTLD_LOCAL)));
}

TEST_CASE("of two files at the same moment at most one has it") {
  const Copy copies[2] = {opened("COPY_A"), opened("COPY_B")};
  constexpr int threads = 8;
  tl_registry* registries[threads];
  for (int i = 0; i < threads; ++i) registries[i] = copies[i % 2].parsed();
  std::atomic<int> ready{0};
  std::atomic<int> served[2] = {0, 0};
  std::vector<std::thread> all;
  for (int i = 0; i < threads; ++i) {
    all.emplace_back([&, i] {
      ++ready;
      while (ready < threads) std::this_thread::yield();
      tl_registry* mine = nullptr;
      tl_error* err = nullptr;
      (void)copies[i % 2].share(registries[i], nullptr);
      if (copies[i % 2].shared(nullptr, nullptr, &mine, &err) == TL_OK) ++served[i % 2];
      copies[i % 2].error_release(err);
      copies[i % 2].release(mine);
    });
  }
  for (std::thread& each : all) each.join();
  CHECK((served[0] == 0 || served[1] == 0));
  // Now that none is in the middle of it one of them is served.
  const bool first = copies[0].refusal(registries[0]).find("another copy") == std::string::npos;
  const bool second = copies[1].refusal(registries[1]).find("another copy") == std::string::npos;
  CHECK(first != second);
  for (int i = 0; i < threads; ++i) copies[i % 2].release(registries[i]);
}

// Both use the process's one SQLite.
TEST_CASE("two files whose process forks") {
  using Clock = std::chrono::steady_clock;
  char folder[] = "/tmp/trunkline-copies-XXXXXX";
  REQUIRE(mkdtemp(folder) != nullptr);
  const Copy copies[2] = {opened("COPY_A"), opened("COPY_B")};
  tl_conn* conns[2] = {};
  for (int i = 0; i < 2; ++i) {
    tl_registry* const registry = copies[i].parsed(std::string(folder) + "/file.db");
    REQUIRE(copies[i].conn_get(registry, nullptr, 0, TL_DUAL, &conns[i], nullptr) == TL_OK);
    copies[i].release(registry);
    REQUIRE(copies[i].failure_of(conns[i], "CREATE TABLE IF NOT EXISTS t (a)") == "");
  }
  Clock::duration fastest = std::chrono::hours(1);
  for (int i = 0; i < 4; ++i) {
    // What a child takes for its own, if it believes its parent's locks, is locked in the parent.
    tl_conn* transaction = nullptr;
    REQUIRE(copies[0].begin(conns[0], 0, nullptr, &transaction, nullptr) == TL_OK);
    REQUIRE(copies[0].failure_of(transaction, "INSERT INTO t VALUES (1)") == "");
    int go[2];
    REQUIRE(pipe(go) == 0);
    const Clock::time_point began = Clock::now();
    const pid_t child = fork();
    if (child == 0) {
      char byte = 0;
      (void)!read(go[0], &byte, 1);
      bool failed = false;
      for (const int each : {0, 1}) {
        const std::string told = copies[each].failure_of(conns[each], "INSERT INTO t VALUES (2)");
        if (!told.empty()) std::fprintf(stderr, "in a child, copy %d: %s\n", each, told.c_str());
        failed |= !told.empty();
      }
      _exit(failed ? 1 : 0);
    }
    fastest = std::min(fastest, Clock::now() - began);
    CHECK(copies[0].commit(transaction, nullptr, nullptr) == TL_OK);
    copies[0].conn_release(transaction);
    CHECK(write(go[1], "x", 1) == 1);
    int ended = -1;
    CHECK(waitpid(child, &ended, 0) == child);
    CHECK(ended == 0);
    for (const int end : go) close(end);
  }
  CHECK(fastest < std::chrono::milliseconds(150));  // they do not wait for each other
  for (int i = 0; i < 2; ++i) copies[i].conn_release(conns[i]);
  std::filesystem::remove_all(folder);
}

#endif
