package trunkline

// #include "helper.h"
import "C"

import (
	"reflect"
	"runtime"
	"strings"
	"sync"
	"unsafe"
)

// plan is where the columns of answers go in one type of struct.
type plan struct {
	names  []string // of the columns
	fields []field
}

type field struct {
	offset uintptr
	fill   filler
}

// plansOf are those of one type, for the answers that were scanned into it lately.
type plansOf struct {
	mu     sync.RWMutex
	fields map[string]placeOfField
	plans  []*plan
}

// placeOfField is a field of a struct, perhaps within embedded ones.
type placeOfField struct {
	reflect.StructField
	depth int
	twice bool // at that depth
}

var structs sync.Map // reflect.Type: *plansOf

const mostPlans = 16

func plansFor(t reflect.Type) *plansOf {
	if known, ok := structs.Load(t); ok {
		return known.(*plansOf)
	}
	made := &plansOf{fields: map[string]placeOfField{}}
	made.add(t, 0, 0)
	known, _ := structs.LoadOrStore(t, made)
	return known.(*plansOf)
}

// add finds the exported fields, also those of embedded structs, by their `db` tag or else their name in lower case;
// "-" is none. As in Go itself the outer one counts where names are the same.
func (p *plansOf) add(t reflect.Type, offset uintptr, depth int) {
	for i := 0; i < t.NumField(); i++ {
		field := t.Field(i)
		field.Offset += offset
		tag := field.Tag.Get("db")
		if field.Anonymous && tag == "" && field.Type.Kind() == reflect.Struct && !isValue(field.Type) {
			p.add(field.Type, field.Offset, depth+1)
			continue
		}
		if !field.IsExported() || tag == "-" {
			continue
		}
		if tag == "" {
			tag = strings.ToLower(field.Name)
		}
		known, ok := p.fields[tag]
		switch {
		case !ok || depth < known.depth:
			p.fields[tag] = placeOfField{field, depth, false}
		case depth == known.depth:
			known.twice = true
			p.fields[tag] = known
		}
	}
}

// isValue tells of a struct that is scanned as one value.
func isValue(t reflect.Type) bool {
	_, exact := exactTypes[t]
	return exact || reflect.PointerTo(t).Implements(scannerType)
}

func (p *plansOf) of(r *Rows, t reflect.Type) (*plan, error) {
	p.mu.RLock()
	for _, plan := range p.plans {
		if plan.fits(r) {
			p.mu.RUnlock()
			return plan, nil
		}
	}
	p.mu.RUnlock()
	made, err := p.make(r, t)
	if err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.plans) >= mostPlans {
		p.plans = p.plans[1:]
	}
	p.plans = append(p.plans, made)
	return made, nil
}

// fits compares the names where they are, since a plan is looked for with each answer.
func (p *plan) fits(r *Rows) bool {
	if len(p.names) != len(r.columns) {
		return false
	}
	for i, name := range p.names {
		if !sameText(r.columnAt(i).name, name) {
			return false
		}
	}
	return true
}

func sameText(text *C.char, name string) bool {
	for i := 0; i < len(name); i++ {
		if *(*byte)(unsafe.Add(unsafe.Pointer(text), i)) != name[i] {
			return false
		}
	}
	return *(*byte)(unsafe.Add(unsafe.Pointer(text), len(name))) == 0
}

func (p *plansOf) make(r *Rows, t reflect.Type) (*plan, error) {
	made := &plan{names: r.Columns()}
	for _, name := range made.names {
		found, ok := p.fields[name]
		switch {
		case !ok:
			return nil, errorOf(ErrMisuse, Unknown, "%s has no field for the column %q", t, name)
		case found.twice || made.has(found.Offset):
			return nil, errorOf(ErrMisuse, Unknown, "%s has two fields, or the answer two columns, of the name %q", t, name)
		}
		fill, err := fillerOf(found.Type)
		if err != nil {
			return nil, err
		}
		made.fields = append(made.fields, field{found.Offset, fill})
	}
	return made, nil
}

func (p *plan) has(offset uintptr) bool {
	for _, field := range p.fields {
		if field.offset == offset {
			return true
		}
	}
	return false
}

