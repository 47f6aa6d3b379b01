#include "config_fixture.hpp"

#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace tl::config::tests {

std::string text_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE_MESSAGE(file.is_open(), path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

Surroundings surroundings(Names variables, std::optional<std::string> environment) {
  return {"/srv/app", std::move(variables), std::move(environment)};
}

Config loaded(std::string_view toml, Names variables, std::optional<std::string> environment) {
  auto config = parse(toml, "test.toml", surroundings(std::move(variables), std::move(environment)));
  REQUIRE_MESSAGE(config, (config ? "" : config.error().message));
  return config.take();
}

Error refused(std::string_view toml, Names variables, std::optional<std::string> environment) {
  auto config = parse(toml, "test.toml", surroundings(std::move(variables), std::move(environment)));
  REQUIRE_MESSAGE(!config, "this text must not load: ", std::string(toml));
  return config.error();
}

Result<Built> make(const Config& config, std::string_view name, std::string_view toml) {
  auto own = read_connection(*config.base, name, toml, "add()");
  if (!own) return own.take_error();
  return make_connection(*config.base, name, *own, "add()");
}

Built added(const Config& config, std::string_view name, std::string_view toml) {
  auto made = make(config, name, toml);
  REQUIRE_MESSAGE(made, (made ? "" : made.error().message));
  return made.take();
}

std::string detail(const Error& error, std::string_view name) {
  for (const auto& [key, text] : error.details) {
    if (key == name) return text;
  }
  return "";
}

std::string value(const Config& config, std::string_view path) {
  const Setting* row = config.setting(path);
  return row == nullptr ? "" : row->value;
}

Folder::Folder() : path_((std::filesystem::temp_directory_path() / "trunkline-config-XXXXXX").string()) {
  REQUIRE(mkdtemp(path_.data()) != nullptr);
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void Folder::write(const std::string& name, std::string_view text) const {
  const std::filesystem::path file = std::filesystem::path(path_) / name;
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

}  // namespace tl::config::tests
