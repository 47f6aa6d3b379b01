#include "node.hpp"

#include <algorithm>
#include <numeric>

namespace tl::config {

const Node* Node::find(std::string_view name) const noexcept {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

Node* Node::find(std::string_view name) noexcept { return const_cast<Node*>(std::as_const(*this).find(name)); }

Node& Node::set(std::string_view name, Node value) {
  if (Node* present = find(name)) return *present = std::move(value);
  return members.emplace_back(Member{std::string(name), std::move(value)}).value;
}

void Node::erase(std::string_view name) noexcept {
  members.erase(std::remove_if(members.begin(), members.end(), [&](const auto& member) { return member.name == name; }),
                members.end());
}

Node Node::table(Origin origin) {
  Node node;
  node.origin = std::move(origin);
  return node;
}

Node Node::string(std::string text, Origin origin) {
  Node node;
  node.kind = Kind::string;
  node.text = std::move(text);
  node.origin = std::move(origin);
  return node;
}

std::string below(const std::string& path, std::string_view name) { return std::string(path).append(".").append(name); }

bool is_control(char c) noexcept { return (c >= 0 && c < ' ') || c == 0x7f; }

std::string_view kind_name(Node::Kind kind) noexcept {
  switch (kind) {
    case Node::Kind::table: return "a table";
    case Node::Kind::array: return "an array";
    case Node::Kind::string: return "a string";
    case Node::Kind::integer: return "an integer";
    case Node::Kind::real: return "a number with a fraction";
    case Node::Kind::boolean: return "a boolean";
    case Node::Kind::other: return "a date or time";
  }
  return "";
}

void sign(Node& node, const std::shared_ptr<const std::string>& file) {
  if (node.origin.file == nullptr) node.origin.file = file;
  for (auto& [name, value] : node.members) sign(value, file);
  for (Node& item : node.items) sign(item, file);
}

Failure Blame::at(const Origin& origin, std::string_view key, std::string_view message,
                  std::string_view suggestion) const {
  const std::string_view where = origin.file == nullptr ? file : *origin.file;
  std::string text(where);
  if (!origin.variable.empty()) {
    text = origin.variable;
  } else if (origin.line != 0) {
    text += ':' + std::to_string(origin.line);
  }
  text += ": ";
  if (!key.empty()) text.append(key).append(": ");
  text += message;
  if (!suggestion.empty()) text.append("; did you mean \"").append(suggestion).append("\"?");
  std::replace_if(text.begin(), text.end(), is_control, '?');  // a message is one line
  Failure failure = fail(Status::configuration, std::move(text), Phase::configure);
  failure->details.emplace_back("file", where);
  if (origin.line != 0) failure->details.emplace_back("line", std::to_string(origin.line));
  if (!origin.variable.empty()) failure->details.emplace_back("variable", origin.variable);
  if (!key.empty()) failure->details.emplace_back("key", key);
  if (!suggestion.empty()) failure->details.emplace_back("suggestion", suggestion);
  return failure;
}

std::string Blame::source(const Origin& origin) const {
  if (!origin.variable.empty()) return origin.variable;
  return std::string(origin.file == nullptr ? file : *origin.file) + ':' + std::to_string(origin.line);
}

namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

// Letters inserted, left out, replaced, or swapped with their neighbour; deaf to case.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before;  // the row for two letters less of `a`
  std::vector<size_t> above;
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  const auto alike = [&](size_t i, size_t j) { return lower(a[i - 1]) == lower(b[j - 1]); };
  for (size_t i = 1; i <= a.size(); ++i) {
    before = std::exchange(above, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (alike(i, j) ? 0 : 1)});
      if (i > 1 && j > 1 && alike(i, j - 1) && alike(i - 1, j)) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row.back();
}

}  // namespace

std::string_view nearest(std::string_view word, const std::vector<std::string_view>& candidates) {
  std::string_view best;
  word = word.substr(0, 100);
  // Of a short word at least one letter must be right.
  size_t least = std::min(std::max<size_t>(2, word.size() / 3) + 1, word.size());
  for (const std::string_view candidate : candidates) {
    const size_t d = distance(word, candidate);
    if (d < least) {
      least = d;
      best = candidate;
    }
  }
  return best;
}

}  // namespace tl::config
