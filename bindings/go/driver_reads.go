package trunkline

import (
	"context"
	"sync"
)

// readTexts remembers of statements whether they are known to read.
type readTexts struct {
	mu    sync.RWMutex
	known map[string]bool
}

const (
	mostTexts   = 1024
	longestText = 16 << 10
)

// has asks the library about a text that it has not seen.
func (t *readTexts) has(ctx context.Context, conn *Conn, text string) bool {
	t.mu.RLock()
	reads, known := t.known[text]
	t.mu.RUnlock()
	if known {
		return reads
	}
	var err error
	if reads, err = isRead(ctx, conn, text); err != nil || len(text) > longestText {
		return reads
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.known == nil || len(t.known) >= mostTexts {
		t.known = map[string]bool{}
	}
	t.known[text] = reads
	return reads
}

// isRead goes by what Explain says of a text, whatever server it would choose.
func isRead(ctx context.Context, conn *Conn, text string) (bool, error) {
	rows, err := conn.Explain(ctx, text)
	if err != nil {
		return false, err
	}
	defer rows.Close()
	kind := rows.index("kind")
	if kind < 0 || !rows.Next() {
		return false, rows.Err()
	}
	values, err := rows.Values()
	return err == nil && values[kind] == "read", err
}
