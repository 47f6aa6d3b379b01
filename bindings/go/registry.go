package trunkline

// #include <stdlib.h>
// #include "helper.h"
import "C"

import (
	"context"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"unsafe"
)

// Registry is every name of one configuration, and those that were added to it. Several goroutines may use one. It opens
// nothing by itself: the first statement does.
type Registry struct{ core *core }

// Options are where a configuration comes from.
type Options struct {
	Path        string // of Open and Shared; "": TRUNKLINE_CONFIG, else trunkline.toml upward from the working folder
	Environment string // whose settings are laid over it; "": TRUNKLINE_ENV
	Source      string // of Parse: how errors name the text
}

// Open reads a configuration file. It opens no connection.
func Open(from Options) (*Registry, error) {
	path, environment := optional(from.Path), optional(from.Environment)
	defer C.free(unsafe.Pointer(path))
	defer C.free(unsafe.Pointer(environment))
	return made(func(registry **C.tl_registry, failure **C.tl_error) C.tl_status {
		return C.tl_registry_open(path, environment, registry, failure)
	})
}

// Parse reads a configuration from text.
func Parse(toml string, from Options) (*Registry, error) {
	source, environment := optional(from.Source), optional(from.Environment)
	defer C.free(unsafe.Pointer(source))
	defer C.free(unsafe.Pointer(environment))
	return made(func(registry **C.tl_registry, failure **C.tl_error) C.tl_status {
		return C.tl_registry_parse(textAt(toml), C.size_t(len(toml)), source, environment, registry, failure)
	})
}

var shared atomic.Pointer[core]

// Shared is the registry that all code of the process shares, whichever language it is in: that of the program which loads
// this code where there is one, else opened as Open does. It lives as long as the process, and Close is everybody's.
func Shared(from Options) (*Registry, error) {
	path, environment := optional(from.Path), optional(from.Environment)
	defer C.free(unsafe.Pointer(path))
	defer C.free(unsafe.Pointer(environment))
	found, err := made(func(registry **C.tl_registry, failure **C.tl_error) C.tl_status {
		return C.tl_registry_shared(path, environment, registry, failure)
	})
	if err != nil {
		return nil, err
	}
	found.core.shared = true
	shared.CompareAndSwap(nil, found.core)
	return &Registry{shared.Load()}, nil
}

func optional(text string) *C.char {
	if text == "" {
		return nil
	}
	return C.CString(text)
}

func made(make func(**C.tl_registry, **C.tl_error) C.tl_status) (*Registry, error) {
	if err := checkLibrary(); err != nil {
		return nil, err
	}
	var registry *C.tl_registry
	var failure *C.tl_error
	if status := make(&registry, &failure); status != C.TL_OK {
		return nil, readError(status, failure)
	}
	return &Registry{newCore(registry)}, nil
}

// checkLibrary compares the library that is loaded with the header that this was compiled with: before 1.0 every minor version
// may differ.
func checkLibrary() error {
	found, built := uint32(C.tl_abi_version()), uint32(C.TL_ABI_VERSION)
	if found>>16 != built>>16 || found < built {
		return errorOf(ErrUnsupported, NotSent, "libtrunkline has the ABI %d.%d, and this program was built for %d.%d",
			found>>16, found&0xffff, built>>16, built&0xffff)
	}
	return nil
}

// Version is the library's.
func Version() string { return C.GoString(C.tl_version()) }

// HasFeature tells what the library was built with: "driver.sqlite", "driver.postgresql", "driver.mariadb".
func HasFeature(name string) bool {
	text := C.CString(name)
	defer C.free(unsafe.Pointer(text))
	return C.tl_has_feature(text) != 0
}

// On is the connection of that name; "": the default. Where there is none, its first verb says so.
func (r *Registry) On(name string, how ...Option) *Conn {
	options := options{}.with(how)
	key := nameAndMode{name, options.mode}
	h := r.core.names.find(key)
	if h == nil {
		var err error
		if h, err = r.core.get(key); err != nil {
			return &Conn{session{err: err, options: options}}
		}
		if !r.core.shared && (name == "" || r.Has(name)) { // else it may be another the next time
			r.core.names.keep(key, h)
		}
	}
	return &Conn{session{handle: h, options: options}}
}

