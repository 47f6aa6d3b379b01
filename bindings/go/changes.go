package trunkline

// #include "helper.h"
import "C"

import (
	"context"
	"runtime"
	"unsafe"
)

// Add registers a connection as if the settings, TOML or a map[string]any, stood under [connections.NAME] of the file,
// whose defaults hold for it. It opens nothing. False where there is one with the same settings; with others that is
// ErrConfiguration, whose details are the keys that differ.
func (r *Registry) Add(name string, settings any) (bool, error) {
	toml, err := tomlOf(settings)
	if err != nil {
		return false, err
	}
	var added C.int32_t
	var failure *C.tl_error
	status := C.tl_registry_add(r.core.registry, textAt(name), C.size_t(len(name)), textAt(toml), C.size_t(len(toml)), &added,
		&failure)
	runtime.KeepAlive(r.core)
	if status != C.TL_OK {
		return false, readError(status, failure)
	}
	if added != 0 {
		r.core.changed()
	}
	return added != 0, nil
}

// changed forgets what was known by names.
func (c *core) changed() {
	c.names.forget()
	c.drivers.forget()
}

// Remove closes a connection for good and forgets its name at once, then waits as Close does. Handles that somebody has
// are ErrClosed for ever, also where the name is added again. False where there is no such name.
func (r *Registry) Remove(ctx context.Context, name string, how ...Option) (bool, error) {
	r.core.changed()
	defer r.core.changed()
	return r.change(ctx, how, func(v *verb) C.tl_status {
		return C.tl_registry_remove(r.core.registry, textAt(name), C.size_t(len(name)), &v.c.call, nil, &v.c.err)
	})
}

// Verified is of Patch and Reload: only where sessions can be opened with the new settings.
var Verified Option = option(func(o *options) { o.changes = C.TL_CHANGE_VERIFY })

// Patch lays settings, TOML or a map[string]any, over those of a connection, key by key. New calls have them at once,
// on new sessions; what runs or waits ends on the old ones. False where they were so already. With an error nothing is
// changed.
func (r *Registry) Patch(ctx context.Context, name string, settings any, how ...Option) (bool, error) {
	toml, err := tomlOf(settings)
	if err != nil {
		return false, err
	}
	defer r.core.drivers.forget()
	flags := C.uint32_t(options{}.with(how).changes)
	return r.change(ctx, how, func(v *verb) C.tl_status {
		return C.tl_registry_patch(r.core.registry, nameAt(name), C.size_t(len(name)), textAt(toml), C.size_t(len(toml)), flags,
			&v.c.call, nil, &v.c.err)
	})
}

// Reload reads the file again and does what it says: adds names, patches them, releases those that it no longer has.
// All of it, or nothing and an error. It gives a row for each name that is another now: name, change ("added",
// "patched", "released"), keys.
func (r *Registry) Reload(ctx context.Context, how ...Option) (*Rows, error) {
	defer r.core.changed()
	asked := options{}.with(how)
	v := r.core.verbs.get()
	asked.where(&v.c.call)
	err := r.core.run(ctx, v, false, func() C.tl_status {
		return C.tl_registry_reload(r.core.registry, C.uint32_t(asked.changes), &v.c.call,
			(**C.tl_result)(unsafe.Pointer(&v.c.value)), &v.c.err)
	})
	return r.core.rowsOf(&handle{core: r.core}, v, err), err
}

// Connect opens a connection now instead of at its first statement; a closed one is open again. "": the default.
func (r *Registry) Connect(ctx context.Context, name string, how ...Option) error {
	return r.do(ctx, how, func(v *verb) C.tl_status {
		return C.tl_registry_connect(r.core.registry, nameAt(name), C.size_t(len(name)), &v.c.call, &v.c.err)
	})
}

// ConnectAll opens all connections, one after the other; it goes on after a failure, and tells the first one.
func (r *Registry) ConnectAll(ctx context.Context, how ...Option) error {
	return r.do(ctx, how, func(v *verb) C.tl_status {
		return C.tl_registry_connect_all(r.core.registry, &v.c.call, &v.c.err)
	})
}

// Trim closes the sessions of a connection, or, with "", of all: idle ones at once, busy ones as they come home. The
// next call opens others. It waits for nothing.
func (r *Registry) Trim(name string) error {
	var failure *C.tl_error
	status := C.tl_registry_trim(r.core.registry, nameAt(name), C.size_t(len(name)), &failure)
	runtime.KeepAlive(r.core)
	if status != C.TL_OK {
		return readError(status, failure)
	}
	return nil
}

// Close closes a connection, or, with "", all: idle sessions at once, busy ones as they come home, for which it waits
// until Timeout, by default pool.destroy_timeout. What is still busy then is ErrBusy; it is closed all the same.
func (r *Registry) Close(ctx context.Context, name string, how ...Option) error {
	err := r.do(ctx, how, func(v *verb) C.tl_status {
		return C.tl_registry_close(r.core.registry, nameAt(name), C.size_t(len(name)), &v.c.call, &v.c.err)
	})
	if name == "" && !r.core.shared.Load() {
		r.core.stop()
	}
	return err
}

// Share makes this the registry that all code of the process shares: see Shared. ErrConfiguration where there is
// another one.
func (r *Registry) Share() error {
	var failure *C.tl_error
	if status := C.tl_registry_share(r.core.registry, &failure); status != C.TL_OK {
		return readError(status, failure)
	}
	r.core.shared.Store(true)
	shared.CompareAndSwap(nil, r.core)
	return nil
}

// do runs a verb of the registry's that answers nothing but whether it was done.
func (r *Registry) do(ctx context.Context, how []Option, submit func(*verb) C.tl_status) error {
	_, err := r.change(ctx, how, submit)
	return err
}

// change runs one that tells whether it has changed anything.
func (r *Registry) change(ctx context.Context, how []Option, submit func(*verb) C.tl_status) (bool, error) {
	asked := options{}.with(how)
	v := r.core.verbs.get()
	v.c.call.timeout_ms = C.int64_t(asked.timeout)
	err := r.core.run(ctx, v, false, func() C.tl_status { return submit(v) })
	changed := v.c.number != 0
	r.core.verbs.put(v)
	return changed && err == nil, err
}
