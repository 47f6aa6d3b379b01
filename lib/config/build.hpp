// From normalised and expanded trees to the typed configuration.
#pragma once
#include "normalise.hpp"
#include "values.hpp"

namespace tl::config {

struct Auto {         // a pool whose max the budget decides
  size_t connection;  // its position in Config::connections
  int replica;        // -1: the primary
  Origin origin;      // where it says so
};

// Appends the connection to `config`, its values to the settings. `autos` collects pools with max = "auto".
[[nodiscard]] Result<void> build_connection(const std::string& name, Node settings, const Blame& blame,
                                            const std::string& folder, Config& config, std::vector<Auto>& autos);

// Sizes the pools in `autos`. `budget` null: there is no [budget].
[[nodiscard]] Result<void> apply_budget(const Node* budget, const std::vector<Auto>& autos, const Blame& blame,
                                        Config& config);

// What [limits] says.
[[nodiscard]] Result<void> apply_limits(const Node& limits, const Blame& blame, Config& config);

[[nodiscard]] std::string absolute(const std::string& path, const std::string& folder);

// The variables of an `env_file`; absent: it cannot be read.
[[nodiscard]] std::optional<std::map<std::string, std::string>> read_env_file(const std::string& path);

// A configuration text whose surroundings are known.
[[nodiscard]] Result<Config> load(std::string_view toml, std::string_view source, const Surroundings& surroundings);

}  // namespace tl::config
