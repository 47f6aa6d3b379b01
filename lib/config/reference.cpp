// The reference page. What the tables of keys and names say is printed from them; only what they cannot say is prose.
#include "keys.hpp"

namespace tl::config {
namespace {

constexpr std::string_view introduction = R"(# Configuration

<!-- Printed from lib/config: edit there, then run the unit test of the room with TRUNKLINE_WRITE_REFERENCE=1. -->

```toml
default = "primary"

[connections.primary]
driver = "postgresql"
host = "db.internal"
database = "app"
user = "app"
password = "${DB_PASSWORD}"

[connections.primary.pool]
max = 20
acquire_timeout = "5s"

[connections.cache]
driver = "sqlite"
database = "cache.db"

[environments.testing.connections.primary]
driver = "sqlite"
database = ":memory:"
```

## Finding the file

An explicit path; else the variable `TRUNKLINE_CONFIG`; else `trunkline.toml` in the working folder or above it. Relative paths
in the file begin at its own folder. A file may have 1 MiB, and tables, arrays and dotted keys may be nested 64 deep.

An unknown key, a value of the wrong type and two keys that contradict each other are errors that name the file, the line, the
key and the nearest known key. No error, log line or setting shows a secret. Names and keys hold no control characters.

## Environments

`[environments.NAME]` may hold `default`, `defaults`, `templates`, `connections`, `budget` and `limits`; they are laid over the rest key by key when
NAME is chosen: by the caller, else by `TRUNKLINE_ENV`, else it is `development` if the file has one. An overlay with another `driver`
drops the address beneath it (url, host, port, socket, database, user, password, TLS, schema, charset, replicas) and the keys that the
new driver does not have; pool, migrations and timeouts stay. One with another `url` drops what the url beneath said. A `host` drops
the `socket` beneath it, and a `socket` the `host`; one table that has both is an error.

## Templates

```toml
[templates.tenant]
driver = "postgresql"
host = "db-${shard:-eu}.internal"
database = "tenant_${id}"
user = "app"
password = "${DB_PASSWORD}"

[connections.acme]
template = "tenant"
parameters = { id = 42 }
```

`[templates.NAME]` has the keys of a connection and lies beneath those that name it, above `[defaults]`. In its texts `${…}` is one of
the connection's `parameters`, which are texts, integers or booleans; else a variable; else its default. `${name}` is the connection's
own name. A parameter that the template has no place for is an error. The same two keys serve for what is added at run time
(`add("tenant_7", ...)`, or the answer to a question for a name); a patch of `parameters` fills in the template anew. Names that were added
keep what the template said then: a reload changes the file's own, and a patch, be it empty, takes what the file says now.

A parameter is one value. What stands in it is not looked at again, and within a `url` it is percent-encoded, so that it cannot end
the part it stands in; a `url` that is nothing but one parameter is taken as it is. (Go's form of an address knows no such encoding: there
only letters, digits and `-._~` arrive as they are.) A file's path can be left with `../` all the same: names and
parameters from outside want a look before they become the path of a SQLite file.

## Variables

`${NAME}` in a value is the variable's text, `${NAME:-text}` has a default, `$${` is a literal `${`. A variable that is not set and
has no default is an error, but only where the value is used: production's secrets need not exist in a test. Such a text becomes
a number, a boolean (`true`, `false`, `1`, `0`, in any case) or a duration where the key wants one.

`env_file` has lines `NAME=value`, as dotenv libraries take them: `export` before the name, quotes around the value, and comments,
behind a value with a blank before the `#`. A variable that is set goes before it.

`TRUNKLINE__CONNECTIONS__PRIMARY__POOL__MAX=5` sets one value over all that the file says; names in any case, the text taken as it is.
`TRUNKLINE__DEFAULT`, `TRUNKLINE__BUDGET__…` and `TRUNKLINE__LIMITS__…` work alike. In an `env_file` they have no effect, and a warning says so.

PostgreSQL's client library has variables of its own. What `PGHOST`, `PGPASSWORD` and their like would fill in is always said by the
configuration, so they have no effect. `PGSERVICE`, `PGTZ`, `PGDATESTYLE` and `PGGEQO` change every session, and `PGREQUIREPEER`
those through a socket; no key can overrule them, so opening a connection where one is set is an error.

`password = "file:PATH"` takes the password from a file. It is read again for every session that is opened and once a second, so that
it may be replaced while the program runs, before or after the server is told: see "Credentials that rotate" in [architecture.md](architecture.md).
With `credentials = "ask"` the application is asked instead (`TL_ASK_CREDENTIALS`, in Python `credentials()`), for tokens that expire.
A `password` drops the `credentials` beneath it, and `credentials` the `password`; one table that has both is an error.

## Values

Durations have units: `"250ms"`, `"30s"`, `"5m"`, `"1h30m"`, `"2d"`. Sizes are bytes, or have one: `"64KiB"`, `"256MiB"`, `"1GiB"`.
)";

constexpr std::string_view urls = R"(
## Addresses in one text

`url` is `scheme://user:password@host:port/database?key=value`, with `%XX` for what would be read as punctuation. The scheme is any of the
drivers' names; what follows a `+` in it is ignored. Keys beside `url` go before its parts. An `@` behind the host must be written
as `%40`: it could as well end a password that holds an unescaped `/` or `?`.

- PostgreSQL takes libpq's parameters `host` (a folder with a leading `/` is a socket), `port`, `user`, `password`, `dbname`, `sslmode`,
  `sslrootcert`, `sslcert`, `sslkey`, `application_name` and `connect_timeout`.
- MySQL takes `socket`, `charset`, `connect_timeout`, `timeout` (with a unit), `ssl-mode` and `ssl-ca`, and Go's form
  `user:password@tcp(host:3306)/database`. `parseTime` and `loc` have no meaning here.
- SQLite: `sqlite:///relative.db`, `sqlite:////absolute.db`, `sqlite://:memory:`.
)";

