//go:build mysql

package main

import (
	"database/sql"
	"fmt"
	"os"

	_ "github.com/go-sql-driver/mysql"
)

func init() {
	cases[Key{"go_64over10_go_sql_driver", "theirs"}] = mysqlPoints
}

func mysqlPoints() func(int) {
	db, err := sql.Open("mysql", fmt.Sprintf("%s@unix(%s)/%s", os.Getenv("TL_MARIADB_USER"),
		os.Getenv("TL_MARIADB_SOCKET"), os.Getenv("TL_MARIADB_DATABASE")))
	check(err)
	db.SetMaxOpenConns(sessions)
	db.SetMaxIdleConns(sessions)
	statement, err := db.Prepare(pointSQL + "?")
	check(err)
	return together(func(id int) int {
		var got int
		var name string
		check(statement.QueryRow(id).Scan(&got, &name))
		return got
	})
}
