"""Part three, in Python: rows, a transaction, and what the registry knows of itself."""

import trunkline


def shown(value):
    if value is None or isinstance(value, bool):
        return "yes" if value else ""
    return str(value)


def table(result, columns):
    """Prints rows in aligned columns, numbers to the right."""
    rows = [[row[name] for name in columns] for row in result.dicts()]
    lines = [columns, *([shown(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    numeric = [all(type(row[i]) is int for row in rows) for i in range(len(columns))]
    for line in lines:
        cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(line, widths, numeric)]
        print("  " + "  ".join(cells).rstrip())


registry = trunkline.open()
shop = registry.on()
for name, cents in shop.query("SELECT name, sum(cents) FROM customers JOIN orders ON customer = customers.id "
                              "GROUP BY name HAVING sum(cents) > ? ORDER BY 2 DESC", [5000]):
    print(f"  {name:<8} {cents / 100:>9.2f}")

cache = registry.on("cache")
cache.query("CREATE TABLE busiest (customer TEXT, visits INTEGER)")
with registry.using("analytics"):
    visits = registry.query("SELECT customer, count(*) FROM visits GROUP BY customer").all()
names = dict(shop.query("SELECT id, name FROM customers").all())
with cache.transaction() as tx:
    for customer, count in visits:
        tx.query("INSERT INTO busiest VALUES (:name, :count)", {"name": names[customer], "count": count})

print("\n  joined over two databases, kept in the third")
table(cache.query("SELECT customer, visits FROM busiest ORDER BY customer"), ["customer", "visits"])

with shop.tag("the demo").pin():
    print("\nConnections, while one session is held")
    table(registry.inspect("connections"),
          ["name", "driver", "state", "default", "idle", "leased", "waiting", "description"])
    print("\nPools")
    table(registry.inspect("pools"),
          ["connection", "role", "max", "idle", "leased", "opened", "closed", "acquired", "waited"])
    print("\nWho holds what")
    table(registry.inspect("leases"), ["connection", "session", "tag"])
registry.close()
