// Which connection serves where another cannot, as a configuration says it.
#include <doctest/doctest.h>

#include "config_fixture.hpp"

namespace tl::config::tests {

namespace {

std::string file(const std::string& name, const std::string& more) {
  return "[connections." + name + "]\ndriver = 'sqlite'\ndatabase = '" + name + ".db'\n" + more;
}

}  // namespace

TEST_CASE("a fallback is another connection of the file, wherever it stands there") {
  const Config config = loaded(file("a", "fallback = 'b'\nfallback_writes = true\n") + file("b", ""));
  CHECK(config.find("a")->fallback == "b");
  CHECK(config.find("a")->fallback_writes);
  CHECK(config.find("b")->fallback.empty());
  CHECK(config.warnings.empty());
  CHECK(loaded(file("a", "fallback = ''\n")).find("a")->fallback.empty());
  // It is one hop, and two that lead to one are no circle.
  CHECK(loaded(file("a", "fallback = 'b'\n") + file("b", "fallback = 'c'\n") + file("c", "")).find("b")->fallback ==
        "c");
}

TEST_CASE("one that is not there, itself, or leads back is an error that says where") {
  const Error missing = refused(file("a", "fallback = 'standbye'\n") + file("standby", ""));
  CHECK(detail(missing, "key") == "connections.a.fallback");
  CHECK(detail(missing, "line") == "4");
  CHECK(detail(missing, "suggestion") == "standby");
  const Error own = refused(file("a", "fallback = 'a'\n"));
  CHECK(own.message.find("its own") != std::string::npos);
  const Error circle =
      refused(file("a", "fallback = 'b'\n") + file("b", "fallback = 'c'\n") + file("c", "fallback = 'b'\n"));
  CHECK(detail(circle, "key") == "connections.b.fallback");
  CHECK(detail(circle, "line") == "8");
  CHECK(circle.message.find("by \"c\"") != std::string::npos);
}

TEST_CASE("what lies beneath and above a connection counts") {
  const Error standard = refused("[defaults]\nfallback = 'b'\n" + file("a", "") + file("b", ""));
  CHECK(detail(standard, "key") == "connections.b.fallback");
  CHECK(detail(standard, "line") == "2");
  CHECK(loaded("[defaults]\nfallback = 'b'\n" + file("a", "") + file("b", "fallback = ''\n")).find("a")->fallback ==
        "b");
  const std::string overlaid =
      file("a", "fallback = 'b'\n") + file("b", "") + "[environments.test.connections.b]\nfallback = 'a'\n";
  CHECK(loaded(overlaid).find("b")->fallback.empty());
  CHECK(refused(overlaid, {}, "test").message.find("leads back") != std::string::npos);
  const Error variable = refused(file("a", ""), {{"TRUNKLINE__CONNECTIONS__A__FALLBACK", "b"}});
  CHECK(detail(variable, "variable") == "TRUNKLINE__CONNECTIONS__A__FALLBACK");
}

}  // namespace tl::config::tests
