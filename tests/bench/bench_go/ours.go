package main

import (
	"context"
	"os"

	"trunkline"
)

func init() {
	cases[Key{"go_64over10_pgx", "ours"}] = func() func(int) { return together(ourPoint("pg10")) }
	cases[Key{"go_64over10_go_sql_driver", "ours"}] = func() func(int) { return together(ourPoint("mariadb")) }
	cases[Key{"go_rows", "ours"}] = func() func(int) { return ourRows("pg", func(row *Row) string { return row.D }) }
	cases[Key{"go_sqlite_point", "ours"}] = ourPointAlone
	cases[Key{"go_sqlite_rows", "ours"}] = func() func(int) {
		return ourRows("sqlite", func(row *SQLiteRow) string { return row.D })
	}
}

func openOurs(name string) *trunkline.Conn {
	registry, err := trunkline.Open(trunkline.Options{Path: os.Getenv("TL_BENCH_CONFIG")})
	check(err)
	return registry.On(name)
}

func ourPoint(name string) func(id int) int {
	conn, ctx := openOurs(name), context.Background()
	return func(id int) int {
		var got int
		var name string
		check(conn.QueryRow(ctx, pointSQL+"?", id).Scan(&got, &name))
		return got
	}
}

func ourPointAlone() func(int) {
	point := ourPoint("sqlite")
	return func(i int) { checkPoint(point(idOf(i)), idOf(i)) }
}

func ourRows[T any](name string, text func(*T) string) func(int) {
	conn, ctx := openOurs(name), context.Background()
	return func(int) {
		all, err := trunkline.Collect[T](conn.Query(ctx, rowsSQL))
		check(err)
		checkRows(len(all), text(&all[len(all)-1]))
	}
}
