// Configuration between text and meaning: a tree of values that remember where they came from.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "result.hpp"

namespace tl::config {

struct Origin {
  uint32_t line = 0;                             // of the file, 0: not from it
  std::string variable;                          // the environment variable, "" : none
  std::shared_ptr<const std::string> file = {};  // or what the text is called; null: that which is being read
};

enum class Unit : uint8_t { none, seconds, milliseconds };  // of a number that stands for a duration

struct Member;  // of a table

struct Node {
  enum class Kind : uint8_t { table, array, string, integer, real, boolean, other } kind = Kind::table;
  std::string text;
  int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::vector<Member> members;  // of a table, in source order
  std::vector<Node> items;
  Origin origin;
  Unit unit = Unit::none;
  bool from_variable = false;                   // its text came from one: may be converted to what the key wants
  bool from_outside = false;                    // some of its text does not stand in the source
  std::string alias;                            // the key it was written under, where that is not the library's own
  std::shared_ptr<const Node> parameters = {};  // a table: what goes before the variables in its text; null: nothing

  [[nodiscard]] bool is_table() const noexcept { return kind == Kind::table; }
  [[nodiscard]] const Node* find(std::string_view name) const noexcept;
  [[nodiscard]] Node* find(std::string_view name) noexcept;
  Node& set(std::string_view name, Node value);  // replaces or appends
  void erase(std::string_view name) noexcept;

  [[nodiscard]] static Node table(Origin origin);
  [[nodiscard]] static Node string(std::string text, Origin origin);
};

struct Member {
  std::string name;
  Node value;
};

// What has no file yet, in all of the tree, is of this one from now on.
void sign(Node& node, const std::shared_ptr<const std::string>& file);

[[nodiscard]] std::string_view kind_name(Node::Kind kind) noexcept;  // "a string", …

// The one way to say what is wrong with a configuration: "file:line: key: message; did you mean …?".
struct Blame {
  std::string_view file;
  [[nodiscard]] Failure at(const Origin& origin, std::string_view key, std::string_view message,
                           std::string_view suggestion = {}) const;
  // Where a value came from, as `settings` tells it: "file:line", or the variable.
  [[nodiscard]] std::string source(const Origin& origin) const;
};

[[nodiscard]] std::string below(const std::string& path, std::string_view name);  // "path.name"

// Names go into labels and logs, which have one line.
[[nodiscard]] bool is_control(char c) noexcept;

// The candidate nearest to `word`, "" : none is near.
[[nodiscard]] std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates);

constexpr size_t most_text = size_t{1} << 20;  // bytes of a configuration

// The text as a tree. Size, nesting and encoding are checked before the parser sees it. Errors never quote the text.
[[nodiscard]] Result<Node> read_toml(std::string_view text, std::string_view file);

}  // namespace tl::config
