// Part two, in C++: typed rows as ranges, transactions, streams, a queue.
#include <cstdio>
#include <ranges>
#include <trunkline/trunkline.hpp>

namespace {

int width(std::string_view text) { return static_cast<int>(text.size()); }

void show_customers(const trunkline::connection& shop) {
  std::printf("  %-8s %-10s %6s %9s\n", "name", "city", "orders", "total");
  for (auto [name, city, orders, cents] :
       shop.query(
               "SELECT name, city, count(cents), sum(cents) FROM customers LEFT JOIN orders ON customer = customers.id "
               "WHERE customers.id <= ? GROUP BY customers.id ORDER BY name",
               100)
           .as<std::string_view, std::optional<std::string_view>, int, std::optional<int64_t>>()) {
    const std::string_view place = city.value_or("unknown");
    std::printf("  %-8.*s %-10.*s %6d %9.2f\n", width(name), name.data(), width(place), place.data(), orders,
                static_cast<double>(cents.value_or(0)) / 100);
  }
}

void order_together(const trunkline::connection& shop) {
  const int64_t id = shop.transaction([](trunkline::connection& tx) {
    const int64_t customer =
        tx.query("INSERT INTO customers (name, city) VALUES (?, ?)", "Lise", std::optional<std::string>()).last_id();
    tx.query("INSERT INTO orders (customer, cents) VALUES (:customer, :cents)", trunkline::named("customer", customer),
             trunkline::named("cents", 12500));
    return customer;
  });
  std::printf("  committed   customer %lld with an order\n", static_cast<long long>(id));
  try {
    shop.transaction([](trunkline::connection& tx) {
      tx.query("DELETE FROM orders");
      tx.query("INSERT INTO customers (name) VALUES (?)", "Ada");
    });
  } catch (const trunkline::error& e) {
    std::printf("  rolled back %s\n", e.what());
  }
  std::printf("  left        %lld orders\n",
              static_cast<long long>(shop.query("SELECT count(*) FROM orders").value<int64_t>()));
}

void stream_visits(const trunkline::connection& analytics) {
  auto visits =
      analytics.query({.stream = true, .intent = trunkline::intent::read}, "SELECT customer, seconds FROM visits");
  double seconds = 0;
  int64_t count = 0;
  for (auto [customer, spent] :
       visits.as<int, double>() | std::views::filter([](const auto& visit) { return std::get<0>(visit) == 1; })) {
    seconds += spent;
    ++count;
  }
  std::printf("  customer 1  %lld visits, %.1f hours\n", static_cast<long long>(count), seconds / 3600);
}

void count_together(const trunkline::registry& db) {
  const auto queue = db.queue();
  auto orders = db.on(queue).query("SELECT count(*) FROM orders");
  auto visits = db.on(queue, "analytics").query("SELECT count(*) FROM visits");
  std::printf("  %lld orders, %lld visits\n", static_cast<long long>(orders.get().value<int64_t>()),
              static_cast<long long>(visits.get().value<int64_t>()));
}

}  // namespace

int main() {
  try {
    const auto db = trunkline::registry::open();
    show_customers(db.on());
    std::printf("\n  two transactions\n");
    order_together(db.on());
    std::printf("\n  a stream of 100000 rows\n");
    stream_visits(db.on("analytics"));
    std::printf("\n  two databases at once, on a queue\n");
    count_together(db);
    return 0;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "demo.cpp: %s\n", e.what());
    return 1;
  }
}
