#include "cross_case.hpp"

#include <thread>

namespace cross {
namespace {

constexpr std::chrono::seconds patience(30);  // for what comes true by itself
constexpr size_t most_shown = 2000;           // of what differs

bool names_databases(const Json& value) {
  if (!value.is_object() || value.empty()) return false;
  for (const auto& [key, ignored] : value.items()) {
    if (key != "sqlite" && key != "postgresql" && key != "mariadb") return false;
  }
  return true;
}

std::string filled_text(std::string text, const Words& words) {
  for (const auto& [word, meaning] : words) {
    const std::string place = "{" + word + "}";
    for (size_t at = 0; (at = text.find(place, at)) != std::string::npos; at += meaning.size()) {
      text.replace(at, place.size(), meaning);
    }
  }
  return text;
}

// {"repeated": ["text", 3]}, {"joined": ["text", …]}
bool is_text_in_parts(const Json& value) {
  return value.is_object() && value.size() == 1 && (value.contains("repeated") || value.contains("joined"));
}

std::string text_of_parts(const Json& value, const std::string& database, const Words& words) {
  std::string text;
  if (value.contains("repeated")) {
    const std::string part = filled(value["repeated"][0], database, words);
    for (int64_t left = value["repeated"][1]; left > 0; --left) text += part;
  } else {
    for (const Json& part : value["joined"]) text += filled(part, database, words).get<std::string>();
  }
  return text;
}

bool told(const Json& pairs, const Json& wanted) {
  for (const auto& [key, value] : wanted.items()) {
    const auto same_key = [&key = key](const Json& pair) { return pair[0] == key; };
    const auto first = std::find_if(pairs.begin(), pairs.end(), same_key);
    if (first == pairs.end() || (*first)[1] != value) return false;
  }
  return true;
}

// Only what is expected counts. "says": a part of the message; "detail": some of the details.
bool matches(const Json& expected, const Json& found) {
  for (const auto& [key, value] : expected.items()) {
    if (key == "says") {
      if (found.at("message").get<std::string>().find(value.get<std::string>()) == std::string::npos) return false;
    } else if (key == "detail") {
      if (!told(found.at("details"), value)) return false;
    } else if (!found.contains(key) || found[key] != value) {
      return false;
    }
  }
  return true;
}

std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > most_shown) text = text.substr(0, most_shown) + " …";
  return text;
}

}  // namespace

Json filled(const Json& value, const std::string& database, const Words& words) {
  if (is_text_in_parts(value)) return text_of_parts(value, database, words);
  if (names_databases(value)) return value.contains(database) ? filled(value[database], database, words) : Json();
  if (value.is_string()) return filled_text(value, words);
  if (!value.is_structured()) return value;
  Json copy = value;
  for (Json& each : copy) each = filled(each, database, words);
  return copy;
}

void Case::run() {
  if (described_.contains("file")) {
    write(described_["file"]);
    registry_ = trunkline::registry::open(words_["folder"] + "/trunkline.toml");
  } else {
    registry_ = trunkline::registry::parse(text(described_, "toml"), "cross.toml");
  }
  try {
    steps(described_.at("steps"));
  } catch (const trunkline::error& failure) {
    throw Mismatch(shown(failure_of(failure)));
  }
  transactions_.clear();
  handles_.clear();
  registry_->close();
}

void Case::steps(const Json& all) {
  for (size_t i = 0; i < all.size(); ++i) {
    try {
      step(all[i]);
    } catch (const Mismatch& failure) {
      throw Mismatch("step " + std::to_string(i + 1) + ", " + all[i].at("do").get<std::string>() + ": " +
                     failure.what());
    }
  }
}

void Case::step(const Json& one) {
  if (one.contains("once") && !done_.insert(&one).second) return;
  const bool fails = !said(one, "fails").is_null();
  Json found;
  try {
    found = awaited(one);
    if (fails) throw Mismatch("expected to fail with " + shown(said(one, "fails")) + "\n    found " + shown(found));
  } catch (const trunkline::error& failure) {
    if (!fails) throw;
    found = failure_of(failure);
  }
  const Json expected = said(one, fails ? "fails" : "expect");
  if (!matches(expected, found)) throw Mismatch("expected " + shown(expected) + "\n    found " + shown(found));
  keep(one, found);
}

// "eventually": asked again until it is so.
Json Case::awaited(const Json& one) {
  const Verb verb = verbs.at(one.at("do"));
  const auto until = std::chrono::steady_clock::now() + patience;
  for (;;) {
    Json found = (this->*verb)(one);
    if (!one.contains("eventually") || matches(said(one, "expect"), found)) return found;
    if (std::chrono::steady_clock::now() > until) return found;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void Case::keep(const Json& one, const Json& found) {
  if (!one.contains("save")) return;
  const Json& value = found.at("value");
  words_[one["save"]] = value.is_string() ? value.get<std::string>() : value.dump();
}

Json Case::said(const Json& one, const char* key) const {
  return one.contains(key) ? filled(one[key], database_, words_) : Json();
}

std::string Case::text(const Json& one, const char* key) const {
  const Json value = said(one, key);
  return value.is_null() ? std::string() : value.get<std::string>();
}

std::chrono::milliseconds Case::time(const Json& one, const char* key) const {
  return std::chrono::milliseconds(one.value(key, int64_t{0}));
}

}  // namespace cross
