package trunkline

import (
	"context"
	"errors"
	"sync"
)

type nameAndMode struct {
	name string
	mode Mode
}

// names are handles for the next On, until names change.
type names struct {
	mu      sync.RWMutex
	handles map[nameAndMode]*owned
	changes int
}

const mostNames = 512

// find tells besides how often names had changed then.
func (n *names) find(key nameAndMode) (*owned, int) {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.handles[key], n.changes
}

// keep keeps a handle that was made when names had changed so often, unless they have since.
func (n *names) keep(key nameAndMode, o *owned, changes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.changes != changes {
		return
	}
	if n.handles == nil || len(n.handles) >= mostNames {
		n.handles = map[nameAndMode]*owned{}
	}
	n.handles[key] = o
}

func (n *names) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handles = nil
	n.changes++
}

// drivers remembers of names whether they are SQLite's.
type drivers struct {
	mu     sync.RWMutex
	places map[string]int32
}

func (d *drivers) placeOf(c *core, name string) int32 {
	d.mu.RLock()
	place := d.places[name]
	d.mu.RUnlock()
	if place != unknownPlace {
		return place
	}
	place = c.lookUp(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.places == nil || len(d.places) >= mostNames {
		d.places = map[string]int32{}
	}
	if place != unknownPlace {
		d.places[name] = place
	}
	return place
}

func (d *drivers) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.places = nil
}

// lookUp tells who computes for a connection, unless nobody knows it yet.
func (c *core) lookUp(name string) int32 {
	rows, err := c.inspect(context.Background(), "connections", name, 0)
	if errors.Is(err, ErrNotFound) {
		return unknownPlace // it may be found on demand
	}
	if err != nil {
		return elsewhere
	}
	defer rows.Close()
	driver, isDefault := rows.index("driver"), rows.index("default")
	for driver >= 0 && rows.Next() {
		values, err := rows.Values()
		if err != nil {
			return unknownPlace
		}
		if name == "" && (isDefault < 0 || values[isDefault] != true) {
			continue
		}
		if values[driver] == "sqlite" {
			return computedHere
		}
		return elsewhere
	}
	return unknownPlace
}
