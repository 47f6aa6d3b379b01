#include "hygiene.hpp"

#include "line.hpp"

namespace tl::validation {
namespace {

class Borrowed {
 public:
  explicit Borrowed(const std::string& more) : line_(more + "[connections.db.pool]\nmax = 1\n") {}

  void set_up(std::initializer_list<const char*> statements) const {
    for (const char* statement : statements) {
      CAPTURE(statement);
      line_.run(statement);
    }
  }

  void check(const Change& change) const {
    CAPTURE(change.name);
    CHECK_MESSAGE(next_sees(change) == change.baseline, "before anybody changed it");
    {
      const auto pinned = pin();
      run(*pinned, change);
      CHECK_MESSAGE(asked(*pinned, change.probe) != change.baseline, "the change cannot be seen");
    }
    // The probe may itself have marked the session as changed: again without it.
    run(*pin(), change);
    CHECK_MESSAGE(next_sees(change) == change.baseline, "the next borrower sees the change");
    if (change.statements.size() > 1) return;
    (void)line_.rows(change.statements.front());
    CHECK_MESSAGE(next_sees(change) == change.baseline, "it was changed by a pooled handle");
    CHECK_MESSAGE(asked(*line_.handle, change.probe) == change.baseline, "a pooled handle sees the change");
  }

 private:
  // Pinned: where a connection has several endpoints, that is the one for writing.
  [[nodiscard]] std::shared_ptr<Handle> pin() const {
    auto pinned = line_.handle->pin({});
    REQUIRE_MESSAGE(pinned.ok(), (pinned ? "" : pinned.error().message));
    return pinned.take();
  }
  [[nodiscard]] std::string next_sees(const Change& change) const { return asked(*pin(), change.probe); }
  void run(Handle& on, const Change& change) const {
    for (const std::string& statement : change.statements) {
      CAPTURE(statement);
      const Result<Table> done = line_.rows(on, statement);
      const bool last = &statement == &change.statements.back();
      CHECK_MESSAGE((done.ok() || last), (done ? "" : done.error().message));
    }
  }
  [[nodiscard]] std::string asked(Handle& on, const std::string& probe) const {
    const Result<Table> answer = line_.rows(on, probe);
    if (!answer) return "error";
    return answer->empty() ? "no rows" : answer->front().front();
  }

  const Line line_;
};

}  // namespace

void check_changes(std::initializer_list<const char*> setup, const std::vector<Change>& changes,
                   const std::string& more) {
  const Borrowed borrowed(more);
  borrowed.set_up(setup);
  for (const Change& change : changes) borrowed.check(change);
}

void check_kept(const char* change, const char* who) {
  const Line line("[connections.db.pool]\nmax = 1\n");
  const std::string before = line.one(who);
  line.run(change);
  CHECK(line.one(who) == before);
}

void check_plain(std::initializer_list<const char*> setup, std::initializer_list<const char*> statements) {
  Asking ask;
  for (const char* statement : setup) ask.run(statement);
  REQUIRE(ask.reset().ok());
  for (const char* statement : statements) {
    CAPTURE(statement);
    const Result<Table> done = ask.rows(statement);
    CHECK_MESSAGE(done.ok(), (done ? "" : done.error().message));
    CHECK_FALSE(ask->changed());
  }
}

}  // namespace tl::validation
