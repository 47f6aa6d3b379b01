#include "event_batch.hpp"

#include <doctest/doctest.h>

#include <map>

namespace tl::observe {
namespace {

using columnar::Type;

// Column by name, as text; "NULL" where there is no value.
std::map<std::string, std::string> row_of(const Event& event) {
  const auto batch = as_batch(event);
  REQUIRE(batch->rows() == 1);
  std::map<std::string, std::string> row;
  for (size_t i = 0; i < batch->columns().size(); ++i) {
    const columnar::Column& column = batch->columns()[i];
    const columnar::Field& field = batch->schema()[i];
    CHECK(column.length == 1);
    if (column.null_count == 1) {
      row[field.name] = "NULL";
    } else if (field.type == Type::text) {
      row[field.name] = std::string(reinterpret_cast<const char*>(column.data.data()), column.data.size());
    } else {
      int64_t value = 0;
      std::memcpy(&value, column.data.data(), sizeof value);
      row[field.name] = std::to_string(value);
    }
  }
  return row;
}

}  // namespace

TEST_CASE("an event is one row, whose nulls are what it does not have") {
  Event event;
  event.kind = Kind::slow_query;
  event.at = 1'700'000'000'000'001;
  event.connection = "main";
  event.endpoint = "db:5432/app";
  event.session = 7;
  event.backend_id = "4711";
  event.tag = "web";
  event.duration = std::chrono::microseconds(1500);
  event.status = Status::unique_violation;
  event.statement = "SELECT 'é'";
  CHECK(row_of(event) == std::map<std::string, std::string>{{"kind", "slow_query"},
                                                            {"at", "1700000000000001"},
                                                            {"connection", "main"},
                                                            {"endpoint", "db:5432/app"},
                                                            {"session", "7"},
                                                            {"backend", "4711"},
                                                            {"tag", "web"},
                                                            {"duration", "1500"},
                                                            {"status", "unique_violation"},
                                                            {"statement", "SELECT 'é'"},
                                                            {"message", "NULL"}});

  Event bare;
  bare.kind = Kind::state_change;
  bare.connection = "main";
  bare.message = "open";
  auto row = row_of(bare);
  for (const char* name : {"endpoint", "session", "backend", "tag", "duration", "status", "statement"}) {
    CAPTURE(name);
    CHECK(row[name] == "NULL");
  }
  CHECK(row["kind"] == "state_change");
  CHECK(row["message"] == "open");
}

}  // namespace tl::observe
