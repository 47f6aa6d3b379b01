// One case of the data file, run on one database through trunkline.hpp.
#pragma once
#include <map>
#include <set>

#include "cross_values.hpp"

namespace cross {

using Words = std::map<std::string, std::string>;

// What differs from what is expected, or went wrong.
struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// `value` with what is written for this database in place of what is written for each, and with {words} filled in.
Json filled(const Json& value, const std::string& database, const Words& words);

class Case {
 public:
  // `words`: what {…} stands for in texts; "folder" among them is an empty one.
  Case(const Json& described, std::string database, Words words)
      : described_(described), database_(std::move(database)), words_(std::move(words)) {}

  // Throws Mismatch.
  void run();

 private:
  using Verb = Json (Case::*)(const Json&);
  static const std::map<std::string, Verb> verbs;

  void steps(const Json& all);
  void step(const Json& one);
  Json awaited(const Json& one);
  void keep(const Json& one, const Json& found);

  // What a step says under a key, for this database.
  [[nodiscard]] Json said(const Json& one, const char* key) const;
  [[nodiscard]] std::string text(const Json& one, const char* key) const;
  [[nodiscard]] std::chrono::milliseconds time(const Json& one, const char* key) const;
  [[nodiscard]] trunkline::options options_of(const Json& one);
  [[nodiscard]] trunkline::parameters values_of(const Json& one) const;
  [[nodiscard]] trunkline::parameters many_of(const Json& one, size_t& rows) const;
  [[nodiscard]] const trunkline::connection& handle(const Json& one);
  template <class Handle>
  Json hold(const Json& one, Handle made);
  Json answered(const Json& one, trunkline::result answer);

  Json library(const Json&), parse(const Json&), has(const Json&), names(const Json&), add(const Json&),
      remove(const Json&), patch(const Json&), write(const Json&), reload(const Json&), connect(const Json&),
      connect_all(const Json&), trim(const Json&), close(const Json&), inspect(const Json&), health(const Json&),
      metrics(const Json&), share(const Json&), events(const Json&), resolver(const Json&), credentials(const Json&);
  Json on(const Json&), tag(const Json&), after(const Json&), token(const Json&), query(const Json&),
      stream(const Json&), execute_many(const Json&), load(const Json&), explain(const Json&), cancel(const Json&);
  Json transaction(const Json&), begin(const Json&), commit(const Json&), rollback(const Json&), pin(const Json&),
      apart(const Json&);

  const Json& described_;
  std::string database_;
  Words words_;
  std::optional<trunkline::registry> registry_;
  std::map<std::string, std::shared_ptr<const trunkline::connection>> handles_;
  std::map<std::string, std::shared_ptr<trunkline::transaction>> transactions_;
  std::set<const Json*> done_;  // of the steps that run once
  std::string fallback_;        // the text that options point to
};

}  // namespace cross
