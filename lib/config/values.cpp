#include "values.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tl::config {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

std::vector<std::string_view> split(std::string_view choices) {
  std::vector<std::string_view> words;
  while (!choices.empty()) {
    const size_t bar = std::min(choices.find('|'), choices.size());
    words.push_back(choices.substr(0, bar));
    choices.remove_prefix(std::min(choices.size(), bar + 1));
  }
  return words;
}

std::string list_of(const std::vector<std::string_view>& words) {
  std::string text;
  for (const std::string_view word : words) text.append(text.empty() ? "" : ", ").append(word);
  return text;
}

std::optional<int64_t> whole_number(std::string_view text) noexcept {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

bool same_word(std::string_view text, std::string_view lower) noexcept {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return a == b || (a >= 'A' && a <= 'Z' && (a | 0x20) == b); });
}

}  // namespace

std::optional<bool> parse_boolean(std::string_view text) noexcept {
  if (same_word(text, "true") || text == "1") return true;
  if (same_word(text, "false") || text == "0") return false;
  return std::nullopt;
}

Result<void> check_keys(const Node& table, std::string_view table_name, const Blame& blame) {
  for (const auto& [name, value] : table.members) {
    if (find_key(table_name, name) != nullptr) continue;
    std::vector<std::string_view> names;
    for (const Key& key : keys_of(table_name)) names.push_back(key.name);
    return blame.at(value.origin, std::string(table_name) + '.' + name, "unknown key", nearest(name, names));
  }
  return {};
}

const Node* Values::find(const Key& key) {
  if (failed()) return nullptr;
  const Node* node = table_.find(key.name);
  if (node == nullptr) return nullptr;
  if ((key.drivers & bit(driver_)) == 0) {
    told(key, *node, std::string(driver_name(driver_)) + " has no such setting");
    return nullptr;
  }
  return node;
}

void Values::told(const Key& key, const Node& node, std::string_view what, std::string_view suggestion) {
  if (failed()) return;
  error_ = blame_.at(node.origin, path_of(key.name), what, suggestion);
  if (!node.alias.empty() && node.alias != "url") error_->details.emplace_back("written_as", node.alias);
}

void Values::blame(std::string_view name, std::string_view what, std::string_view suggestion) {
  if (failed()) return;
  const Node* node = table_.find(name);
  error_ = blame_.at(node == nullptr ? table_.origin : node->origin, path_of(name), what, suggestion);
}

void Values::record(const Key& key, const Node* node, std::string value) {
  Setting setting;
  setting.path = path_of(key.name);
  const bool secret = key.type == Type::secret && key.name != "url";
  setting.holds_secret =
      secret && node != nullptr && !node->from_outside && !node->text.empty() && !node->text.starts_with("file:");
  setting.value = secret ? "\"***\"" : std::move(value);
  setting.source = node == nullptr ? "default" : blame_.source(node->origin);
  if (node != nullptr && !node->alias.empty()) {
    setting.note = node->alias == "url" ? "from the url" : "written as " + node->alias;
  }
  if (node != nullptr && !key.lacking.empty()) {
    setting.note = "this build has no " + std::string(key.lacking) + "; the key has no effect";
    config_.warnings.push_back(setting.source + ": " + setting.path + ": " + setting.note);
  }
  config_.settings.push_back(std::move(setting));
}

std::optional<std::string> Values::text(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind != Node::Kind::string) {
    told(key, *node, std::string("must be a string, not ").append(kind_name(node->kind)));
    return std::nullopt;
  }
  if (node->text.find('\0') != std::string::npos) {
    told(key, *node, "holds a NUL");
    return std::nullopt;
  }
  record(key, node, quoted(node->text));
  return node->text;
}

std::optional<int64_t> Values::integer_of(const Node& node, const Key& key) {
  std::optional<int64_t> value;
  if (node.kind == Node::Kind::integer) value = node.integer;
  if (node.kind == Node::Kind::string && node.from_variable) value = whole_number(node.text);
  if (!value) {
    told(key, node,
         node.from_variable ? "must be an integer, and what the variable gives is none"
                            : std::string("must be an integer, not ").append(kind_name(node.kind)));
  } else if (*value < key.least || *value > key.most) {
    told(key, node, "must be from " + std::to_string(key.least) + " to " + std::to_string(key.most));
    value.reset();
  }
  return value;
}

