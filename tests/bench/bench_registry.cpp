// What a hundred thousand names cost: the time to find one of the thousand among them that are in use, and the memory
// of a name that is not, beyond the text of its settings. The other side is the bound.
#include <malloc.h>

#include <algorithm>
#include <random>

#include "bench.hpp"
#include "registry.hpp"

namespace {

using tl::registry::Registry;

constexpr size_t count = 100'000, in_use = 1'000;
constexpr double lookup_bound = 100, bytes_bound = 1536;

constexpr std::string_view file = R"(
[defaults]
driver = "postgresql"
port = 6432
sslmode = "verify-full"
pool = { max = 4, idle_timeout = "1m" }
)";

std::string name_of(size_t i) { return "tenant_" + std::to_string(i); }

std::string settings_of(size_t i) {
  return "host = \"db-" + std::to_string(i % 20) + ".internal.example.com\"\ndatabase = \"" + name_of(i) +
         "\"\nuser = \"" + name_of(i) + "\"\npassword = \"a secret of some length " + std::to_string(i) + "\"\n";
}

Registry make() {
  tl::config::Surroundings here;
  here.folder = "/";
  auto config = tl::config::parse(file, "bench.toml", here);
  bench::check(config.ok(), "the configuration");
  return Registry(config.take());
}

size_t add_all(Registry& registry) {
  size_t text = 0;
  for (size_t i = 0; i < count; ++i) {
    const std::string settings = settings_of(i);
    const auto added = registry.add(name_of(i), settings);
    bench::check(added && *added, "not added");
    text += settings.size();
  }
  return text;
}

void lookup(double seconds) {
  Registry registry = make();
  add_all(registry);
  std::vector<std::string> names;
  for (size_t i = 0; i < count; ++i) names.push_back(name_of(i));
  std::shuffle(names.begin(), names.end(), std::mt19937(42));  // NOLINT: the same order every time
  names.resize(in_use);
  for (const std::string& name : names) bench::check(registry.find(name).ok(), "not found");
  bench::tell(bench::measure(seconds, [&](int64_t i) {
    const auto found = registry.find(names[static_cast<size_t>(i) % in_use]);
    bench::use(found);
  }));
}

void bytes() {
  Registry registry = make();
  const size_t before = mallinfo2().uordblks;
  const size_t text = add_all(registry);
  bench::tell(static_cast<double>(mallinfo2().uordblks - before - text) / count);
}

}  // namespace

int main(int argc, char** argv) {
  bench::check(argc == 4, "CASE SIDE SECONDS");
  const bool time = std::strcmp(argv[1], "registry_lookup") == 0;
  if (std::strcmp(argv[2], "ours") != 0) {
    bench::tell(time ? lookup_bound : bytes_bound);
  } else if (time) {
    lookup(std::atof(argv[3]));
  } else {
    bytes();
  }
}
