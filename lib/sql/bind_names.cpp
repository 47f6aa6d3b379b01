#include <algorithm>

#include "statement.hpp"

namespace tl::sql {
namespace {

struct NamedValue {
  std::string_view name;
  columnar::Value value;
  bool used = false;
};

Failure misuse(std::string message) { return fail(Status::misuse, std::move(message)); }

Result<std::vector<NamedValue>> pair_up(const columnar::Params& params) {
  std::vector<NamedValue> pairs;
  pairs.reserve(params.count / 2);
  for (size_t i = 0; i < params.count; i += 2) {
    const columnar::Value& name = params.values[i];
    if (name.kind() != columnar::Type::name) {
      return misuse("value " + std::to_string(pairs.size() + 1) + " has no name, where others have one");
    }
    if (name.offset > params.arena.size() || name.length > params.arena.size() - name.offset) {
      return misuse("the name of value " + std::to_string(pairs.size() + 1) + " is not in the arena");
    }
    const std::string_view text = params.text(name);
    if (i + 1 == params.count || params.values[i + 1].kind() == columnar::Type::name) {
      return misuse("the name :" + std::string(text) + " has no value behind it");
    }
    pairs.push_back({text, params.values[i + 1]});
  }
  std::ranges::sort(pairs, {}, &NamedValue::name);
  const auto twice = std::ranges::adjacent_find(pairs, {}, &NamedValue::name);
  if (twice != pairs.end()) return misuse(":" + std::string(twice->name) + " is given twice");
  return pairs;
}

}  // namespace

Result<std::vector<columnar::Value>> bind_names(const Statement& statement, const columnar::Params& params) {
  auto paired = pair_up(params);
  if (!paired) return paired.take_error();
  std::vector<NamedValue>& pairs = *paired;
  std::vector<columnar::Value> values;
  values.reserve(statement.names.size());
  for (const std::string& name : statement.names) {
    const auto found = std::ranges::lower_bound(pairs, std::string_view(name), {}, &NamedValue::name);
    if (found == pairs.end() || found->name != name) return misuse("no value for :" + name);
    found->used = true;
    values.push_back(found->value);
  }
  const auto unused = std::ranges::find(pairs, false, &NamedValue::used);
  if (unused != pairs.end()) return misuse("the statement has no :" + std::string(unused->name));
  return values;
}

}  // namespace tl::sql
