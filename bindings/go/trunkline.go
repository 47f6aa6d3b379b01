// Package trunkline is one file of named database connections: On("analytics") gives the right server, a pooled
// session, a deadline and typed rows, on PostgreSQL, MariaDB and SQLite. It is thin over libtrunkline, whose other
// languages have the same names and pools.
//
//	reg, err := trunkline.Open(trunkline.Options{})
//	people, err := trunkline.Collect[Person](reg.On("main").Query(ctx, "SELECT id, name FROM people WHERE born < ?", 1970))
//
// The package is also a driver of database/sql: Registry.DB, or sql.Open("trunkline", "main").
package trunkline

// #cgo pkg-config: trunkline
// #cgo CFLAGS: -std=c11 -D_GNU_SOURCE
import "C"