std::optional<int64_t> Values::integer(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = integer_of(*node, key);
  if (value) record(key, node, std::to_string(*value));
  return value;
}

std::optional<double> Values::fraction(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  double value = -1;
  if (node->kind == Node::Kind::real) value = node->real;
  if (node->kind == Node::Kind::integer) value = static_cast<double>(node->integer);
  if (node->kind == Node::Kind::string && node->from_variable) {
    const char* end = node->text.data() + node->text.size();
    if (std::from_chars(node->text.data(), end, value).ptr != end) value = -1;
  }
  if (!(value >= 0 && value <= 0.9)) {
    told(key, *node, "must be a part of one, from 0 to 0.9");
    return std::nullopt;
  }
  std::string digits(32, '\0');
  digits.resize(std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr - digits.data());
  record(key, node, digits);
  return value;
}

std::optional<std::optional<int64_t>> Values::integer_or(std::string_view name, std::string_view word) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == Node::Kind::string && node->text == word) {
    record(key, node, quoted(word));
    return std::optional<std::optional<int64_t>>(std::in_place, std::nullopt);
  }
  if (node->kind == Node::Kind::string && !node->from_variable) {
    told(key, *node, "must be an integer or \"" + std::string(word) + '"');
    return std::nullopt;
  }
  const auto value = integer_of(*node, key);
  if (!value) return std::nullopt;
  record(key, node, std::to_string(*value));
  return std::optional<std::optional<int64_t>>(std::in_place, value);
}

std::optional<bool> Values::boolean(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  std::optional<bool> value;
  if (node->kind == Node::Kind::boolean) value = node->boolean;
  if (node->kind == Node::Kind::string && node->from_variable) value = parse_boolean(node->text);
  if (!value) {
    told(key, *node,
         node->from_variable ? "must be true or false, and what the variable gives is neither"
                             : std::string("must be true or false, not ").append(kind_name(node->kind)));
    return std::nullopt;
  }
  record(key, node, *value ? "true" : "false");
  return value;
}

std::optional<Nanos> Values::duration_of(const Node& node, const Key& key, bool may_be_zero) {
  std::optional<Nanos> value;
  const int64_t unit = node.unit == Unit::milliseconds ? 1'000'000 : 1'000'000'000;
  std::optional<double> number;
  if (node.kind == Node::Kind::integer) number = static_cast<double>(node.integer);
  if (node.kind == Node::Kind::real) number = node.real;
  if (node.kind == Node::Kind::string && node.from_variable) {
    if (const auto whole = whole_number(node.text)) number = static_cast<double>(*whole);
  }
  if (node.kind == Node::Kind::string && !number) value = parse_duration(node.text);
  if (number && (node.unit != Unit::none || *number == 0)) {
    const double ns = *number * static_cast<double>(unit);
    if (std::isfinite(ns) && ns >= 0 && ns < 9e18) value = Nanos(static_cast<int64_t>(ns));
  }
  if (number && node.unit == Unit::none && *number != 0) {
    told(key, node, "needs a unit, as in \"30s\" or \"250ms\"");
  } else if (!value) {
    told(key, node, "must be a duration, as in \"250ms\", \"30s\" or \"5m\"");
  } else if (value->count() == 0 && !may_be_zero) {
    told(key, node, "must be longer than nothing");
    value.reset();
  }
  return value;
}

std::optional<Nanos> Values::duration(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto value = duration_of(*node, key, name == "acquire_timeout" || name == "slow_query");
  if (value) record(key, node, quoted(duration_text(*value)));
  return value;
}

std::optional<std::optional<Nanos>> Values::lifetime(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const auto none = [&] {
    record(key, node, "\"none\"");
    return std::optional<std::optional<Nanos>>(std::in_place, std::nullopt);
  };
  if (node->kind == Node::Kind::string && (node->text == "none" || node->text == "off")) return none();
  if (node->kind == Node::Kind::integer && node->integer == -1 && node->unit != Unit::none)
    return none();  // SQLAlchemy
  const auto value = duration_of(*node, key, true);
  if (!value) return std::nullopt;
  if (value->count() == 0) return none();
  record(key, node, quoted(duration_text(*value)));
  return std::optional<std::optional<Nanos>>(std::in_place, value);
}

