// Templates: settings that many connections share, with places for what differs.
#pragma once
#include "base.hpp"

namespace tl::config {

// What stands in ${…} anywhere in the tree, without defaults.
void collect_places(const Node& node, std::set<std::string, std::less<>>& places);

// `own` over what its template says with its parameters filled in, both normalised; `own` as it is where it names none.
// Errors: there is no such template, or it has no place for a parameter.
[[nodiscard]] Result<Node> over_template(const Base& base, std::string_view name, const Node& own, const Blame& blame);

// Before `over` is laid over it: says the driver in `own` itself where its template or the defaults do, so that another
// one shows. Not where `over` names a template, whose driver counts.
void say_driver(Node& own, const Node& over, const Base& base, std::string_view name);

}  // namespace tl::config
