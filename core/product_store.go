package core

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// appendProductKey is the key of a group's products: experiment, run, variant, group.
func appendProductKey(b []byte, experiment string, of armGroup) []byte {
	b = append(append(append(b, keyProduct), experiment...), 0)
	b = binary.BigEndian.AppendUint32(b, uint32(of.run))
	return append(append(b, of.variant...), 0, byte(of.group))
}

func decodeProductKey(key []byte) (experiment string, of armGroup, ok bool) {
	name, rest, ok := bytes.Cut(key[1:], []byte{0})
	if !ok || len(rest) < 6 {
		return "", of, false
	}
	of.run = int(binary.BigEndian.Uint32(rest))
	variant, rest, ok := bytes.Cut(rest[4:], []byte{0})
	if !ok || len(rest) != 1 || rest[0] >= groups {
		return "", of, false
	}
	of.variant, of.group = string(variant), int(rest[0])
	return string(name), of, true
}

// flushProducts writes the products of the groups in which they changed since they were last written. The aggregate is
// trimmed.
func (f *Fold) flushProducts(experiment string, a *Aggregate) error {
	for of := range a.paired {
		key := appendProductKey(make([]byte, 0, 128), experiment, of)
		v := a.arm(of)
		if v == nil || len(v.Pairs[of.group]) == 0 {
			if err := f.tx.Delete(key); err != nil {
				return err
			}
			continue
		}
		f.buf = binary.AppendUvarint(f.buf[:0], uint64(len(v.Pairs[of.group])))
		for _, p := range v.Pairs[of.group] {
			f.buf = appendWide(appendText(appendText(f.buf, p.Metrics[0]), p.Metrics[1]), p.Sum)
		}
		if err := f.tx.Set(key, f.buf); err != nil {
			return err
		}
	}
	a.paired = nil
	return nil
}

// loadProducts reads the products of all aggregates.
func (f *Fold) loadProducts(db Reader) error {
	return db.Scan([]byte{keyProduct}, func(key, value []byte) error {
		experiment, of, ok := decodeProductKey(key)
		a := f.aggs[experiment]
		if !ok || a == nil || a.arm(of) == nil {
			return fmt.Errorf("products of the aggregate of %q: %w", experiment, errRecord)
		}
		d := decoder{b: value}
		products := make([]Product, d.count())
		for i := range products {
			products[i] = Product{[2]string{d.text(), d.text()}, d.wide()}
		}
		if d.bad || len(d.b) > 0 {
			return fmt.Errorf("products of the aggregate of %q: %w", experiment, errRecord)
		}
		a.arm(of).Pairs[of.group] = products
		return nil
	})
}

// productLines are all products as text in a fixed order.
func (a *Aggregate) productLines() (all []string) {
	for _, n := range slices.Sorted(maps.Keys(a.Runs)) {
		for key, v := range a.Runs[n].Variants.All() {
			for group, products := range v.Pairs {
				for _, p := range products {
					all = append(all, fmt.Sprintf("run %d, %q, group %d, %q: %s", n, key, group, p.Metrics, p.Sum.Big()))
				}
			}
		}
	}
	return all
}
