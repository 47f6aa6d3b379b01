// The file that `env_file` names: NAME=value a line, as it is written for dotenv libraries and shells.
#include <fstream>

#include "build.hpp"

namespace tl::config {
namespace {

constexpr std::string_view blank = " \t\r";

std::string_view trimmed(std::string_view text) noexcept {
  const size_t first = text.find_first_not_of(blank);
  return first == std::string_view::npos ? "" : text.substr(first, text.find_last_not_of(blank) + 1 - first);
}

// What stands behind the equals sign: in quotes, or up to a # with a blank before it.
std::string_view value_of(std::string_view text) noexcept {
  const std::string_view whole = trimmed(text);
  if (!whole.empty() && (whole[0] == '"' || whole[0] == '\'')) {
    for (size_t end = whole.find(whole[0], 1); end != std::string_view::npos; end = whole.find(whole[0], end + 1)) {
      const std::string_view rest = trimmed(whole.substr(end + 1));
      if (rest.empty() || rest[0] == '#') return whole.substr(1, end - 1);
    }
  }
  for (size_t hash = text.find('#'); hash != std::string_view::npos; hash = text.find('#', hash + 1)) {
    if (hash > 0 && blank.find(text[hash - 1]) != std::string_view::npos) return trimmed(text.substr(0, hash));
  }
  return whole;
}

}  // namespace

std::optional<std::map<std::string, std::string>> read_env_file(const std::string& path) {
  std::ifstream file(path);
  if (!file.is_open()) return std::nullopt;
  std::map<std::string, std::string> values;
  for (std::string line; std::getline(file, line);) {
    std::string_view text = trimmed(line);
    if (text.rfind("export ", 0) == 0) text.remove_prefix(7);
    const size_t equals = text.find('=');
    if (text.empty() || text[0] == '#' || equals == std::string_view::npos) continue;
    values[std::string(trimmed(text.substr(0, equals)))] = value_of(text.substr(equals + 1));
  }
  return values;
}

}  // namespace tl::config
