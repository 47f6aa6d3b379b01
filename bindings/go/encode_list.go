package trunkline

// #include "helper.h"
import "C"

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"
	"strconv"
)

// list adds a slice: its elements' bytes, and then, aligned, their records.
func (p *parameters) list(v reflect.Value) error {
	elements := &parameters{records: make([]record, 0, v.Len()), arena: p.arena, inList: true}
	for i := 0; i < v.Len(); i++ {
		if err := elements.add(v.Index(i).Interface()); err != nil {
			return fmt.Errorf("element %d: %w", i+1, err)
		}
	}
	kind, err := elements.oneType()
	if err != nil {
		return err
	}
	p.arena = elements.arena
	p.align()
	p.records = append(p.records, record{kind: C.TL_LIST, element: uint16(kind), length: uint32(v.Len()),
		word: uint64(len(p.arena))})
	for _, element := range elements.records {
		head := uint64(element.kind) | uint64(element.length)<<32
		p.arena = binary.LittleEndian.AppendUint64(p.arena, head)
		p.arena = binary.LittleEndian.AppendUint64(p.arena, element.word)
	}
	return nil
}

// oneType is that of a list's elements. Numbers of several types become the exact one that holds them all.
func (p *parameters) oneType() (uint8, error) {
	var kinds uint32
	for _, element := range p.records {
		kinds |= 1 << element.kind
	}
	kinds &^= 1 << C.TL_NULL
	const whole = 1<<C.TL_INT64 | 1<<C.TL_UINT64
	switch {
	case kinds&(1<<C.TL_LIST|1<<C.TL_NAME) != 0:
		return 0, fmt.Errorf("a list within a list")
	case kinds&(kinds-1) == 0:
		return p.onlyType(), nil
	case kinds&^(whole|1<<C.TL_DECIMAL) == 0:
		return C.TL_DECIMAL, p.convert(p.toDecimal)
	case kinds&^(whole|1<<C.TL_FLOAT64) == 0:
		return C.TL_FLOAT64, p.convert(toFloat)
	}
	return 0, fmt.Errorf("a list of values of different types")
}

func (p *parameters) onlyType() uint8 {
	for _, element := range p.records {
		if element.kind != C.TL_NULL {
			return element.kind
		}
	}
	return C.TL_NULL
}

func (p *parameters) convert(one func(*record) error) error {
	for i := range p.records {
		if kind := p.records[i].kind; kind == C.TL_INT64 || kind == C.TL_UINT64 {
			if err := one(&p.records[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (p *parameters) toDecimal(number *record) error {
	text := strconv.FormatInt(int64(number.word), 10)
	if number.kind == C.TL_UINT64 {
		text = strconv.FormatUint(number.word, 10)
	}
	*number = record{kind: C.TL_DECIMAL, length: uint32(len(text)), word: uint64(len(p.arena))}
	p.arena = append(p.arena, text...)
	return nil
}

func toFloat(number *record) error {
	float := float64(int64(number.word))
	if number.kind == C.TL_UINT64 {
		float = float64(number.word)
	}
	if !exact(number, float) {
		return fmt.Errorf("a list of floats and an integer that no float holds exactly")
	}
	*number = record{kind: C.TL_FLOAT64, word: math.Float64bits(float)}
	return nil
}

func exact(number *record, float float64) bool {
	if number.kind == C.TL_UINT64 {
		return float < 1<<64 && uint64(float) == number.word
	}
	return float < 1<<63 && int64(float) == int64(number.word)
}