constexpr std::string_view shapes = R"(
## Shapes of other systems

- `connection` is a nested table of the address keys (Knex, Lucid), or a url.
- `ssl` is `true` (verify-full), `false` (disable), a mode, or a table of `rejectUnauthorized` (`true`: verify-full, `false`: require), `ca`,
  `cert` and `key`.
- `options.timeout` (Laravel) is `pool.create_timeout` in seconds.
- `connectionTimeoutMillis` (node-postgres) is both `pool.create_timeout` and `pool.acquire_timeout`.
- `poolclass = "NullPool"` (SQLAlchemy) is `pool.max_idle = 0`; `"QueuePool"` has no meaning here.
- `replicas.read` is an array of tables and names, one of them, or Lucid's table with `connection`.
)";

struct Section {
  std::string_view table;
  std::string_view heading;
  std::string_view about;
};

constexpr Section sections[] = {
    {"top", "Top of the file", "Without `default`, the connection of that name is meant, else the first in the file."},
    {"", "[connections.NAME]", "`[defaults]` has the same keys and lies beneath every connection that has them."},
    {"pool", "[connections.NAME.pool]", ""},
    {"replicas", "[connections.NAME.replicas]",
     "`read` is an array of tables and `write` a table, each with the keys of a connection, laid over the connection's "
     "own. An entry of `read` may also be the name of another connection of the file, whose address and pool settings "
     "it has then; it has a pool of its own."},
    {"retry", "[connections.NAME.retry]", ""},
    {"migrations", "[connections.NAME.migrations]", ""},
    {"budget", "[budget]",
     "What `max = \"auto\"` comes to: `server_max` less the reserve and what is fixed on that server over all "
     "instances "
     "and workers, every pool's `max_overflow` counted, shared by instances, workers and the `\"auto\"` pools on it, "
     "rounded down; at least 2. `server_max` may only be missing where no pool of a server is `\"auto\"`; that of a "
     "SQLite file is 10. A connection that is added at run time is sized beside those of the file, which stay as they "
     "are. `inspect(\"budget\")` compares what is planned with what each server allows."},
    {"limits", "[limits]",
     "With `max_open`, a session that has been idle for longest goes when another connection needs one, those that "
     "`min` keeps last. Where none is idle callers wait in turn, for at most their `acquire_timeout`. Sessions count "
     "from when their opening begins until their server has ended them, those of replicas, overflow and SQLite "
     "included; a `\":memory:\"` database counts and is never closed for others. `min` takes only what nobody waits "
     "for. A server that has let no session in yet gets one, however many wait for it. What cancels a statement is a "
     "connection of its own for a moment, and does not count."},
};

std::string code(std::string_view text) { return '`' + std::string(text) + '`'; }