func (c *core) get(key nameAndMode) (*handle, error) {
	var pointer *C.tl_conn
	var failure *C.tl_error
	name := textAt(key.name)
	if key.name == "" {
		name = nil
	}
	status := C.tl_conn_get(c.registry, name, C.size_t(len(key.name)), C.int32_t(key.mode), &pointer, &failure)
	if status != C.TL_OK {
		return nil, readError(status, failure)
	}
	h := newHandle(c, pointer)
	h.name = key.name
	return h, nil
}

type nameAndMode struct {
	name string
	mode Mode
}

// names are handles for the next On, until names change.
type names struct {
	mu      sync.RWMutex
	handles map[nameAndMode]*handle
}

const mostNames = 512

func (n *names) find(key nameAndMode) *handle {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.handles[key]
}

func (n *names) keep(key nameAndMode, h *handle) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.handles == nil || len(n.handles) >= mostNames {
		n.handles = map[nameAndMode]*handle{}
	}
	n.handles[key] = h
}

func (n *names) forget() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.handles = nil
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
	if err != nil {
		return unknownPlace
	}
	defer rows.Close()
	var connections []struct {
		Driver  string `db:"driver"`
		Default bool   `db:"default"`
	}
	if err := rows.Collect(&connections); err != nil {
		return unknownPlace
	}
	for _, found := range connections {
		if name != "" || found.Default {
			if found.Driver == "sqlite" {
				return computedHere
			}
			return elsewhere
		}
	}
	return unknownPlace
}

// rowsOf is the whole answer of a verb, which lets go of it.
func (c *core) rowsOf(h *handle, v *verb, err error) *Rows {
	value, queued := v.value, v.call.queue != nil
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
	runtime.SetFinalizer(rows, (*Rows).Close)
	return rows
}

// inspect asks what the library knows, on the caller's thread where that never waits.
func (c *core) inspect(ctx context.Context, what, name string, timeout int64) (*Rows, error) {
	text := C.CString(what)
	defer C.free(unsafe.Pointer(text))
	v := c.verbs.get()
	v.call.timeout_ms = C.int64_t(timeout)
	err := c.run(ctx, v, !asksServers[what], func() C.tl_status {
		return C.tl_inspect(c.registry, text, nameAt(name), C.size_t(len(name)), &v.call,
			(**C.tl_result)(unsafe.Pointer(&v.value)), &v.err)
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
// "sessions", "leases", "metrics", "prometheus", "settings", "warnings"; and, asking servers, "health", "health_open", "budget"
// and "check".
func (r *Registry) Inspect(ctx context.Context, what, name string) (*Rows, error) {
	return r.core.inspect(ctx, what, name, 0)
}

// Has tells whether there is a connection of that name.
func (r *Registry) Has(name string) bool {
	has := C.tl_registry_has(r.core.registry, textAt(name), C.size_t(len(name))) != 0
	runtime.KeepAlive(r.core)
	return has
}

// Close closes a connection, or, with "", all: idle sessions at once, busy ones as they come home, for which it waits as long as
// the context lets it, else for pool.destroy_timeout. What is still busy then is ErrBusy.
func (r *Registry) Close(ctx context.Context, name string) error {
	err := r.state(ctx, func(v *verb) C.tl_status {
		return C.tl_registry_close(r.core.registry, nameAt(name), C.size_t(len(name)), &v.call, &v.err)
	})
	if name == "" && !r.core.shared {
		r.core.stop()
	}
	return err
}

// state runs a verb of the registry's that answers nothing but whether it was done.
func (r *Registry) state(ctx context.Context, submit func(*verb) C.tl_status) error {
	v := r.core.verbs.get()
	err := r.core.run(ctx, v, false, func() C.tl_status { return submit(v) })
	r.core.verbs.put(v)
	return err
}
