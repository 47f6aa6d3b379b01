// A replica becomes the primary. It stays so: nothing comes after this.
#include "replicas.hpp"

namespace tl::validation {

TEST_CASE("a replica that is promoted is a primary to its open sessions") {
  Asking session = at("TL_REPLICA");
  const Sight before = seen(session);
  CHECK(before.role == ServerRole::replica);
  session.wants_position = true;
  CHECK(session.one("SELECT 1") == "1");
  CHECK(session->written().empty());
  {
    Asking owner = at("TL_REPLICA", "TL_OWNER");
    if (on_postgresql()) {
      CHECK(owner.one("SELECT pg_promote(true, 60)") == "true");
    } else {
      owner.run("STOP SLAVE");
      owner.run("RESET SLAVE ALL");
      owner.run("SET GLOBAL read_only = 0");
    }
  }
  await([&] { return seen(session).role == ServerRole::primary; });
  session.run("CREATE TABLE after_promotion (a INTEGER)");
  const Position written = session->written();
  REQUIRE_FALSE(written.empty());
  if (on_postgresql()) CHECK(written.timeline == before.position.timeline + 1);
  CHECK(standing(seen(session).position, written) == Standing::there);
  CHECK(has_come(session, written));
  CHECK(has_come(session, before.position, 1s) ==
        !on_postgresql());  // which PostgreSQL cannot say of another time line
}

}  // namespace tl::validation
