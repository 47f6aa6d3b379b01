// What a statement pays for going to a replica, once its text is known: finding what is known of it, and the order of
// the endpoints, of a primary and two replicas. The other side is the bound.
#include "bench.hpp"
#include "connection.hpp"
#include "lookout.hpp"

namespace {

using namespace tl;

constexpr double bound = 150;

constexpr std::string_view file = R"(
[connections.main]
driver = "postgresql"
host = "127.0.0.1"
port = 1
[connections.main.replicas]
read = [{ port = 2 }, { port = 3 }]
)";

void route(double seconds) {
  auto config = config::parse(file, "bench.toml", {.folder = "/", .variables = {}, .environment = {}});
  bench::check(config.ok(), "the configuration");
  const auto hub = std::make_shared<observe::Hub>();
  connection::Connection main(std::make_shared<const config::Connection>(config->connections[0]), hub,
                              std::make_shared<pool::SessionLimit>(), nullptr);
  auto on = main.endpoints();
  bench::check(on.ok(), "the endpoints");
  (*on)->lookout().stop();  // there is nobody at these ports
  bench::tell(bench::measure(seconds, [&](int64_t) {
    const auto statement = (*on)->statements()->find("SELECT id, name FROM people WHERE born < $1", false);
    const auto order = (*on)->order({.read = (*statement)->kind == sql::Kind::read});
    bench::check(order.size() == 3, "who may serve it");
    bench::use(order);
  }));
  main.close();
}

}  // namespace

int main(int argc, char** argv) {
  bench::check(argc == 4, "CASE SIDE SECONDS");
  if (std::strcmp(argv[2], "ours") != 0) {
    bench::tell(bound);
  } else {
    route(std::atof(argv[3]));
  }
}
