#include "templates.hpp"

namespace tl::config {
namespace {

constexpr std::string_view own_name = "name";  // the parameter that every template has

std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  constexpr std::string_view plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string out;
  for (const char c : text) {
    if (plain.find(c) != std::string_view::npos) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
  return out;
}

using Parameters = std::shared_ptr<const Node>;

struct Given {
  Parameters plain;
  Parameters for_urls;  // where what a parameter says cannot end the part that it stands in

  // A url that is one parameter takes it as it is.
  void give(Node& node, bool is_url = false) const {
    const bool whole = node.text.starts_with("${") && node.text.find('}') == node.text.size() - 1;
    node.parameters = is_url && !whole ? for_urls : plain;
    for (auto& [name, value] : node.members) give(value, name == "url");
    for (Node& item : node.items) give(item);
  }
};

Result<Given> given(const Base& base, std::string_view name, const Node& own, const Blame& blame,
                    const std::string& path) {
  Node plain = Node::table(own.origin);
  if (const Node* said = own.find("parameters")) plain = *said;
  if (Result<void> done = expand(plain, base.variables, blame, path); !done) return done.take_error();
  plain.set(own_name, Node::string(std::string(name), own.origin));
  Node for_urls = plain;
  for (auto& [parameter, value] : for_urls.members) value.text = percent_encoded(value.text);
  return Given{std::make_shared<const Node>(std::move(plain)), std::make_shared<const Node>(std::move(for_urls))};
}

Result<const Template*> template_of(const Base& base, const Node& own, const Blame& blame, const std::string& path) {
  Node said = *own.find("template");
  if (said.kind != Node::Kind::string) {
    return blame.at(said.origin, path, std::string("must be a string, not ").append(kind_name(said.kind)));
  }
  if (Result<void> done = expand(said, base.variables, blame, path); !done) return done.take_error();
  if (const auto found = base.templates.find(said.text); found != base.templates.end()) return &found->second;
  std::vector<std::string_view> names;
  for (const auto& [known, pattern] : base.templates) names.push_back(known);
  return blame.at(said.origin, path, "there is no template \"" + said.text + '"', nearest(said.text, names));
}

Result<void> check_parameters(const Node& own, const Template& pattern, const Blame& blame, const std::string& path) {
  const Node* const parameters = own.find("parameters");
  if (parameters == nullptr) return {};
  for (const auto& [name, value] : parameters->members) {
    if (pattern.places.contains(name)) continue;
    return blame.at(value.origin, below(path, name), "the template has no ${" + name + '}',
                    nearest(name, {pattern.places.begin(), pattern.places.end()}));
  }
  return {};
}

// What the template of `own`, which names one, says of it.
Result<Node> filled_in(const Base& base, std::string_view name, const Node& own, const Blame& blame) {
  const std::string path = "connections." + std::string(name);
  auto pattern = template_of(base, own, blame, path + ".template");
  if (!pattern) return pattern.take_error();
  if (Result<void> fine = check_parameters(own, **pattern, blame, path + ".parameters"); !fine)
    return fine.take_error();
  auto given = config::given(base, name, own, blame, path + ".parameters");
  if (!given) return given.take_error();
  Node filled = (*pattern)->settings;
  given->give(filled);
  return filled;
}

}  // namespace

void collect_places(const Node& node, std::set<std::string, std::less<>>& places) {
  const std::string_view text = node.text;
  for (size_t at = text.find("${"); at != std::string_view::npos; at = text.find("${", at + 2)) {
    const std::string_view inside = text.substr(at + 2, text.find('}', at) - at - 2);
    if (at == 0 || text[at - 1] != '$') places.emplace(inside.substr(0, inside.find(":-")));
  }
  for (const auto& [name, value] : node.members) collect_places(value, places);
  for (const Node& item : node.items) collect_places(item, places);
}

Result<Node> over_template(const Base& base, std::string_view name, const Node& own, const Blame& blame) {
  if (own.find("template") == nullptr) {
    const Node* const parameters = own.find("parameters");
    if (parameters == nullptr) return own;
    return blame.at(parameters->origin, "connections." + std::string(name) + ".parameters",
                    "belongs to a template, and the connection names none");
  }
  auto settings = filled_in(base, name, own, blame);
  if (!settings) return settings;
  lay_over(*settings, own, base.variables);
  settings->origin = own.origin;
  settings->erase("parameters");
  return settings;
}

void say_driver(Node& own, const Node& over, const Base& base, std::string_view name) {
  if (over.find("template") != nullptr) return;
  if (own.find("template") == nullptr) return say_driver(own, base.defaults);
  // What is wrong with a template is told when the connection is built, if it still has it then.
  auto filled = filled_in(base, name, own, Blame{});
  const bool says = filled && (filled->find("driver") != nullptr || filled->find("url") != nullptr);
  say_driver(own, says ? *filled : base.defaults);
}

}  // namespace tl::config
