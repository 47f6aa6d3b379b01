package trunkline

import (
	"context"
	"sync/atomic"
)

// mostUnderWay are the verbs of a registry that may wait for a session at once. A queue takes 16384 verbs, and there is
// one for all: those who have a session must find room there, or nobody would get theirs.
const mostUnderWay = 12000

// places lets so many in, and has others wait.
type places struct {
	taken   atomic.Int64
	waiting atomic.Int64
	free    atomic.Pointer[chan struct{}]
}

func (p *places) take(ctx context.Context) error {
	if p.try() {
		return nil
	}
	p.waiting.Add(1)
	defer p.waiting.Add(-1)
	for !p.try() {
		select {
		case <-p.signal():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	p.tell() // there may be room for another
	return nil
}

func (p *places) try() bool {
	if p.taken.Add(1) <= mostUnderWay {
		return true
	}
	p.taken.Add(-1)
	return false
}

func (p *places) give() {
	p.taken.Add(-1)
	if p.waiting.Load() > 0 {
		p.tell()
	}
}

func (p *places) tell() {
	select {
	case p.signal() <- struct{}{}:
	default:
	}
}

// signal is made when it is wanted first. It holds one, so that none is lost between a try and the wait for it.
func (p *places) signal() chan struct{} {
	if made := p.free.Load(); made != nil {
		return *made
	}
	made := make(chan struct{}, 1)
	p.free.CompareAndSwap(nil, &made)
	return *p.free.Load()
}
