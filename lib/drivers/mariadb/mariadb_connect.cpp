#include "mariadb_connect.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <sys/socket.h>

#include "mariadb_error.hpp"

namespace tl::mariadb {
namespace {

constexpr size_t stack_size = 256 * 1024;            // of a call while it is suspended
constexpr const char* no_folder = "/dev/null/none";  // plugins are not loaded
constexpr const char* system_authorities = "/etc/ssl/certs/ca-certificates.crt";
// None that hands the password over as it is, unless it is bound to a verified server.
constexpr const char* authentication_plugins = "mysql_native_password,caching_sha2_password,client_ed25519";

// Connector/C ignores SIGPIPE for the whole process when it is initialised.
void initialise() {
  const ForkDelay delay;
  static constinit PerProcess<const int> once;
  (void)once.get([] {
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, nullptr);  // see the PostgreSQL driver
    struct sigaction before {};
    sigaction(SIGPIPE, nullptr, &before);
    const int result = mysql_server_init(0, nullptr, nullptr);
    sigaction(SIGPIPE, &before, nullptr);
    return new int(result);
  });
}

void set_tls(MYSQL* conn, const config::Address& address) {
  const auto given = [](const std::string& path) { return path.empty() ? nullptr : path.c_str(); };
  const bool verifies =
      address.sslmode == config::SslMode::verify_ca || address.sslmode == config::SslMode::verify_full;
  const char* authorities = given(address.ca);
  if (verifies && authorities == nullptr) authorities = system_authorities;
  // `require` with authorities checks the chain, as with libpq.
  if (address.sslmode == config::SslMode::prefer) authorities = nullptr;
  mysql_ssl_set(conn, given(address.key), given(address.cert), authorities, nullptr, nullptr);
  const my_bool on = 1;
  const my_bool verify_name = address.sslmode == config::SslMode::verify_full ? 1 : 0;
  mysql_options(conn, MYSQL_OPT_SSL_ENFORCE, &on);  // where the server can: what it cannot is looked at afterwards
  mysql_options(conn, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &verify_name);
  mysql_options(conn, MARIADB_OPT_TLS_VERSION, "TLSv1.2,TLSv1.3");
}

bool uses_tls(const config::Address& address) noexcept {
  return address.socket.empty() && address.sslmode != config::SslMode::disable;
}

void set_options(MYSQL* conn, const config::Address& address) {
  const my_bool off = 0;
  const unsigned no_files = 0;
  // Without this "localhost" would mean the socket that Connector/C was built with.
  const unsigned protocol = address.socket.empty() ? MYSQL_PROTOCOL_TCP : MYSQL_PROTOCOL_SOCKET;
  mysql_options(conn, MYSQL_OPT_PROTOCOL, &protocol);
  mysql_options(conn, MYSQL_OPT_NONBLOCK, &stack_size);
  mysql_options(conn, MYSQL_OPT_LOCAL_INFILE, &no_files);
  mysql_options(conn, MYSQL_OPT_RECONNECT, &off);
  mysql_options(conn, MYSQL_OPT_MAX_ALLOWED_PACKET, &most_packet);
  mysql_options(conn, MYSQL_PLUGIN_DIR, no_folder);
  mysql_options(conn, MARIADB_OPT_RESTRICTED_AUTH, authentication_plugins);
  mysql_options(conn, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  mysql_options4(conn, MYSQL_OPT_CONNECT_ATTR_ADD, "program_name", address.application_name.c_str());
  if (uses_tls(address)) set_tls(conn, address);
}

// A descriptor of its own for the socket: it may be shut down by number while Connector/C closes the other.
class Watched {
 public:
  Watched(driver::Dial& dial, int fd) : dial_(dial) {
    if (fd_.open([fd] { return fcntl(fd, F_DUPFD_CLOEXEC, 3); })) dial_.watch(fd_.get());
  }
  ~Watched() { dial_.watch(-1); }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  driver::Dial& dial_;
  Descriptor fd_;
};

// Goes on with a suspended call until it has returned, or the dial may wait no longer. The socket is another one where
// a name has several addresses and the first did not answer.
template <auto Continue, class Came>
Result<void> complete(Came& came, Conn& conn, int wants, driver::Dial& dial) {
  while (wants != 0) {
    const int fd = mysql_get_socket(conn.get());
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    conn.note_socket(fd);
    const Watched watched(dial, fd);
    const bool writes = (wants & MYSQL_WAIT_WRITE) != 0;
    const bool ready = dial.wait(fd, writes ? driver::Ready::writable : driver::Ready::readable);
    const ForkDelay delay;
    conn.note_socket(-1);  // it may close it, and its number become somebody else's
    do {
      if (!ready) shutdown(mysql_get_socket(conn.get()), SHUT_RDWR);
      forget_tls_errors();
      wants = Continue(&came, conn.get(), wants & (MYSQL_WAIT_READ | MYSQL_WAIT_WRITE));
    } while (!ready && wants != 0);
    if (!ready) return dial.stopped();
  }
  return {};
}

// Of a call that has failed: perhaps because the dial was over, and with it the socket.
Failure failure_of_dial(MYSQL* conn, const driver::Dial& dial) {
  if (dial.interrupted() || dial.deadline().passed(steady_clock().now())) return dial.stopped();
  return failure_of(conn, Phase::connect);
}

Result<void> shake_hands(Conn& conn, const config::Address& a, driver::Dial& dial) {
  const auto given = [](const std::string& text) { return text.empty() ? nullptr : text.c_str(); };
  const bool by_socket = !a.socket.empty();
  MYSQL* done = nullptr;
  constexpr unsigned long flags = CLIENT_MULTI_STATEMENTS | CLIENT_FOUND_ROWS;
  int wants = 0;
  {
    const ForkDelay delay;  // also while a name is looked up: see the PostgreSQL driver
    wants = mysql_real_connect_start(&done, conn.get(), by_socket ? nullptr : a.host.c_str(), given(dial.user(a)),
                                     dial.password(a).reveal().c_str(), given(a.database), by_socket ? 0 : a.port,
                                     given(a.socket), flags);
    if (wants != 0) conn.note_socket(mysql_get_socket(conn.get()));
  }
  if (Result<void> completed = complete<mysql_real_connect_cont>(done, conn, wants, dial); !completed) return completed;
  if (done == nullptr) return failure_of_dial(conn.get(), dial);
  return {};
}

// What Connector/C does not see to by itself.
Result<void> check_tls(MYSQL* conn, const config::Address& address) {
  if (!uses_tls(address) || address.sslmode == config::SslMode::prefer) return {};
  if (mysql_get_ssl_cipher(conn) != nullptr) return {};
  return fail(Status::tls, "the server has no TLS, and sslmode asks for it", Phase::connect);
}

}  // namespace

Result<Conn> connect(const config::Address& address, driver::Dial& dial) {
  initialise();
  Conn conn;
  if (conn.get() == nullptr) return fail(Status::no_memory, "out of memory", Phase::connect);
  set_options(conn.get(), address);
  if (Result<void> shaken = shake_hands(conn, address, dial); !shaken) return shaken.take_error();
  if (Result<void> checked = check_tls(conn.get(), address); !checked) return checked.take_error();
  // Connector/C reads a plain socket without waiting, but through TLS it relies on the socket, which it leaves
  // blocking.
  const int fd = mysql_get_socket(conn.get());
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return conn;
}

Result<void> run_now(Conn& conn, std::string_view text, driver::Dial& dial) {
  int failed = 0;
  forget_tls_errors();
  const int wants = mysql_real_query_start(&failed, conn.get(), text.data(), text.size());
  if (Result<void> completed = complete<mysql_real_query_cont>(failed, conn, wants, dial); !completed) return completed;
  if (failed != 0) return failure_of_dial(conn.get(), dial);
  return {};
}

}  // namespace tl::mariadb
