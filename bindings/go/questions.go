package trunkline

// #include "helper.h"
import "C"

import (
	"context"
	"errors"
	"runtime"
	"time"
)

// Resolver asks the application for connections that the registry does not have, until the context ends: find gives
// settings as Add takes them, or nil where there is no such connection. It is called once while many want the same
// name, on a goroutine of its own; what it gives is added. unused: forgotten again when nobody used it for about so
// long; 0: kept. Its error is what whoever wanted the name gets: one of this package as it is, another as
// ErrUnavailable with its text.
func (r *Registry) Resolver(ctx context.Context, find func(ctx context.Context, name string) (settings any, err error),
	unused time.Duration) error {
	return r.core.answer(ctx, C.TL_ASK_NAME, func(name string) (string, time.Duration, error) {
		settings, err := find(ctx, name)
		if err == nil && settings == nil {
			err = ErrNotFound
		}
		if err != nil {
			return "", 0, err
		}
		toml, err := tomlOf(settings)
		return toml, unused, err
	})
}

// Login is what sessions log in with.
type Login struct {
	User     string // "": that of the connection
	Password string
	Valid    time.Duration // for how long; 0: until the server refuses it
}

// Credentials asks the application what sessions log in with, of connections with credentials = "ask", until the
// context ends. It is called once while many sessions are opened, and again when what it gave is no longer valid.
// Sessions of older credentials go when nobody uses them. Its error is what whoever wanted a session gets, as of
// Resolver. It must not wait for a connection whose credentials it is asked for.
func (r *Registry) Credentials(ctx context.Context, give func(ctx context.Context, name string) (Login, error)) error {
	return r.core.answer(ctx, C.TL_ASK_CREDENTIALS, func(name string) (string, time.Duration, error) {
		login, err := give(ctx, name)
		if err != nil {
			return "", 0, err
		}
		settings := map[string]any{"password": login.Password}
		if login.User != "" {
			settings["user"] = login.User
		}
		toml, err := tomlOf(settings)
		return toml, login.Valid, err
	})
}

// answer has each question of a kind answered with the TOML that give makes, and for how long that holds.
func (c *core) answer(ctx context.Context, kind C.uint32_t, give func(string) (string, time.Duration, error)) error {
	c.asked.Add(1)
	err := c.subscribe(ctx, kind, func(question told) { go c.answerOne(question, give) }, func() { c.asked.Add(-1) })
	if err != nil {
		c.asked.Add(-1)
	}
	return err
}

func (c *core) answerOne(question told, give func(string) (string, time.Duration, error)) {
	text, keep, err := give(question.Connection)
	status := C.tl_status(C.TL_OK)
	if err != nil {
		status, text = statusOf(err)
	}
	kept := C.int64_t(0)
	if keep > 0 && keep != Forever {
		kept = C.int64_t(milliseconds(keep))
	}
	// An error says that nobody waits any more, or is told to those who do.
	C.tl_answer(c.registry, C.uint64_t(question.question), status, textAt(text), C.size_t(len(text)), kept, nil)
	runtime.KeepAlive(c)
}

func statusOf(err error) (C.tl_status, string) {
	var failure *Error
	if errors.As(err, &failure) {
		return C.tl_status(failure.Status), failure.Message
	}
	var class Status
	if errors.As(err, &class) {
		return C.tl_status(class), ""
	}
	return C.TL_E_UNAVAILABLE, err.Error()
}
