#include "check.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <string_view>

namespace tl::registry {
namespace {

using columnar::Type;
using config::SslMode;

bool is_postgresql(const config::Address& address) noexcept {
  return address.driver == config::DriverKind::postgresql || address.driver == config::DriverKind::redshift;
}

// What is sent does not leave the machine.
bool is_local(const config::Address& address) noexcept {
  const std::string_view host = address.host;
  const bool loopback = host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos;
  return address.driver == config::DriverKind::sqlite || !address.socket.empty() || host.starts_with('/') ||
         host == "localhost" || loopback || host == "::1";
}

// "" : nothing.
std::string weakness_of_transport(const config::Address& address) {
  if (is_local(address)) return "";
  if (address.sslmode == SslMode::disable || address.sslmode == SslMode::prefer) {
    return "its session with " + address.host +
           " may be unencrypted, and whoever stands in between may answer in its place: sslmode should be verify-full";
  }
  if (address.sslmode != SslMode::verify_full) {
    return "whoever stands between it and " + address.host +
           " may answer in its place: only sslmode = \"verify-full\" checks the name";
  }
  return "";
}

// libpq gives a password in clear to a server that asks for it so; Connector/C is told not to.
std::string weakness_of_password(const config::Address& address) {
  const bool has_one = !address.password.empty() || address.ask_credentials;
  if (is_local(address) || !is_postgresql(address) || !has_one) return "";
  if (address.sslmode == SslMode::verify_full) return "";
  return "its password is given in clear to any server that answers for " + address.host +
         " and asks for it so: only sslmode = \"verify-full\" makes sure who that is";
}

bool all_may_read(const std::string& path) noexcept {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IROTH) != 0;
}

// The line of the file that holds a secret of the connection itself, "" : none does.
std::string line_of_secret(const config::Config& config, const std::string& name) {
  const std::string prefix = "connections." + name + ".";
  const auto found = std::find_if(config.settings.begin(), config.settings.end(), [&](const config::Setting& setting) {
    return setting.holds_secret && setting.path.starts_with(prefix) && setting.source.starts_with(config.source + ":");
  });
  return found == config.settings.end() ? "" : found->source;
}

}  // namespace

Table check_table(const Registry& registry, const Entries& entries) {
  Table table({{"connection", Type::text}, {"endpoint", Type::text}, {"weakness", Type::text}});
  const auto config = registry.config();
  const bool exposed = all_may_read(config->source);
  for (const auto& entry : entries) {
    const Version version = entry->version();
    const config::Connection& settings = *version.settings;
    const std::string secret = exposed && version.written == nullptr ? line_of_secret(*config, settings.name) : "";
    if (!secret.empty()) {
      table.add({settings.name, std::string(),
                 "its password stands in a file that everybody on this machine may read: " + secret});
    }
    for (const EndpointSettings& endpoint : endpoint_settings(version.settings)) {
      const config::Address& address = endpoint->address;
      for (const std::string& weakness : {weakness_of_transport(address), weakness_of_password(address)}) {
        if (!weakness.empty()) table.add({settings.name, address.label(), weakness});
      }
    }
  }
  return table;
}

}  // namespace tl::registry