std::optional<uint64_t> Values::bytes(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  if (node->kind == Node::Kind::string) {
    struct Suffix {
      std::string_view name;
      int shift;
    };
    for (const Suffix suffix : {Suffix{"GiB", 30}, Suffix{"MiB", 20}, Suffix{"KiB", 10}}) {
      const std::string_view text = node->text;
      if (text.size() <= 3 || text.substr(text.size() - 3) != suffix.name) continue;
      const auto count = whole_number(text.substr(0, text.size() - 3));
      if (!count || *count < 1 || *count > INT64_MAX >> suffix.shift) break;
      record(key, node, std::to_string(*count << suffix.shift));
      return static_cast<uint64_t>(*count) << suffix.shift;
    }
    if (!node->from_variable) {
      told(key, *node, "must be a number of bytes, or as in \"256MiB\"");
      return std::nullopt;
    }
  }
  const auto value = integer_of(*node, key);
  if (!value) return std::nullopt;
  record(key, node, std::to_string(*value));
  return static_cast<uint64_t>(*value);
}

std::optional<PrePing> Values::pre_ping(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  PrePing value;
  std::optional<bool> on;
  if (node->kind == Node::Kind::boolean) on = node->boolean;
  if (node->from_variable) on = parse_boolean(node->text);
  if (on) {
    value.mode = *on ? PrePing::Mode::always : PrePing::Mode::never;
    record(key, node, *on ? "true" : "false");
  } else if (node->text == "auto") {
    record(key, node, "\"auto\"");
  } else if (const auto quiet = parse_duration(node->text)) {
    value = {PrePing::Mode::after_quiet, *quiet};
    record(key, node, quoted(duration_text(*quiet)));
  } else {
    told(key, *node, "must be true, false, \"auto\", or a duration");
    return std::nullopt;
  }
  return value;
}

std::optional<size_t> Values::choice(std::string_view name) {
  const Key& key = *find_key(table_name_, name);
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  const std::vector<std::string_view> words = split(key.choices);
  if (node->kind != Node::Kind::string) {
    told(key, *node, "must be one of " + list_of(words));
    return std::nullopt;
  }
  for (size_t i = 0; i < words.size(); ++i) {
    if (words[i] != node->text) continue;
    record(key, node, quoted(node->text));
    return i;
  }
  told(key, *node, "must be one of " + list_of(words), nearest(node->text, words));
  return std::nullopt;
}

// A value of the right type, whether anything uses it or not.
void Values::check(const Key& key) {
  switch (key.type) {
    case Type::text:
    case Type::secret:
    case Type::path: static_cast<void>(text(key.name)); break;
    case Type::choice: static_cast<void>(choice(key.name)); break;
    case Type::integer: static_cast<void>(integer(key.name)); break;
    case Type::fraction: static_cast<void>(fraction(key.name)); break;
    case Type::boolean: static_cast<void>(boolean(key.name)); break;
    case Type::duration: static_cast<void>(duration(key.name)); break;
    case Type::lifetime: static_cast<void>(lifetime(key.name)); break;
    case Type::bytes: static_cast<void>(bytes(key.name)); break;
    case Type::pre_ping: static_cast<void>(pre_ping(key.name)); break;
    case Type::pool_max: static_cast<void>(integer_or(key.name, "auto")); break;
    case Type::cache_size: static_cast<void>(integer_or(key.name, "off")); break;
  }
}

void Values::rest() {
  for (const Key& key : keys_of(table_name_)) {
    const bool there = table_.find(key.name) != nullptr;
    if (there && (!key.lacking.empty() || (key.drivers & bit(driver_)) == 0)) check(key);
    if (!there && key.lacking.empty() && !key.standard.empty() && (key.drivers & bit(driver_)) != 0) {
      const bool word = key.type != Type::integer && key.type != Type::boolean && key.type != Type::pool_max &&
                        key.type != Type::cache_size;
      record(key, nullptr, word ? quoted(key.standard) : std::string(key.standard));
    }
  }
}

}  // namespace tl::config
