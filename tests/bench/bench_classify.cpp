// What it costs to look at a text for the first time: its kind, its placeholders, and the text in the database's own
// style, per KiB of a report as people write them. The other side is the bound.
#include "bench.hpp"
#include "statement.hpp"

namespace {

constexpr double bound = 1000;

constexpr std::string_view report = R"(
-- Revenue, returns and the customers behind them, by month and region; the last twelve months and those before.
WITH RECURSIVE regions (id, parent_id, name, path) AS (
  SELECT r.id, r.parent_id, r.name, ARRAY[r.id]
  FROM public.region AS r
  WHERE r.parent_id IS NULL AND r.deleted_at IS NULL
  UNION ALL
  SELECT child.id, child.parent_id, parent.name || ' / ' || child.name, parent.path || child.id
  FROM public.region AS child
  JOIN regions AS parent ON parent.id = child.parent_id
  WHERE child.deleted_at IS NULL
),
orders_of_time AS MATERIALIZED (
  SELECT o.id AS order_id, o.customer_id, o.region_id, o.currency, o.status,
         date_trunc('month', o.ordered_at AT TIME ZONE 'Europe/Berlin') AS month,
         coalesce(o.discount_percent, 0) / 100.0 AS discount,
         o.ordered_at >= now() - interval '12 months' AS is_recent
  FROM public.orders AS o
  WHERE o.ordered_at >= $1::timestamptz
    AND o.ordered_at < $2::timestamptz
    AND o.status NOT IN ('draft', 'cancelled', 'waiting for payment')
    AND (o.channel = ANY ($3) OR $3 IS NULL)
),
lines AS (
  SELECT t.order_id, t.month, t.region_id, t.customer_id, t.is_recent, i.product_id, i.quantity,
         round(i.quantity * i.unit_price * (1 - t.discount) * coalesce(x.rate, 1), 2) AS amount,
         CASE WHEN i.returned_at IS NOT NULL THEN i.quantity ELSE 0 END AS returned_quantity
  FROM orders_of_time AS t
  JOIN public.order_item AS i ON i.order_id = t.order_id AND i.deleted_at IS NULL
  LEFT JOIN public.exchange_rate AS x
    ON x.currency = t.currency AND x.valid_from <= t.month AND x.valid_to > t.month
),
by_customer AS (
  SELECT l.customer_id, l.region_id, l.month,
         sum(l.amount) AS revenue,
         sum(l.amount) FILTER (WHERE l.is_recent) AS recent_revenue,
         count(DISTINCT l.order_id) AS orders,
         sum(l.returned_quantity)::numeric / nullif(sum(l.quantity), 0) AS return_rate
  FROM lines AS l
  GROUP BY l.customer_id, l.region_id, l.month
  HAVING sum(l.amount) > $4
),
/* Who is worth a visit: the largest of each region and month, and how they have changed since the month before. */
ranked AS (
  SELECT b.*, c.name AS customer, c.email, c.attributes ->> 'segment' AS segment,
         row_number() OVER (PARTITION BY b.region_id, b.month ORDER BY b.revenue DESC, b.customer_id) AS place,
         b.revenue - lag(b.revenue) OVER (PARTITION BY b.customer_id ORDER BY b.month) AS change,
         percent_rank() OVER (PARTITION BY b.month ORDER BY b.return_rate NULLS FIRST) AS return_rank
  FROM by_customer AS b
  JOIN public.customer AS c ON c.id = b.customer_id
  WHERE c.attributes @> '{"active": true}'::jsonb
    AND lower(c.email) NOT LIKE '%@example.com'
    AND NOT EXISTS (SELECT 1 FROM public.blocked AS k WHERE k.customer_id = c.id AND k.until > now())
)
SELECT g.name AS region,
       to_char(r.month, 'YYYY-MM') AS month,
       r.customer, r.segment, r.place, r.orders,
       round(r.revenue, 2) AS revenue,
       round(coalesce(r.recent_revenue, 0), 2) AS recent_revenue,
       CASE
         WHEN r.change IS NULL THEN 'new customer; no month before'
         WHEN r.change > 0 THEN 'up by ' || round(r.change, 2)
         WHEN r.change < 0 THEN 'down by ' || round(-r.change, 2)
         ELSE 'unchanged, it''s the same'
       END AS trend,
       jsonb_build_object('returns', r.return_rate, 'rank', r.return_rank, 'email', r.email) AS details,
       (SELECT string_agg(p.name, ', ' ORDER BY p.name)
        FROM (SELECT DISTINCT l.product_id FROM lines AS l WHERE l.customer_id = r.customer_id LIMIT 5) AS d
        JOIN public.product AS p ON p.id = d.product_id) AS products
FROM ranked AS r
JOIN regions AS g ON g.id = r.region_id
WHERE r.place <= $5 AND (r.return_rank < 0.95 OR r.revenue > 100000)
ORDER BY g.path, r.month DESC, r.place
LIMIT $6 OFFSET $7
)";

void classify(double seconds) {
  const double nanoseconds = bench::measure(seconds, [](int64_t) {
    const auto statement = tl::sql::analyse(report, tl::sql::Dialect::postgresql, false);
    bench::check(statement && statement->kind == tl::sql::Kind::read, "the report is not known as a read");
    bench::use(statement);
  });
  bench::tell(nanoseconds * 1024 / static_cast<double>(report.size()));
}

}  // namespace

int main(int argc, char** argv) {
  bench::check(argc == 4, "CASE SIDE SECONDS");
  if (std::strcmp(argv[2], "ours") == 0) {
    classify(std::atof(argv[3]));
  } else {
    bench::tell(bound);
  }
}
