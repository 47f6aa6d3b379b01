// What a configuration says of connections that it does not hold itself, for those that are added to it later.
#pragma once
#include <set>

#include "added.hpp"
#include "build.hpp"

namespace tl::config {

struct Template {
  Node settings;                              // normalised, with the chosen environment's over them
  std::set<std::string, std::less<>> places;  // what stands in ${…}, in any environment: the others' count as well
};

struct Base {
  Base(std::string_view of, Surroundings around) : source(of), surroundings(std::move(around)) {}
  Base(const Base&) = delete;
  Base& operator=(const Base&) = delete;

  const std::string source;
  const Surroundings surroundings;
  Variables variables{surroundings.variables, {}};
  Node defaults;  // with the chosen environment's over them
  std::map<std::string, Template, std::less<>> templates;
  std::map<std::string, Node, std::less<>> environment;  // what the chosen environment says of each connection
  std::map<std::string, Node, std::less<>> overrides;    // and what TRUNKLINE__ variables do
  std::map<std::string, Node, std::less<>> own;          // each connection's settings, with both of them over it
  std::optional<Node> budget;                            // expanded
  // Of the file itself: the budget's pools are sized beside them.
  std::vector<Connection> connections;
  std::vector<Auto> autos;

  // Its nodes say from now on whose they are, so that they can be told from those of another text.
  void sign();
};

// Builds a connection from its own settings, which are normalised, and what lies beneath them.
[[nodiscard]] Result<void> build_over(const Base& base, const std::string& name, const Node& own, const Blame& blame,
                                      Config& config, std::vector<Auto>& autos);

// By path, each once.
void put_in_order(std::vector<Setting>& settings);

}  // namespace tl::config
