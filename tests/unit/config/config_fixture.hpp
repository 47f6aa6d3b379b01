// What the tests of the configuration share: texts, surroundings without a real environment, folders that vanish.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "added.hpp"

namespace tl::config::tests {

using Names = std::map<std::string, std::string>;

[[nodiscard]] std::string text_of(const std::string& path);

[[nodiscard]] Surroundings surroundings(Names variables = {}, std::optional<std::string> environment = {});

// A text that must load; where it does not, the test fails with its message.
[[nodiscard]] Config loaded(std::string_view toml, Names variables = {}, std::optional<std::string> environment = {});

// A text that must not load; where it does, the test fails.
[[nodiscard]] Error refused(std::string_view toml, Names variables = {}, std::optional<std::string> environment = {});

// A connection that is added to it, or the same where that must succeed.
[[nodiscard]] Result<Built> make(const Config& config, std::string_view name, std::string_view toml);
[[nodiscard]] Built added(const Config& config, std::string_view name, std::string_view toml);

// "" where the error has no such detail, or the configuration no such setting.
[[nodiscard]] std::string detail(const Error& error, std::string_view name);
[[nodiscard]] std::string value(const Config& config, std::string_view path);

// A temporary folder with files in it, removed with everything beneath.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  void write(const std::string& name, std::string_view text) const;  // makes the folders that lead to it

 private:
  std::string path_;
};

}  // namespace tl::config::tests
