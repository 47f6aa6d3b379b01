// Names of several addresses, of which the first does not answer.
#include <dlfcn.h>
#include <netdb.h>

#include <vector>

#include "proxied.hpp"

namespace {

constexpr std::string_view two_addresses = "two-addresses.test";

using Lookup = int(const char*, const char*, const addrinfo*, addrinfo**);

Lookup& next_lookup() {
  static Lookup* const next = reinterpret_cast<Lookup*>(dlsym(RTLD_NEXT, "getaddrinfo"));
  return *next;
}

}  // namespace

// In the place of the C library's, for the whole process: nobody listens at the first of the name's two addresses.
extern "C" int getaddrinfo(const char* name, const char* service, const addrinfo* hints, addrinfo** found) {
  if (name == nullptr || name != two_addresses) return next_lookup()(name, service, hints, found);
  addrinfo* second = nullptr;
  const int failed = next_lookup()("127.0.0.2", service, hints, found);
  if (failed != 0) return failed;
  if (const int failed_too = next_lookup()("127.0.0.1", service, hints, &second); failed_too != 0) return failed_too;
  addrinfo* last = *found;
  while (last->ai_next != nullptr) last = last->ai_next;
  last->ai_next = second;
  return 0;
}

namespace faults {

namespace {

std::string by_name(const Proxied& db, const std::string& sslmode) {
  return "[connections.db]\n" + line("driver", db.server.driver) + line("host", std::string(two_addresses)) +
         "port = " + std::to_string(db.proxy->port()) + "\nretry.attempts = 1\n" + line("sslmode", sslmode) +
         db.server.lines + "[connections.db.pool]\ncreate_timeout = \"1s\"\n";
}

}  // namespace

TEST_CASE(
    "a server at the second address of its name is reached, and one that says nothing there is given up in time") {
  for (const Server& server : servers()) {
    CAPTURE(server.driver);
    for (const std::string mode : {"disable", "require"}) {
      CAPTURE(mode);
      const Proxied to(server, mode);
      const std::vector<Plan> silent = {{.from_server = {.then = Does::stall}},
                                        {.from_server = {.of_tls = true, .then = Does::stall}}};
      for (const Plan& plan : silent) {
        if (mode == "disable" && plan.from_server.of_tls) continue;
        CAPTURE(plan.from_server.of_tls);
        const auto registry = trunkline::registry::parse(by_name(to, mode));
        CHECK(registry.on("db").query({.timeout = 20s}, "SELECT 2").value<int64_t>() == 2);
        registry.close(20s);

        const auto again = trunkline::registry::parse(by_name(to, mode));
        to.proxy->plan_all(plan);
        const Failed failed = failed_by([&] { again.on("db").query({.timeout = 20s}, "SELECT 1"); });
        CHECK(failed.error.status_name() == std::string("connect_timeout"));
        CHECK(failed.took < 4s);
        again.close(20s);  // and no thread is left that goes on trying
        to.proxy->plan_all({});
      }
    }
  }
}

}  // namespace faults
