#include "config.hpp"

#include <dlfcn.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "build.hpp"

namespace tl::config {
namespace {

constexpr std::string_view file_name = "trunkline.toml";

std::string found_upward(const std::string& folder) {
  std::error_code ignored;
  for (std::filesystem::path at = folder; !at.empty(); at = at.parent_path()) {
    if (std::filesystem::is_regular_file(at / file_name, ignored)) return (at / file_name).string();
    if (at == at.root_path()) break;
  }
  return "";
}

// Those of the program, which setenv() changes. Where this library was opened with RTLD_DEEPBIND the name alone means
// libc's own, which is not in use and empty if the program has a copy.
char** variables_of_program() {
  void* const program = dlopen(nullptr, RTLD_LAZY);
  const void* const found = program == nullptr ? nullptr : dlsym(program, "environ");
  char** const variables = found == nullptr ? environ : *static_cast<char** const*>(found);
  if (program != nullptr) dlclose(program);
  return variables;
}

}  // namespace

std::string Address::label() const {
  if (driver == DriverKind::sqlite) return database;
  const std::string at = socket.empty() ? host + ':' + std::to_string(port) : socket;
  return database.empty() ? at : at + '/' + database;
}

std::string Address::server() const {
  const bool mysqls = driver == DriverKind::mysql || driver == DriverKind::mariadb;
  if (mysqls && !socket.empty()) return "mysql|" + socket;
  // PostgreSQL's sockets of several ports may share a folder.
  return std::string(mysqls ? "mysql" : driver_name(driver)) + '|' + (socket.empty() ? host : socket) + ':' +
         std::to_string(port);
}

constexpr size_t most_password = 64 << 10;  // bytes

std::optional<Secret> read_password(const std::string& path) {
  struct Closer {
    void operator()(std::FILE* file) const noexcept { (void)std::fclose(file); }
  };
  const std::unique_ptr<std::FILE, Closer> file(std::fopen(path.c_str(), "rbe"));
  struct stat status {};
  // A pipe would be waited for.
  if (file == nullptr || fstat(fileno(file.get()), &status) != 0 || !S_ISREG(status.st_mode)) return std::nullopt;
  std::string content(most_password, '\0');
  content.resize(std::fread(content.data(), 1, content.size(), file.get()));
  if (std::ferror(file.get()) != 0 || content.size() == most_password) return std::nullopt;
  while (!content.empty() && (content.back() == '\n' || content.back() == '\r')) content.pop_back();
  return Secret(std::move(content));
}

const Connection* Config::find(std::string_view name) const noexcept {
  for (const Connection& connection : connections) {
    if (connection.name == name) return &connection;
  }
  return nullptr;
}

const Setting* Config::setting(std::string_view path) const noexcept {
  for (const Setting& row : settings) {
    if (row.path == path) return &row;
  }
  return nullptr;
}

Surroundings process_surroundings() {
  Surroundings result;
  std::error_code failed;
  result.folder = std::filesystem::current_path(failed).string();
  for (char** entry = variables_of_program(); entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos) result.variables.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return result;
}

Result<Config> load_file(std::string_view path, Surroundings surroundings) {
  std::string chosen(path);
  if (chosen.empty()) {
    if (const auto said = surroundings.variables.find("TRUNKLINE_CONFIG"); said != surroundings.variables.end())
      chosen = said->second;
  }
  if (chosen.empty()) {
    chosen = found_upward(surroundings.folder);
    if (chosen.empty()) {
      return fail(
          Status::not_found,
          "there is no trunkline.toml in " + surroundings.folder + " or above it, and TRUNKLINE_CONFIG is not set",
          Phase::configure);
    }
  }
  const std::filesystem::path file = absolute(chosen, surroundings.folder);
  std::error_code failed;
  if (!std::filesystem::is_regular_file(file, failed)) {
    return fail(Status::not_found, chosen + ": there is no such file", Phase::configure);
  }
  std::ifstream in(file, std::ios::binary);
  std::string text(most_text + 1, '\0');  // one more than is taken: a larger file is told as too large, not read whole
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(in.gcount()));
  if (!in.is_open() || in.bad()) return fail(Status::not_found, chosen + ": the file cannot be read", Phase::configure);
  surroundings.folder = file.parent_path().string();
  auto config = load(text, chosen, surroundings);
  if (config) config->file = file.string();
  return config;
}

Result<Config> parse(std::string_view toml, std::string_view source, const Surroundings& surroundings) {
  return load(toml, source, surroundings);
}

}  // namespace tl::config
