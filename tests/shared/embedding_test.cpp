// A C++ program and the Python that it embeds share one registry. PYTHONPATH leads to the package; no variable to the
// library, which is found because this program has it.
#include <Python.h>
#include <doctest/doctest.h>

#include <atomic>
#include <filesystem>
#include <thread>
#include <trunkline/trunkline.hpp>

namespace {

constexpr const char* memory = "driver = 'sqlite'\ndatabase = ':memory:'\n";

// One interpreter for all tests: Python does not like to begin twice. It is held by whoever runs a script.
void run_python(const std::string& script) {
  static PyThreadState* const begun = [] {
    Py_InitializeEx(0);
    return PyEval_SaveThread();
  }();
  REQUIRE(begun != nullptr);
  const PyGILState_STATE state = PyGILState_Ensure();
  const int failed = PyRun_SimpleString(script.c_str());  // tells why on stderr
  PyGILState_Release(state);
  CHECK(failed == 0);
}

struct EmbeddingFixture {
  // The configuration is text, so that Python could not have found it by itself.
  static trunkline::registry host() {
    static const trunkline::registry made = [] {
      auto parsed = trunkline::registry::parse("[connections.main]\n" + std::string(memory) +
                                               "[connections.main.pool]\nmax = 1\n");
      parsed.share();
      return parsed;
    }();
    return made;
  }
  // Of a connection's pools together, as C++ sees it.
  [[nodiscard]] int64_t figure(const char* what) const {
    auto pools = db.inspect("pools", "main");
    int64_t sum = 0;
    while (const auto batch = pools.next()) {
      for (int64_t row = 0; row < batch->rows(); ++row) sum += batch->get<int64_t>(row, pools.index(what));
    }
    return sum;
  }

  trunkline::registry db = host();
};

}  // namespace

TEST_CASE_FIXTURE(EmbeddingFixture, "names that one adds the other has") {
  db.add("of_host", memory);
  run_python(R"py(
import trunkline
db = trunkline.shared()
assert db.has("of_host") and db.names()[0] == "main", db.names()
assert trunkline.shared().add("of_python", {"driver": "sqlite", "database": ":memory:"})
)py");
  CHECK(db.has("of_python"));
  CHECK(trunkline::registry::shared().has("of_python"));
}

TEST_CASE_FIXTURE(EmbeddingFixture, "tables in memory that one makes the other reads") {
  db.on("main").query("CREATE TABLE of_host AS SELECT 42 AS answer");
  run_python(R"py(
import trunkline
db = trunkline.shared().on("main")
assert db.query("SELECT answer FROM of_host").one() == (42,)
db.query("CREATE TABLE of_python AS SELECT 'forty-two' AS answer")
)py");
  CHECK(db.on("main").query("SELECT answer FROM of_python").value<std::string>() == "forty-two");
}

TEST_CASE_FIXTURE(EmbeddingFixture, "asyncio in the embedded Python") {
  db.on("main").query("CREATE TABLE awaited AS SELECT 1 AS n");
  run_python(R"py(
import asyncio
from trunkline import aio

async def main():
    async with aio.shared() as db:
        assert (await db.on("main").query("SELECT n FROM awaited")).one() == (1,)

asyncio.run(main())
)py");
}

TEST_CASE_FIXTURE(EmbeddingFixture, "PEP 249 in the embedded Python") {
  db.on("main").query("CREATE TABLE of_dbapi (a)");
  run_python(R"py(
import trunkline
con = trunkline.connect("main", registry=trunkline.shared())
con.cursor().execute("INSERT INTO of_dbapi VALUES (3)")
con.commit()
con.close()
)py");
  CHECK(db.on("main").query("SELECT a FROM of_dbapi").value<int>() == 3);
}

TEST_CASE_FIXTURE(EmbeddingFixture, "a session that C++ holds makes Python wait") {
  std::atomic<bool> ended{false};
  std::thread python;
  {
    const auto held = db.on("main").pin();
    CHECK(figure("leased") == 1);
    python = std::thread([&] {
      run_python(R"py(
import trunkline
pools = trunkline.shared().inspect("pools", "main").dicts()
assert sum(row["leased"] for row in pools) == 1
assert trunkline.shared().on("main").query("SELECT 7").one() == (7,)
)py");
      ended = true;
    });
    while (figure("waiting") == 0 && !ended) std::this_thread::yield();
    CHECK_FALSE(ended);
  }
  python.join();
  CHECK(ended);
}

TEST_CASE_FIXTURE(EmbeddingFixture, "what Python lets go of stays open") {
  db.on("main").query("CREATE TABLE kept (a)");
  run_python(R"py(
import gc, trunkline
with trunkline.shared() as db:
    db.query("INSERT INTO kept VALUES (1)")
del db
gc.collect()
)py");
  CHECK(db.on("main").query("SELECT count(*) FROM kept").value<int>() == 1);
}

TEST_CASE_FIXTURE(EmbeddingFixture, "a name that C++ removes and adds again") {
  db.add("again", memory);
  run_python("import trunkline\nkept = trunkline.shared()\nkept.on('again').query('CREATE TABLE a (b)')\n");
  CHECK(db.remove("again"));
  db.add("again", memory);
  run_python("kept.on('again').query('CREATE TABLE a (b)')\ndel kept\n");
}

TEST_CASE_FIXTURE(EmbeddingFixture, "the default of a block holds wherever Python asks for the registry") {
  db.add("other", memory);
  db.on("other").query("CREATE TABLE of_other (a)");
  run_python(R"py(
import trunkline
with trunkline.shared().using("other"):
    trunkline.shared().query("SELECT * FROM of_other")
)py");
}

TEST_CASE_FIXTURE(EmbeddingFixture, "another configuration is refused") {
  run_python(R"py(
import trunkline
for ask in (lambda: trunkline.shared("/nowhere/trunkline.toml"), lambda: trunkline.shared(environment="test"),
            lambda: trunkline.parse("").share()):
    try:
        ask()
    except trunkline.ConfigurationError as error:
        assert "this process has a shared registry already" in str(error), error
    else:
        raise AssertionError("it was not refused")
)py");
}
