#include "normalise.hpp"

namespace tl::config {
namespace {

Result<void> expand_text(Node& node, const Variables& variables, const Blame& blame, const std::string& path) {
  std::string out;
  std::string_view rest = node.text;
  for (size_t dollar = rest.find("${"); dollar != std::string_view::npos; dollar = rest.find("${")) {
    if (dollar > 0 && rest[dollar - 1] == '$') {  // $${ stands for ${
      out.append(rest.substr(0, dollar - 1)).append("${");
      rest.remove_prefix(dollar + 2);
      continue;
    }
    const size_t close = rest.find('}', dollar);
    if (close == std::string_view::npos) return blame.at(node.origin, path, "a ${ is not closed");
    const std::string_view inside = rest.substr(dollar + 2, close - dollar - 2);
    const size_t otherwise = inside.find(":-");
    const std::string name(inside.substr(0, otherwise));
    if (!is_variable_name(name))
      return blame.at(node.origin, path, "what stands in ${…} is not the name of a variable");
    out += rest.substr(0, dollar);
    if (const Node* given = node.parameters == nullptr ? nullptr : node.parameters->find(name)) {
      out += given->text;
      node.from_outside |= given->from_outside;
    } else if (const std::string* value = variables.find(name)) {
      out += *value;
      node.from_outside = true;
    } else if (otherwise != std::string_view::npos) {
      out += inside.substr(otherwise + 2);
    } else {
      const std::string what = node.parameters == nullptr
                                   ? "the variable " + name + " is not set, and there is no default"
                                   : "there is no parameter " + name + ", no variable of that name, and no default";
      return blame.at(node.origin, path, what);
    }
    node.from_variable = true;
    rest.remove_prefix(close + 1);
  }
  node.text = out.append(rest);
  return {};
}

}  // namespace

bool is_variable_name(std::string_view name) noexcept {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") ==
         std::string_view::npos;
}

const std::string* Variables::find(const std::string& name) const {
  if (const auto found = process_->find(name); found != process_->end()) return &found->second;
  const auto found = beneath_.find(name);
  return found == beneath_.end() ? nullptr : &found->second;
}

Result<void> expand(Node& node, const Variables& variables, const Blame& blame, const std::string& path) {
  if (!node.origin.variable.empty()) return {};  // an override is taken as it is
  if (node.kind == Node::Kind::string) return expand_text(node, variables, blame, path);
  for (auto& [name, value] : node.members) {
    if (Result<void> done = expand(value, variables, blame, below(path, name)); !done) return done;
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    if (Result<void> done = expand(node.items[i], variables, blame, below(path, std::to_string(i))); !done) return done;
  }
  return {};
}

}  // namespace tl::config
