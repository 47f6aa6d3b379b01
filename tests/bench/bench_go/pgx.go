//go:build pgx

package main

import (
	"context"
	"fmt"
	"os"

	"github.com/jackc/pgx/v4/pgxpool"
)

func init() {
	cases[Key{"go_64over10_pgx", "theirs"}] = pgxPoints
	cases[Key{"go_rows", "theirs"}] = pgxRows
}

// A pool of pgx, whose sessions prepare what they are given and remember it.
func openPgx() *pgxpool.Pool {
	pool, err := pgxpool.Connect(context.Background(), fmt.Sprintf("host=%s port=%s dbname=%s user=%s pool_max_conns=%d",
		os.Getenv("TL_PG_SOCKET"), os.Getenv("TL_PG_PORT"), os.Getenv("TL_PG_DATABASE"), os.Getenv("TL_PG_USER"), sessions))
	check(err)
	return pool
}

func pgxPoints() func(int) {
	pool, ctx := openPgx(), context.Background()
	return together(func(id int) int {
		var got int
		var name string
		check(pool.QueryRow(ctx, pointSQL+"$1", id).Scan(&got, &name))
		return got
	})
}

func pgxRows() func(int) {
	pool, ctx := openPgx(), context.Background()
	return func(int) {
		rows, err := pool.Query(ctx, rowsSQL)
		check(err)
		var all []Row
		for rows.Next() {
			var row Row
			check(rows.Scan(&row.A, &row.B, &row.C, &row.D, &row.E, &row.F))
			all = append(all, row)
		}
		check(rows.Err())
		checkRows(len(all), all[len(all)-1].D)
	}
}
