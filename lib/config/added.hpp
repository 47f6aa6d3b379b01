// Connections that a configuration does not hold itself, or not as they are. [any thread] Errors: configuration.
#pragma once
#include "config.hpp"
#include "node.hpp"

namespace tl::config {

// What is said of a connection, in the library's own keys and before what it stands upon is beneath it.
// Of a text, as if it stood under [connections.NAME] of the configuration.
[[nodiscard]] Result<Node> read_connection(const Base& base, std::string_view name, std::string_view toml,
                                           std::string_view source);
// What the configuration says. Null: it has no such connection.
[[nodiscard]] const Node* file_connection(const Base& base, std::string_view name);
// The same with a text laid over it, key by key.
[[nodiscard]] Result<Node> patch_connection(const Base& base, Node own, std::string_view name, std::string_view toml,
                                            std::string_view source);

struct Built {
  Connection connection;
  std::vector<Setting> settings;      // sorted by path
  std::vector<std::string> warnings;  // those of the text called `source`
};
// The configuration's defaults, variables, folder and budget hold for it. Reads no file but that of a password.
[[nodiscard]] Result<Built> make_connection(const Base& base, std::string_view name, const Node& own,
                                            std::string_view source);

// What another connection's fallback is, "" : none; absent: there is no such connection.
using FallbackOf = std::function<std::optional<std::string>(const std::string& name)>;
// Whether a connection's fallback is there, and does not lead back to it. `own` as of make_connection().
[[nodiscard]] Result<void> check_fallback(const Base& base, const Connection& connection, const Node& own,
                                          const FallbackOf& fallback_of, std::string_view source);

// The caller's own choice, when the configuration was read.
[[nodiscard]] std::optional<std::string> chosen_environment(const Base& base);

}  // namespace tl::config
