// Values of the data file <-> C++ values: see README.md for the form in which they are written there.
#pragma once
#include <nlohmann/json.hpp>
#include <trunkline/trunkline.hpp>

namespace cross {

using Json = nlohmann::json;

// A list of values, or an object of named ones. Throws std::invalid_argument for what the form does not know.
void add_values(trunkline::parameters& to, const Json& values);

// What a result gives that has not been read: its columns, at most `most` of its rows, and how many there are.
Json columns_of(const trunkline::result& from);
struct Rows {
  Json first = Json::array();
  Json last;
  size_t count = 0;
};
Rows rows_of(trunkline::result& from, size_t most);

Json failure_of(const trunkline::error& failure);

}  // namespace cross
