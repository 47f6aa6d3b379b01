// The committed reference page is the one that the tables print.
#include <doctest/doctest.h>

#include <cstdlib>
#include <fstream>

#include "config_fixture.hpp"
#include "keys.hpp"

namespace tl::config::tests {

TEST_CASE("docs/configuration.md is what the tables of keys and aliases say") {
  if (std::getenv("TRUNKLINE_WRITE_REFERENCE") != nullptr) {
    std::ofstream(TRUNKLINE_REFERENCE_PAGE, std::ios::binary) << reference_page();
  }
  const bool same = text_of(TRUNKLINE_REFERENCE_PAGE) == reference_page();
  CHECK_MESSAGE(same, "run this test once with TRUNKLINE_WRITE_REFERENCE=1, and commit the page");
}

TEST_CASE("the reference page speaks of every key, alias and driver") {
  const std::string page = reference_page();
  const auto names = [&](std::string_view name) {
    return page.find('`' + std::string(name) + '`') != std::string::npos;
  };
  for (const char* table : {"top", "", "pool", "replicas", "retry", "migrations", "budget", "limits"}) {
    for (const Key& key : keys_of(table)) {
      CAPTURE(key.name);
      CHECK(names(key.name));
      CHECK_FALSE(key.about.empty());
    }
  }
  for (const Alias& alias : aliases()) CHECK_MESSAGE(names(alias.name), alias.name);
  for (const std::string_view driver : driver_names()) CHECK_MESSAGE(names(driver), driver);
}

TEST_CASE("the reference page's own example loads") {
  const std::string page = reference_page();
  const size_t begin = page.find("```toml\n") + 8;
  const std::string example = page.substr(begin, page.find("```", begin) - begin);
  CHECK(loaded(example, {{"DB_PASSWORD", "x"}}).default_name == "primary");
  CHECK(loaded(example, {}, "testing").find("primary")->driver == DriverKind::sqlite);
}

}  // namespace tl::config::tests
