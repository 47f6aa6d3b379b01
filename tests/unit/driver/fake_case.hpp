// One scripted server and one session on it, in the hands of a test.
#pragma once
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "fake.hpp"

namespace tl::driver {

using namespace std::chrono_literals;

inline Request statement(std::string text, bool plain = true) {
  auto parsed = std::make_shared<sql::Statement>();
  parsed->text = std::move(text);
  parsed->plain = plain;
  return {std::move(parsed), {}, {}};
}

inline Error refused(std::string message = "refused") {
  Error error;
  error.status = Status::statement;
  error.outcome = Outcome::refused;
  error.message = std::move(message);
  return error;
}

// A script of one result set.
inline Script answering(std::vector<Pause> pauses, std::vector<int64_t> rows = {1}) {
  Script script;
  script.pauses = std::move(pauses);
  FakeSet set;
  set.rows = std::move(rows);
  script.sets.push_back(std::move(set));
  return script;
}

inline std::vector<int64_t> values(const columnar::Batch& batch) {
  const auto* data = reinterpret_cast<const int64_t*>(batch.columns()[0].data.data());
  return {data, data + batch.rows()};
}

// Every combination of what a step can be told.
inline std::vector<Ready> every_ready() {
  std::vector<Ready> out;
  for (unsigned bits = 0; bits < 64; ++bits) out.push_back(static_cast<Ready>(bits));
  return out;
}

struct Desk {
  std::unique_ptr<Run> run(const std::string& text, bool plain = true) { return session.run(statement(text, plain)); }
  Script& script(const std::string& text) { return server->scripts[text]; }

  std::shared_ptr<FakeServer> server = std::make_shared<FakeServer>();
  FakeSession session{server};
};

// What the verb waits for is what the step says, and what it was told of did not happen: nothing changes.
inline void stays_waiting(Session& session, const Operation& operation, On on, const std::vector<Ready>& told) {
  for (const Ready got : told) {
    const Step step = session.pump(got);
    CHECK(step.is == Step::Is::waiting);
    CHECK(step.wait.on == on);
    CHECK(session.waiting().wait.on == on);
    CHECK_FALSE(operation.finished());
  }
}

}  // namespace tl::driver
