package trunkline

// #include <stdlib.h>
// #include "helper.h"
import "C"

import (
	"context"
	"runtime"
	"strconv"
	"time"
	"unsafe"
)

// rowsOf is the whole answer of a verb, which lets go of it.
func (c *core) rowsOf(h *handle, v *verb, err error) *Rows {
	value, queued := v.c.value, v.c.call.queue != nil
	c.verbs.put(v)
	if err != nil {
		return nil
	}
	found := (*C.helper_rows)(value)
	if !queued {
		found = C.helper_rows_of((*C.tl_result)(value), 0)
	}
	rows := &Rows{}
	rows.begin(h, found)
	return rows
}

// inspect asks what the library knows, on the caller's thread where that never waits.
func (c *core) inspect(ctx context.Context, what, name string, timeout int64) (*Rows, error) {
	text := C.CString(what)
	defer C.free(unsafe.Pointer(text))
	v := c.verbs.get()
	v.c.call.timeout_ms = C.int64_t(timeout)
	err := c.run(ctx, v, !asksServers[what], func() C.tl_status {
		return C.tl_inspect(c.registry, text, nameAt(name), C.size_t(len(name)), &v.c.call,
			(**C.tl_result)(unsafe.Pointer(&v.c.value)), &v.c.err)
	})
	return c.rowsOf(&handle{core: c}, v, err), err
}

var asksServers = map[string]bool{"health": true, "health_open": true, "budget": true, "check": true}

// nameAt is NULL for "".
func nameAt(name string) *C.char {
	if name == "" {
		return nil
	}
	return textAt(name)
}

func decimal(n int) string { return strconv.Itoa(n) }

// Inspect tells what the library knows, of one name or, with "", of all: "names", "connections", "endpoints", "pools",
// "sessions", "leases", "metrics", "prometheus", "settings", "warnings"; and, asking servers, "health", "health_open",
// "budget" and "check".
func (r *Registry) Inspect(ctx context.Context, what, name string, how ...Option) (*Rows, error) {
	return r.core.inspect(ctx, what, name, options{}.with(how).timeout)
}

// Has tells whether there is a connection of that name.
func (r *Registry) Has(name string) bool {
	has := C.tl_registry_has(r.core.registry, textAt(name), C.size_t(len(name))) != 0
	runtime.KeepAlive(r.core)
	return has
}

// Names are all names, by order of registration.
func (r *Registry) Names() ([]string, error) {
	return Collect[string](r.Inspect(context.Background(), "names", ""))
}

// PoolStats are the figures of one endpoint's pool, now and since it was made.
type PoolStats struct {
	Connection      string
	Role            string // primary, replica
	Endpoint        string
	Max             int
	MaxOverflow     int `db:"max_overflow"`
	Idle            int
	Leased          int
	Dialling        int
	Waiting         int // callers, for a session
	Opened          int64
	Closed          int64
	DialFailures    int64 `db:"dial_failures"`
	Acquired        int64
	Waited          int64
	AcquireTimeouts int64 `db:"acquire_timeouts"`
}

// Stats are the pools of one connection, or, with "", of all that are open.
func (r *Registry) Stats(name string) ([]PoolStats, error) {
	return Collect[PoolStats](r.Inspect(context.Background(), "pools", name))
}

// Metrics is what has been counted of the connections that are open, in Prometheus' text format.
func (r *Registry) Metrics() (string, error) {
	texts, err := Collect[string](r.Inspect(context.Background(), "prometheus", ""))
	if err != nil || len(texts) == 0 {
		return "", err
	}
	return texts[0], nil
}

// Warnings are the keys of the configuration that have no effect in this build.
func (r *Registry) Warnings() ([]string, error) {
	return Collect[string](r.Inspect(context.Background(), "warnings", ""))
}

// Health is whether the servers answer, made to be written as JSON.
type Health struct {
	OK          bool                        `json:"ok"` // none whose HealthCheck is true is unhealthy
	Connections map[string]ConnectionHealth `json:"connections"`
}

// ConnectionHealth is of one name. Status: "healthy"; "unhealthy" where an endpoint is; "unknown" where nobody was
// asked, because the connection is not open.
type ConnectionHealth struct {
	Status      string           `json:"status"`
	State       string           `json:"state"`
	HealthCheck bool             `json:"health_check"`
	Error       *string          `json:"error"` // of the first endpoint that has one
	Endpoints   []EndpointHealth `json:"endpoints"`
}

// EndpointHealth is of one server. Status may also be "bypassed": a replica that is down, whose reads others serve.
type EndpointHealth struct {
	Connection  string   `json:"-"`
	State       string   `json:"-"`
	HealthCheck bool     `json:"-" db:"health_check"`
	Role        string   `json:"role"`
	Endpoint    string   `json:"endpoint"`
	Status      string   `json:"status"`
	Latency     *float64 `json:"latency"` // seconds
	Idle        int      `json:"idle"`
	Leased      int      `json:"leased"`
	Dialling    int      `json:"dialling"`
	Waiting     int      `json:"waiting"`
	Max         int      `json:"max"`
	MaxOverflow int      `json:"max_overflow" db:"max_overflow"`
	Reason      *string  `json:"reason"` // the class of the error
	Error       *string  `json:"error"`
}

// HealthOptions: whose health, and how it is asked.
type HealthOptions struct {
	Name    string        // "": all
	Open    bool          // also open connections that nobody has used yet
	Timeout time.Duration // of each server; 0: 3 s
}

// Health asks all servers at once.
func (r *Registry) Health(ctx context.Context, how HealthOptions) (Health, error) {
	what := "health"
	if how.Open {
		what = "health_open"
	}
	timeout := int64(0)
	if how.Timeout != 0 {
		timeout = milliseconds(how.Timeout)
	}
	endpoints, err := Collect[EndpointHealth](r.core.inspect(ctx, what, how.Name, timeout))
	if err != nil {
		return Health{}, err
	}
	return healthOf(endpoints), nil
}

func healthOf(endpoints []EndpointHealth) Health {
	all := Health{OK: true, Connections: map[string]ConnectionHealth{}}
	for _, endpoint := range endpoints {
		whole, known := all.Connections[endpoint.Connection]
		if !known {
			whole = ConnectionHealth{Status: "unknown", State: endpoint.State, HealthCheck: endpoint.HealthCheck}
		}
		whole.Endpoints = append(whole.Endpoints, endpoint)
		if endpoint.Status == "unhealthy" || (endpoint.Status == "healthy" && whole.Status == "unknown") {
			whole.Status = endpoint.Status
		}
		if whole.Error == nil {
			whole.Error = endpoint.Error
		}
		all.OK = all.OK && (endpoint.Status != "unhealthy" || !endpoint.HealthCheck)
		all.Connections[endpoint.Connection] = whole
	}
	return all
}
