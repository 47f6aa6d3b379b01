// Two copies of the library in one process: files of their own, or one that is linked into this program (LINKED). Each
// test is run in a process of its own: `copies -tc=…`, with the two files in COPY_A and COPY_B.
#include <dlfcn.h>
#include <doctest/doctest.h>
#include <trunkline/trunkline.h>

#include <atomic>
#include <cstdlib>
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

  [[nodiscard]] tl_registry* parsed() const {
    const std::string_view toml = "[connections.memory]\ndriver = 'sqlite'\ndatabase = ':memory:'\n";
    tl_registry* out = nullptr;
    CHECK(parse(toml.data(), toml.size(), nullptr, nullptr, &out, nullptr) == TL_OK);
    return out;
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

#endif