// ScanStruct copies the row's values to the fields of the struct that the destination points at: to those whose `db`
// tag, or else whose name in lower case, is the column's.
func (r *Rows) ScanStruct(destination any) error {
	target := reflect.ValueOf(destination)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Struct {
		return errorOf(ErrMisuse, Unknown, "the destination is no pointer to a struct but a %T", destination)
	}
	if err := r.check(len(r.columns)); err != nil {
		return err
	}
	t := target.Type().Elem()
	plan, err := plansFor(t).of(r, t)
	if err != nil {
		return err
	}
	return r.fill(plan, r.at, 1, target.UnsafePointer(), 0)
}

// fill writes n rows of the batch to structs that lie behind each other.
func (r *Rows) fill(plan *plan, from, n int, to unsafe.Pointer, stride uintptr) error {
	for i := range plan.fields {
		field := &plan.fields[i]
		if bad := field.fill(&r.columns[i], from, n, unsafe.Add(to, field.offset), stride); bad != nil {
			return r.misfit(i, bad)
		}
	}
	runtime.KeepAlive(r.reader)
	return nil
}

// Collect appends the rows that have not been read yet to the slice that the destination points at: of structs, of
// pointers to such, or, where there is one column, of values.
func (r *Rows) Collect(destination any) error {
	target := reflect.ValueOf(destination)
	if target.Kind() != reflect.Pointer || target.IsNil() || target.Elem().Kind() != reflect.Slice {
		return errorOf(ErrMisuse, Unknown, "the destination is no pointer to a slice but a %T", destination)
	}
	if r.handle == nil {
		return errorOf(ErrClosed, Unknown, "the rows are closed")
	}
	if element := target.Elem().Type().Elem(); isPointerToStruct(element) {
		return r.collectPointers(target.Elem())
	}
	return r.collect(target.Elem())
}

func isPointerToStruct(t reflect.Type) bool {
	return t.Kind() == reflect.Pointer && t.Elem().Kind() == reflect.Struct && !isValue(t.Elem())
}

func (r *Rows) collectPointers(slice reflect.Value) error {
	structs := reflect.New(reflect.SliceOf(slice.Type().Elem().Elem())).Elem()
	if err := r.collect(structs); err != nil {
		return err
	}
	grow(slice, slice.Len()+structs.Len())
	for i := 0; i < structs.Len(); i++ {
		slice.Set(reflect.Append(slice, structs.Index(i).Addr()))
	}
	return nil
}

func (r *Rows) collect(slice reflect.Value) error {
	plan, err := r.planOf(slice.Type().Elem())
	if err != nil {
		return err
	}
	for r.at+1 < r.n || r.nextBatch() {
		if err := r.collectBatch(plan, slice); err != nil {
			return err
		}
	}
	return r.err
}

func (r *Rows) planOf(element reflect.Type) (*plan, error) {
	if element.Kind() == reflect.Struct && !isValue(element) {
		return plansFor(element).of(r, element)
	}
	fill, err := fillerOf(element)
	if err != nil {
		return nil, err
	}
	if len(r.columns) != 1 {
		return nil, errorOf(ErrMisuse, Unknown, "a row has %d columns, and one is wanted for a %s", len(r.columns), element)
	}
	return &plan{fields: []field{{0, fill}}}, nil
}

func (r *Rows) collectBatch(plan *plan, slice reflect.Value) error {
	from, had := r.at+1, slice.Len()
	n := r.n - from
	grow(slice, had+n)
	slice.SetLen(had + n)
	r.at = r.n
	stride := slice.Type().Elem().Size()
	err := r.fill(plan, from, n, unsafe.Add(slice.UnsafePointer(), uintptr(had)*stride), stride)
	if err != nil {
		slice.SetLen(had)
	}
	return err
}

// grow makes room for so many elements, and for as many again where there are some already.
func grow(slice reflect.Value, size int) {
	if size <= slice.Cap() {
		return
	}
	room := size
	if slice.Len() > 0 {
		room *= 2
	}
	larger := reflect.MakeSlice(slice.Type(), slice.Len(), room)
	reflect.Copy(larger, slice)
	slice.Set(larger)
}

// Collect gives all rows of an answer as structs, or, where there is one column, as values, and closes it:
//
//	people, err := trunkline.Collect[Person](conn.Query(ctx, "SELECT id, name FROM people"))
func Collect[T any](rows *Rows, err error) ([]T, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	if err := rows.Collect(&all); err != nil {
		return nil, err
	}
	return all, nil
}
