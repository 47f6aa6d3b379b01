// The cases of the data file in C++: cross CASES.json. A line for each that fails; ends with 1 where one does.
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "cross_case.hpp"

namespace {

using cross::Json;
using cross::Words;

// What the servers are, as tests/servers/servers.py tells it.
Words words_of_environment() {
  Words words;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text(*variable);
    if (text.starts_with("TL_")) words.emplace(text.substr(0, text.find('=')), text.substr(text.find('=') + 1));
  }
  return words;
}

struct Folder {
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "trunkline-cross-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path, ignored);
  }
  std::string path;
};

// Whether it holds.
bool run(const Json& described, const std::string& database, const Json& shared, Words words) {
  const Folder folder;
  words["folder"] = folder.path;
  for (const Json& word : shared) {
    const Json meaning = cross::filled(word.at(1), database, words);
    if (meaning.is_string()) words[word.at(0)] = meaning;
  }
  try {
    cross::Case(described, database, words).run();
    return true;
  } catch (const std::exception& failure) {
    std::printf("FAILED %s: %s: %s\n", database.c_str(), described.at("name").get<std::string>().c_str(),
                failure.what());
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const Json all = Json::parse(std::ifstream(argv[1]));
  const Words environment = words_of_environment();
  int failed = 0;
  for (const auto& [database, mark] : all.at("databases").items()) {
    if (!mark.get<std::string>().empty() && !environment.contains(mark)) {
      std::printf("left out: %s: %s is not set\n", database.c_str(), mark.get<std::string>().c_str());
      continue;
    }
    int held = 0;
    for (size_t i = 0; i < all.at("cases").size(); ++i) {
      const Json& described = all["cases"][i];
      const Json on = described.value("on", Json::array({database}));
      if (std::find(on.begin(), on.end(), database) == on.end()) continue;
      Words words = environment;
      words["t"] = "cross_cpp_" + std::to_string(getpid()) + "_" + std::to_string(i);
      const bool holds = run(described, database, all.at("words"), std::move(words));
      ++(holds ? held : failed);
    }
    std::printf("%s: %d cases hold\n", database.c_str(), held);
  }
  return failed == 0 ? 0 : 1;
}
