// From what people write (aliases, nested tables, other systems' shapes) to the library's own keys; and laying one over
// another.
#pragma once
#include "keys.hpp"

namespace tl::config {

// One connection as it is written, in the library's own names: own keys, and the tables pool, retry, migrations,
// replicas (policy, max_lag, …, read: array of tables, write: table) and parameters. Unknown keys are errors; values
// are not looked at yet.
[[nodiscard]] Result<Node> normalise(const Node& written, const Blame& blame, const std::string& path);

class Variables;

// The kind of database, as far as it is said. Without `variables` that is what needs none.
[[nodiscard]] std::optional<DriverKind> driver_of(const Node& connection, const Variables* variables = nullptr);

// Lays `over` over `beneath`, both normalised, key by key. Another driver drops the address keys beneath, and those
// that it does not have; another url drops what a url says.
void lay_over(Node& beneath, const Node& over, const Variables& variables);
// Whether a replica may say it itself, or only its connection.
[[nodiscard]] bool is_of_replica(std::string_view key) noexcept;
// What `defaults` say of the driver, said by the connection itself where it does not: another one laid over it must
// show.
void say_driver(Node& connection, const Node& defaults);
// The same for two addresses of one driver: a host drops the socket beneath, a socket the host. `variables` null: they
// are expanded already.
void merge_address(Node& beneath, const Node& over, const Variables* variables = nullptr);
// The same for tables without such meaning.
void merge(Node& beneath, const Node& over);

// Removes the keys that connections of this driver do not have.
void drop_foreign(Node& settings, DriverKind driver);

// The parts of a connection's url as keys. Errors never quote it.
[[nodiscard]] Result<Node> url_parts(const Node& url, const Blame& blame, const std::string& path);

[[nodiscard]] bool is_variable_name(std::string_view name) noexcept;
// Replaces ${NAME} and ${NAME:-default} in every text of the tree; $${ is a literal ${.
[[nodiscard]] Result<void> expand(Node& node, const Variables& variables, const Blame& blame, const std::string& path);

class Variables {
 public:
  Variables(const std::map<std::string, std::string>& process, std::map<std::string, std::string> beneath)
      : process_(&process), beneath_(std::move(beneath)) {}
  [[nodiscard]] const std::string* find(const std::string& name) const;
  [[nodiscard]] const std::map<std::string, std::string>& process() const noexcept { return *process_; }

 private:
  const std::map<std::string, std::string>* process_;  // outlives this
  std::map<std::string, std::string> beneath_;         // of the env_file
};

}  // namespace tl::config
