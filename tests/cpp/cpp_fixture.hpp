// Connections "main" and "other" on SQLite files in a folder of their own, gone afterwards; "memory" on none.
#pragma once
#include <doctest/doctest.h>
#include <stdlib.h>

#include <filesystem>
#include <trunkline/trunkline.hpp>

struct CppFixture {
  CppFixture() : folder(make_folder()), db(trunkline::registry::parse(configuration(folder))) {}
  CppFixture(const CppFixture&) = delete;
  CppFixture& operator=(const CppFixture&) = delete;
  ~CppFixture() {
    try {
      db.close();
    } catch (const trunkline::error& e) {
      MESSAGE(e.what());
    }
    // A session that is still being closed removes files of its own.
    std::error_code failure;
    do {
      std::filesystem::remove_all(folder, failure);
    } while (failure == std::errc::no_such_file_or_directory || failure == std::errc::directory_not_empty);
  }

  // Three people, one without a city.
  void make_people() const {
    main.query("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, city TEXT)");
    main.query("INSERT INTO people (name, city) VALUES ('Ada', 'London'), ('Emmy', NULL), ('Grace', 'New York')");
  }
  [[nodiscard]] int64_t count_people() const { return main.query("SELECT count(*) FROM people").value<int64_t>(); }

  static std::filesystem::path make_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "trunkline-cpp-XXXXXX").string();
    REQUIRE(mkdtemp(name.data()) != nullptr);
    return name;
  }
  static std::string configuration(const std::filesystem::path& folder) {
    const auto file = [&](const char* name) {
      return "driver = 'sqlite'\ndatabase = '" + (folder / name).string() + "'\n";
    };
    return "default = 'main'\n[connections.main]\n" + file("main.db") + "[connections.other]\n" + file("other.db") +
           "[connections.memory]\ndriver = 'sqlite'\ndatabase = ':memory:'\n";
  }

  std::filesystem::path folder;
  trunkline::registry db;
  trunkline::connection main = db.on("main");
};

// The error that `act` throws.
template <class Act>
trunkline::error error_of(const Act& act) {
  try {
    act();
  } catch (const trunkline::error& e) {
    return e;
  }
  FAIL("nothing was thrown");
  return trunkline::error(TL_OK, "");
}

inline bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }
