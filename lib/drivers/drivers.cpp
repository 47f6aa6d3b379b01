#include "drivers.hpp"

#ifdef TRUNKLINE_SQLITE
#include "sqlite_driver.hpp"
#endif
#ifdef TRUNKLINE_POSTGRESQL
#include "postgresql_driver.hpp"
#endif
#ifdef TRUNKLINE_MARIADB
#include "mariadb_driver.hpp"
#endif

namespace tl::drivers {

driver::Driver* find(config::DriverKind kind) noexcept {
  switch (kind) {
#ifdef TRUNKLINE_SQLITE
    case config::DriverKind::sqlite: return &sqlite::driver();
#endif
#ifdef TRUNKLINE_POSTGRESQL
    case config::DriverKind::postgresql:
    case config::DriverKind::redshift: return &postgresql::driver();
#endif
#ifdef TRUNKLINE_MARIADB
    case config::DriverKind::mysql:
    case config::DriverKind::mariadb: return &mariadb::driver();
#endif
    default: return nullptr;
  }
}

}  // namespace tl::drivers
