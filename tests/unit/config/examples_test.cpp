// Every file of tests/config/examples comes to what its own "#=" lines say; its README tells what they mean.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <set>
#include <sstream>
#include <vector>

#include "config_fixture.hpp"
#include "normalise.hpp"
#include "values.hpp"

namespace tl::config::tests {
namespace {

struct Expected {
  Names variables;
  std::optional<std::string> environment;
  std::map<std::string, std::string> values;  // path -> as TOML would write it
  std::vector<std::string> ignored;           // paths
  std::vector<std::string> without_driver;    // names of connections
};

std::string unquoted(std::string text) {
  return text.size() >= 2 && text.front() == '"' && text.back() == '"' ? text.substr(1, text.size() - 2) : text;
}

// One line without its "#=".
void add_line(Expected& expected, const std::string& line) {
  std::istringstream words(line);
  std::string first, second, third;
  words >> first >> second >> third;
  if (first == "ignored") {
    expected.ignored.push_back(second);
  } else if (first == "opening") {
    REQUIRE_MESSAGE(line.find(" fails unavailable-driver") != std::string::npos, line);
    expected.without_driver.push_back(second);
  } else {
    const size_t equals = line.find(" = ");
    REQUIRE_MESSAGE(equals != std::string::npos, line);
    const std::string said = line.substr(equals + 3);
    if (first == "env") {
      expected.variables[second] = unquoted(said);
    } else if (first == "select") {
      expected.environment = unquoted(said);
    } else {
      expected.values[first] = said;
    }
  }
}

Expected expected_of(const std::string& text) {
  Expected expected;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("#= ", 0) == 0) add_line(expected, line.substr(3));
  }
  return expected;
}

// "60s" and "1m" are the same.
bool same(const std::string& a, const std::string& b) {
  const auto first = parse_duration(unquoted(a));
  const auto second = parse_duration(unquoted(b));
  return a == b || (first && second && *first == *second);
}

void collect_leaves(const Node& node, const std::string& path, std::vector<std::string>& leaves) {
  for (const auto& [name, member] : node.members) collect_leaves(member, path + '.' + name, leaves);
  for (size_t i = 0; i < node.items.size(); ++i) collect_leaves(node.items[i], path + '.' + std::to_string(i), leaves);
  if (!node.is_table() && node.kind != Node::Kind::array) leaves.push_back(path);
}

// The paths, in the library's own names, of all that the file writes for its connections, and of its other settings.
std::vector<std::string> written_in(const Node& root, const Blame& blame) {
  std::vector<std::string> leaves;
  for (const auto& [section, node] : root.members) {
    if (section == "environments") continue;
    if (section != "connections") {
      Node one;
      one.set(section, node);
      collect_leaves(one, "", leaves);
      continue;
    }
    for (const auto& [name, connection] : node.members) {
      auto settings = normalise(connection, blame, "connections." + name);
      REQUIRE(settings);
      collect_leaves(*settings, ".connections." + name, leaves);
    }
  }
  for (std::string& leaf : leaves) leaf.erase(0, 1);
  return leaves;
}

bool is_address(const std::string& path) {
  static constexpr std::array keys = {"driver", "url", "host", "port", "socket", "database", "user", "password"};
  const std::string key = path.substr(path.rfind('.') + 1);
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

bool is_spoken_of(std::string path, const Expected& expected) {
  if (const size_t at = path.find(".ignored."); at != std::string::npos) {
    path.erase(at, std::string_view(".ignored").size());
    return std::find(expected.ignored.begin(), expected.ignored.end(), path) != expected.ignored.end();
  }
  return is_address(path) || expected.values.count(path) != 0;
}

void check_example(const std::string& path) {
  const std::string text = text_of(path);
  const Expected expected = expected_of(text);
  REQUIRE_FALSE(expected.values.empty());
  const auto config = load_file(path, surroundings(expected.variables, expected.environment));
  REQUIRE_MESSAGE(config, (config ? "" : config.error().message));
  for (const auto& [name, said] : expected.values) {
    INFO(name, " = ", said, ", and it is ", value(*config, name));
    CHECK(same(value(*config, name), said));
  }
  for (const std::string& ignored : expected.ignored) {
    INFO(ignored);
    const Setting* row = config->setting(ignored);
    CHECK((row != nullptr && row->note == "no meaning here"));
  }
  for (const std::string& name : expected.without_driver) {
    INFO(name);
    const Connection* connection = config->find(name);
    REQUIRE(connection != nullptr);
    CHECK((connection->driver == DriverKind::oracle || connection->driver == DriverKind::sqlserver ||
           connection->driver == DriverKind::mongodb));
  }
  const Blame blame{path};
  auto root = read_toml(text, path);
  REQUIRE(root);
  for (const std::string& leaf : written_in(*root, blame)) {
    INFO("no line speaks of ", leaf);
    CHECK(is_spoken_of(leaf, expected));
  }
}

}  // namespace

TEST_CASE("configurations brought from other systems come to what they say") {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(TRUNKLINE_CONFIG_SEEDS "/examples")) {
    if (entry.path().extension() == ".toml") files.insert(entry.path().string());
  }
  CHECK(files.size() >= 14);
  for (const std::string& file : files) {
    CAPTURE(file);
    check_example(file);
  }
}

}  // namespace tl::config::tests
