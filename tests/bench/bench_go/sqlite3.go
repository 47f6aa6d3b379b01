//go:build sqlite3

package main

import (
	"database/sql"
	"os"

	_ "github.com/mattn/go-sqlite3"
)

func init() {
	cases[Key{"go_sqlite_point", "theirs"}] = sqlite3Point
	cases[Key{"go_sqlite_rows", "theirs"}] = sqlite3Rows
}

// A statement of go-sqlite3, on one session without SQLite's own mutex: database/sql lends a session to one at a time.
func prepareSQLite3(text string) *sql.Stmt {
	db, err := sql.Open("sqlite3", "file:"+os.Getenv("TL_BENCH_SQLITE")+"?_mutex=no")
	check(err)
	db.SetMaxOpenConns(1)
	statement, err := db.Prepare(text)
	check(err)
	return statement
}

func sqlite3Point() func(int) {
	statement := prepareSQLite3(pointSQL + "?")
	return func(i int) {
		var got int
		var name string
		check(statement.QueryRow(idOf(i)).Scan(&got, &name))
		checkPoint(got, idOf(i))
	}
}

func sqlite3Rows() func(int) {
	statement := prepareSQLite3(rowsSQL)
	return func(int) {
		rows, err := statement.Query()
		check(err)
		var all []SQLiteRow
		for rows.Next() {
			var row SQLiteRow
			check(rows.Scan(&row.A, &row.B, &row.C, &row.D, &row.E, &row.F))
			all = append(all, row)
		}
		check(rows.Err())
		checkRows(len(all), all[len(all)-1].D)
	}
}
