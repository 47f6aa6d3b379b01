package trunkline

import "database/sql"

// Row is the first row of an answer.
type Row struct {
	rows Rows
	err  error
}

// Scan copies its values as Rows.Scan does, once. Where there is no row that is sql.ErrNoRows.
func (r *Row) Scan(destinations ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err
		}
		return sql.ErrNoRows
	}
	return r.rows.Scan(destinations...)
}

// Err tells whether the statement has failed, without reading its row.
func (r *Row) Err() error { return r.err }
