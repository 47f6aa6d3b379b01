// Part five, in Go: rows into structs, goroutines that wait without threads, a transaction, a deadline.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"trunkline"
)

type customer struct {
	ID     int64
	Name   string
	City   *string // may be NULL
	Orders int
}

func main() {
	if err := run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "demo.go:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	db, err := trunkline.Open(trunkline.Options{})
	if err != nil {
		return err
	}
	defer db.Close(ctx, "")
	shop := db.On("")
	customers, err := trunkline.Collect[customer](shop.Query(ctx,
		"SELECT customers.id AS id, name, city, count(cents) AS orders FROM customers LEFT JOIN orders "+
			"ON customer = customers.id GROUP BY customers.id ORDER BY name"))
	if err != nil {
		return err
	}
	for _, each := range customers {
		city := "unknown"
		if each.City != nil {
			city = *each.City
		}
		fmt.Printf("  %-8s %-10s %d\n", each.Name, city, each.Orders)
	}
	if err := countVisits(ctx, db.On("analytics"), customers); err != nil {
		return err
	}
	if err := tryTwice(ctx, shop); err != nil {
		return err
	}
	return runOutOfTime(ctx, db.On("analytics"))
}

// countVisits has a goroutine for each customer.
func countVisits(ctx context.Context, analytics *trunkline.Conn, customers []customer) error {
	counts, failures := make([]int64, len(customers)), make([]error, len(customers))
	var all sync.WaitGroup
	for i := range customers {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			row := analytics.QueryRow(ctx, "SELECT count(*) FROM visits WHERE customer = ?", customers[i].ID)
			failures[i] = row.Scan(&counts[i])
		}(i)
	}
	all.Wait()
	sum := int64(0)
	for i := range customers {
		if failures[i] != nil {
			return failures[i]
		}
		sum += counts[i]
	}
	fmt.Printf("\n  by %d goroutines: %d visits\n", len(customers), sum)
	return nil
}

func tryTwice(ctx context.Context, shop *trunkline.Conn) error {
	err := shop.Transaction(ctx, trunkline.TxOptions{Retry: 3}, func(ctx context.Context, tx *trunkline.Tx) error {
		if _, err := tx.Exec(ctx, "DELETE FROM orders"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, "INSERT INTO customers (name) VALUES (?)", "Ada")
		return err
	})
	if !errors.Is(err, trunkline.ErrUniqueViolation) {
		return err
	}
	fmt.Printf("  rolled back: %v\n", err)
	return nil
}

func runOutOfTime(ctx context.Context, analytics *trunkline.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
	defer cancel()
	_, err := analytics.Exec(ctx, "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n")
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	fmt.Printf("  out of time, as its context said: %v\n", err)
	return nil
}
