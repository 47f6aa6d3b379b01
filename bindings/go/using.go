package trunkline

import "context"

type usingKey struct{}

// Using gives a context that names a connection, for Registry.From: a request's tenant, for example.
func Using(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, usingKey{}, name)
}

// From is the connection that the context names, else the default.
func (r *Registry) From(ctx context.Context, how ...Option) *Conn {
	name, _ := ctx.Value(usingKey{}).(string)
	return r.On(name, how...)
}