std::string values_of(const Key& key) {
  switch (key.type) {
    case Type::text: return "text";
    case Type::secret: return "text, never shown";
    case Type::path: return "path";
    case Type::choice: break;
    case Type::integer: return "integer from " + std::to_string(key.least);
    case Type::fraction: return "0 to 0.9";
    case Type::boolean: return "`true`, `false`";
    case Type::duration: return "duration";
    case Type::lifetime: return "duration or `\"none\"`";
    case Type::bytes: return "bytes";
    case Type::pre_ping: return "`true`, `false`, `\"auto\"`, duration";
    case Type::pool_max: return "integer from 1, or `\"auto\"`";
    case Type::cache_size: return "integer, or `\"off\"`";
  }
  if (key.choices.empty()) return "a driver's name";
  std::string words(key.choices);
  for (size_t bar = words.find('|'); bar != std::string::npos; bar = words.find('|')) words.replace(bar, 1, "`, `");
  return '`' + words + '`';
}

std::string drivers_of(const Key& key) {
  constexpr DriverKind kinds[] = {DriverKind::sqlite,    DriverKind::postgresql, DriverKind::redshift,
                                  DriverKind::mysql,     DriverKind::mariadb,    DriverKind::oracle,
                                  DriverKind::sqlserver, DriverKind::mongodb};
  std::string with;
  std::string without;
  size_t lacking = 0;
  for (const DriverKind kind : kinds) {
    const bool has = (key.drivers & bit(kind)) != 0;
    lacking += has ? 0 : 1;
    std::string& list = has ? with : without;
    list.append(list.empty() ? "" : ", ").append(driver_name(kind));
  }
  if (lacking == 0) return "all";
  return lacking == 1 ? "all but " + without : with;
}

std::string meaning_of(const Key& key) {
  std::string text(key.about);
  if (key.lacking.empty()) return text;
  return text.append("; no effect: this build has no ").append(key.lacking);
}

void print_keys(std::string& page, const Section& section) {
  page.append("\n## ").append(section.heading).append("\n\n");
  if (!section.about.empty()) page.append(section.about).append("\n\n");
  page += "| key | value | default | drivers | meaning |\n| --- | --- | --- | --- | --- |\n";
  for (const Key& key : keys_of(section.table)) {
    page += "| " + code(key.name) + " | " + values_of(key) + " | " + (key.standard.empty() ? "" : code(key.standard)) +
            " | " + drivers_of(key) + " | " + meaning_of(key) + " |\n";
  }
}

void print_drivers(std::string& page) {
  page +=
      "\n## Drivers\n\nThe kinds of database, their other names, and the port that is meant when none is said. A name "
      "whose driver a "
      "build lacks\nloads like any other, and opening it says so.\n\n| driver | also written | port |\n| --- | --- | "
      "--- |\n";
  std::string_view before;
  std::string also;
  const auto row = [&] {
    if (before.empty()) return;
    const uint16_t port = standard_port(*driver_by_name(before));
    page += "| " + code(before) + " | " + also + " | " + (port == 0 ? "" : std::to_string(port)) + " |\n";
  };
  for (const std::string_view name : driver_names()) {
    if (const std::string_view driver = driver_name(*driver_by_name(name)); driver != before) {
      row();
      before = driver;
      also.clear();
    } else {
      also += (also.empty() ? "" : ", ") + code(name);
    }
  }
  row();
}

void print_aliases(std::string& page) {
  page +=
      "\n## Keys of other systems\n\nAccepted as they are written there, in their units.\n\n"
      "| written | in | means | bare numbers are | known from |\n| --- | --- | --- | --- | --- |\n";
  for (const Alias& alias : aliases()) {
    const std::string_view unit = alias.unit == Unit::seconds        ? "seconds"
                                  : alias.unit == Unit::milliseconds ? "milliseconds"
                                                                     : "";
    page += "| " + code(alias.name) + " | " + (alias.table.empty() ? "a connection" : code(alias.table)) + " | " +
            (alias.key.empty() ? "nothing here" : code(alias.key)) + " | " + std::string(unit) + " | " +
            std::string(alias.from) + " |\n";
  }
}

}  // namespace

std::string reference_page() {
  std::string page(introduction);
  for (const Section& section : sections) print_keys(page, section);
  print_drivers(page);
  page += urls;
  print_aliases(page);
  page += shapes;
  return page;
}

}  // namespace tl::config
