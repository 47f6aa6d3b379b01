package trunkline

import "testing"

func TestSQLiteIsComputedByWhoAsks(t *testing.T) {
	onEach(t, func(t *testing.T, at place) {
		reg := at.open(t)
		for _, conn := range []*Conn{reg.On(""), reg.On("main"), reg.On("main", Read)} {
			exec(t, conn, "SELECT 1")
			equal(t, conn.handle.local.Load() == computedHere, at.name == "sqlite")
		}
	})
}
