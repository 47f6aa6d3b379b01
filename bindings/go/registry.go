package trunkline

// #include <stdlib.h>
// #include "helper.h"
import "C"

import (
	"sync/atomic"
	"unsafe"
)

// Registry is every name of one configuration, and those that were added to it. Several goroutines may use one. It
// opens nothing by itself: the first statement does.
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

// Shared is the registry that all code of the process shares, whichever language it is in: that of the program which
// loads this code where there is one, else opened as Open does. It lives as long as the process, and Close is
// everybody's.
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
	found.core.shared.Store(true)
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

// checkLibrary compares the library that is loaded with the header that this was compiled with: before 1.0 every minor
// version may differ.
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
	o, changes := r.core.names.find(key)
	if o == nil {
		var err error
		if o, err = r.core.get(key); err != nil {
			return &Conn{session{err: err, options: options}}
		}
		if !r.core.shared.Load() && (name == "" || r.Has(name)) { // else it may be another the next time
			r.core.names.keep(key, o, changes)
		}
	}
	return &Conn{session{handle: &handle{core: r.core, owned: o, name: name}, options: options}}
}

func (c *core) get(key nameAndMode) (*owned, error) {
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
	return own(pointer), nil
}
