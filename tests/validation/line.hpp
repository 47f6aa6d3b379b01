// What the suite asks with through a connection and its pools.
#pragma once
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "asking.hpp"
#include "registry.hpp"

namespace tl::validation {

using connection::CallOptions;
using connection::Handle;
using connection::QueryResult;
using namespace std::chrono_literals;

inline CallOptions within(Nanos budget) {
  CallOptions options;
  options.deadline = Deadline::after(steady_clock().now(), budget);
  return options;
}

struct Line {
  explicit Line(const std::string& more = "") : registry(configuration(more)), handle(open(routing::Mode::dual)) {}
  ~Line() { (void)registry.close(nullptr, std::nullopt); }

  [[nodiscard]] std::shared_ptr<Handle> open(routing::Mode mode) {
    return std::make_shared<Handle>(*registry.find("db"), registry, mode);
  }
  [[nodiscard]] Result<Table> rows(Handle& on, std::string_view sql, const Values& values = {},
                                   const CallOptions& options = {}, bool named = false) const {
    QueryResult result;
    if (auto done = on.query(result, sql, values.params(), named, options); !done) return done.take_error();
    Table table;
    for (;;) {
      auto batch = result.next(options);
      if (!batch) return batch.take_error();
      if (*batch == nullptr) return table;
      append_rows(table, **batch);
    }
  }
  [[nodiscard]] Result<Table> rows(std::string_view sql, const Values& values = {},
                                   const CallOptions& options = {}) const {
    return rows(*handle, sql, values, options);
  }
  [[nodiscard]] std::string one(std::string_view sql) const {
    Result<Table> table = rows(sql);
    return table ? table->front().front() : table.error().message;
  }
  void run(std::string_view sql) const {
    const Result<Table> done = rows(sql);
    REQUIRE_MESSAGE(done.ok(), (done ? "" : done.error().message));
  }
  // Sessions leased at the moment, of all endpoints.
  [[nodiscard]] uint32_t leased() const {
    const auto endpoints = (*registry.find("db"))->peek();
    uint32_t sum = 0;
    for (uint32_t i = 0; endpoints && i < endpoints->size(); ++i) sum += (*endpoints)[i].pool().figures().leased;
    return sum;
  }
  void await_home() const {
    const Instant began = steady_clock().now();
    while (leased() != 0) {
      REQUIRE(steady_clock().now() - began < 10s);
      std::this_thread::sleep_for(1ms);
    }
  }

  mutable registry::Registry registry;
  std::shared_ptr<Handle> handle;
};

[[nodiscard]] inline std::string rows_of(int64_t n) { return with(target().rows, "{n}", std::to_string(n)); }

}  // namespace tl::validation
