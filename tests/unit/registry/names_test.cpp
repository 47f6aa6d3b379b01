#include "names.hpp"

#include <doctest/doctest.h>

#include <map>
#include <random>

namespace tl::registry {
namespace {

std::shared_ptr<Entry> entry(const std::string& name, uint64_t number) {
  config::Connection settings;
  settings.name = name;
  Version version{std::make_shared<const config::Connection>(std::move(settings)), nullptr};
  return std::make_shared<Entry>(std::move(version), std::make_shared<observe::Hub>(),
                                 std::make_shared<pool::SessionLimit>(), nullptr, number);
}

}  // namespace

TEST_CASE("names are found as long as they are there, however many came and went") {
  Names names;
  std::map<std::string, uint64_t> there;
  std::mt19937 random(7);  // NOLINT: the same course every time
  for (uint64_t step = 1; step <= 20'000; ++step) {
    const std::string name = "n" + std::to_string(random() % 700);
    if (random() % 2 == 0) {
      CHECK((names.insert(entry(name, step)) == nullptr) == there.try_emplace(name, step).second);
    } else {
      const auto gone = names.erase(name);
      CHECK((gone != nullptr) == (there.count(name) == 1));
      if (gone != nullptr) CHECK(gone->number() == there[name]);
      there.erase(name);
    }
  }
  CHECK(names.size() == there.size());
  for (int i = 0; i < 700; ++i) {
    const std::string name = "n" + std::to_string(i);
    CAPTURE(name);
    const auto found = names.find(name);
    REQUIRE(names.has(name) == (there.count(name) == 1));
    REQUIRE((found != nullptr) == names.has(name));
    if (found != nullptr) CHECK(found->number() == there[name]);
  }
  const Entries all = names.all();
  REQUIRE(all.size() == there.size());
  for (size_t i = 1; i < all.size(); ++i) CHECK(all[i - 1]->number() < all[i]->number());
}

}  // namespace tl::registry
