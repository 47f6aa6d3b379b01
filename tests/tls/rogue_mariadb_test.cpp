// A MariaDB server that asks for more than it should be given. What it gets is recorded.
#include "rogue.hpp"

#include <vector>

namespace rogue {
namespace {

// One packet of MySQL's protocol.
std::string packet(int number, const std::string& body) {
  const size_t n = body.size();
  return bytes({static_cast<int>(n & 255), static_cast<int>(n >> 8), 0, number}) + body;
}

constexpr uint32_t capabilities = 0x00000001 | 0x00000008 | 0x00000200 | 0x00002000 | 0x00008000 | 0x00080000 |
                                  0x00000080;  // LONG_PASSWORD, CONNECT_WITH_DB, PROTOCOL_41, TRANSACTIONS,
                                               // SECURE_CONNECTION, PLUGIN_AUTH, LOCAL_FILES; no SSL

std::string greeting(const std::string& plugin) {
  const auto byte = [](uint32_t value, int shift) { return static_cast<int>(value >> shift & 255); };
  return packet(0, bytes({10}) + "5.5.5-10.11.9-MariaDB" + bytes({0, 7, 0, 0, 0}) + "saltsalt" +
                       bytes({0, byte(capabilities, 0), byte(capabilities, 8), 45, 2, 0, byte(capabilities, 16),
                              byte(capabilities, 24), 21, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) +
                       "saltsaltsalt" + bytes({0}) + plugin + bytes({0}));
}

const std::string fine = bytes({0, 0, 0, 2, 0, 0, 0});

// Each thing said is answered with the next packet, counting on from the caller's number.
std::function<Rogue::Script()> answering(const std::vector<std::string>& answers) {
  return [answers] {
    return [answers, next = size_t{0}](const std::string& said) mutable {
      return said.size() > 3 && next < answers.size() ? packet(said[3] + 1, answers[next++]) : "";
    };
  };
}

class Server : public Rogue {
 public:
  Server(const std::string& greets, const std::vector<std::string>& answers) : Rogue(greets, answering(answers)) {}
  [[nodiscard]] std::string refuses(const std::string& sql, const std::string& more = "") const {
    return refused(connection(*this, "mariadb", more), sql);
  }
};

}  // namespace

TEST_CASE("a server that asks for the password in clear does not get it") {
  for (const std::string plugin : {"mysql_clear_password", "dialog", "mysql_old_password", "auth_gssapi_client"}) {
    CAPTURE(plugin);
    SUBCASE("from the beginning") {
      const Server rogue(greeting(plugin), {bytes({254}) + plugin + bytes({0}), fine});
      CHECK(rogue.refuses("SELECT 1") != "");
      CHECK_FALSE(rogue.heard(canary));
    }
    SUBCASE("after another way was agreed on") {
      const Server rogue(greeting("mysql_native_password"), {bytes({254}) + plugin + bytes({0}), fine});
      CHECK(rogue.refuses("SELECT 1") == "authentication");
      CHECK_FALSE(rogue.heard().empty());
      CHECK_FALSE(rogue.heard(canary));
    }
  }
}

TEST_CASE("a server that asks for a file does not get it, whatever the statement") {
  const SecretFile file;
  const std::string asks = bytes({251}) + file.path;
  for (const std::string sql : {"SELECT 1", "LOAD DATA LOCAL INFILE 'x' INTO TABLE t", "load index into cache t"}) {
    CAPTURE(sql);
    // At the session's settings, and at the statements of the caller.
    for (const std::vector<std::string>& answers :
         {std::vector{fine, asks, asks}, std::vector{fine, fine, asks, asks, asks}}) {
      const Server rogue(greeting("mysql_native_password"), answers);
      CHECK(rogue.refuses(sql) != "");
      CHECK_FALSE(rogue.heard().empty());
      CHECK_FALSE(rogue.heard(file.secret));
      CHECK_FALSE(rogue.heard(canary));
    }
  }
}

TEST_CASE("a server that has no TLS where it is asked for hears no statement") {
  for (const std::string mode : {"require", "verify-ca", "verify-full"}) {
    CAPTURE(mode);
    const Server rogue(greeting("mysql_native_password"), {fine, fine, fine});
    CHECK(rogue.refuses("SELECT 'a statement'", "sslmode = \"" + mode + "\"\n") == "tls");
    CHECK_FALSE(rogue.heard("SELECT"));
    CHECK_FALSE(rogue.heard("SET"));
    CHECK_FALSE(rogue.heard(canary));
  }
}

}  // namespace rogue
