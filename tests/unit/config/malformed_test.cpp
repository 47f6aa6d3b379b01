// Every text of tests/config/malformed is refused with the line, key and class it says, and nothing of it is told:
// neither the canary that stands wherever a secret could, nor any line of the source.
#include <doctest/doctest.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <vector>

#include "config_fixture.hpp"

namespace tl::config::tests {
namespace {

constexpr std::string_view canary = "s3cr3t-canary";

struct Malformed {
  std::string heading;  // "=== line=3 key=default …", for the test's own messages
  std::map<std::string, std::string> expected;
  Names variables;
  std::string text;
};

// Its README says what stands between << and >>.
std::string unfolded(const std::string& text) {
  std::string out;
  size_t from = 0;
  for (size_t at = text.find("<<"); at != std::string::npos; at = text.find("<<", from)) {
    out.append(text, from, at - from);
    const size_t close = text.find(">>", at);
    REQUIRE(close != std::string::npos);
    std::istringstream words(text.substr(at + 2, close - at - 2));
    std::string verb, count, what;
    words >> verb >> count >> std::ws;
    std::getline(words, what);
    if (verb == "byte") {
      out += static_cast<char>(std::stoi(count, nullptr, 16));
    } else {
      REQUIRE(verb == "repeat");
      for (int i = std::stoi(count); i > 0; --i) out += what;
    }
    from = close + 2;
  }
  return out.append(text, from);
}

Malformed headed(const std::string& heading) {
  Malformed result;
  result.heading = heading;
  std::istringstream words(heading.substr(4));
  for (std::string word; words >> word;) {
    const size_t equals = word.find('=');
    REQUIRE_MESSAGE(equals != std::string::npos, heading);
    const std::string name = word.substr(0, equals);
    if (name.rfind("env:", 0) == 0) {
      result.variables[name.substr(4)] = word.substr(equals + 1);
    } else {
      result.expected[name] = word.substr(equals + 1);
    }
  }
  return result;
}

std::vector<Malformed> malformed_in(const std::string& path) {
  std::vector<Malformed> all;
  std::istringstream lines(text_of(path));
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("=== ", 0) == 0) {
      all.push_back(headed(line));
    } else if (!all.empty()) {
      all.back().text += line + '\n';
    }
  }
  for (Malformed& one : all) one.text = unfolded(one.text);
  return all;
}

std::string trimmed(const std::string& line) {
  const size_t first = line.find_first_not_of(" \t\r");
  return first == std::string::npos ? "" : line.substr(first, line.find_last_not_of(" \t\r") - first + 1);
}

// Everything of the error that may reach a log.
void check_nothing_is_told(const Error& error, const Malformed& one) {
  std::string told = error.message + '\n' + error.connection + '\n' + error.endpoint;
  for (const auto& [name, text] : error.details) told += '\n' + name + '=' + text;
  CHECK(told.find(canary) == std::string::npos);
  CHECK(error.message.find('\n') == std::string::npos);
  std::istringstream lines(one.text);
  for (std::string line; std::getline(lines, line);) {
    line = trimmed(line);
    INFO("line of the source: ", line);
    CHECK((line.size() < 4 || told.find(line) == std::string::npos));
  }
}

void check_malformed(const Malformed& one) {
  static const std::set<std::string> known = {"line", "key", "class", "suggestion", "variable", "says", "select"};
  for (const auto& [name, text] : one.expected) CHECK_MESSAGE(known.count(name) == 1, name);
  const auto expected = [&](const std::string& name) {
    const auto found = one.expected.find(name);
    return found == one.expected.end() ? std::string() : found->second;
  };
  const std::string select = expected("select");
  const auto environment = select.empty() ? std::nullopt : std::optional<std::string>(select);
  const auto config = parse(one.text, "bad.toml", surroundings(one.variables, environment));
  CHECK_FALSE(config.ok());
  if (config) return;
  const Error& error = config.error();
  CAPTURE(error.message);
  CHECK(status_name(error.status) == expected("class"));
  CHECK(phase_name(error.phase) == "configure");
  CHECK(detail(error, "file") == "bad.toml");
  for (const char* name : {"line", "key", "suggestion", "variable"}) CHECK(detail(error, name) == expected(name));
  CHECK(error.message.find(expected("says")) != std::string::npos);
  check_nothing_is_told(error, one);
}

}  // namespace

TEST_CASE("malformed configurations are told by line, key and class, and never quoted") {
  size_t count = 0;
  std::set<std::string> texts;
  for (const auto& entry : std::filesystem::directory_iterator(TRUNKLINE_CONFIG_SEEDS "/malformed")) {
    if (entry.path().extension() != ".txt") continue;
    CAPTURE(entry.path().filename().string());
    for (const Malformed& one : malformed_in(entry.path().string())) {
      CAPTURE(one.heading);
      CAPTURE(one.text.substr(0, 400));
      check_malformed(one);
      CHECK_MESSAGE(texts.insert(one.heading + one.text).second, "this one is there twice");
      ++count;
    }
  }
  CHECK(count >= 200);
}

TEST_CASE("a file that is cut short anywhere loads or is refused, and is never quoted") {
  const std::string whole = text_of(TRUNKLINE_CONFIG_SEEDS "/trunkline.toml");
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto config = parse(whole.substr(0, size), "cut.toml", surroundings({{"DB_PASSWORD", std::string(canary)}}));
    if (config) continue;
    CAPTURE(size);
    CHECK(config.error().status == Status::configuration);
    CHECK(config.error().message.find(canary) == std::string::npos);
    CHECK(config.error().message.find(" = ") == std::string::npos);
  }
}

}  // namespace tl::config::tests
