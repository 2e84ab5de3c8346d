package webhooks

import (
	"bytes"
	"errors"
	"maps"
	"mime"
	"slices"

	"github.com/tracklayer/tracklayer/adapters"
	"github.com/tracklayer/tracklayer/canonical"
)

// maxProbes is how many broken items of a request are looked up by decoding it again. Items of one plain array need no
// lookup.
const maxProbes = 16

// repaired decodes a request whose body is not JSON, so that what is not JSON costs the items that it is in and no others.
// An adapter knows what its items are and this package does not, so it is asked: decode decodes a body that is.
//
// Words, numbers and strings that are not JSON, such as NaN, are read as null. They cost nothing if the item becomes the
// same event with any other value in their place; else the item is rejected. An item that is not JSON otherwise is
// rejected. It reports false if the borders of the items cannot be found, or the adapter cannot read the rest.
func repaired(body []byte, asLines bool, decode func(body []byte) (adapters.Batch, error)) (adapters.Batch, bool) {
	found, ok := findFlaws(body, asLines)
	if !ok || len(found.scalars)+len(found.broken) == 0 {
		return adapters.Batch{}, false
	}
	plain := patch(body, found, func(scalar) string { return "null" })
	batch, err := decode(plain.text)
	if err != nil {
		return adapters.Batch{}, false
	}
	if len(found.scalars) > 0 {
		other := patch(body, found, func(s scalar) string {
			switch {
			case !s.inArray && batch.Items > 1: // it belongs to the request and to no item
				return "null"
			case s.quoted:
				return `"7"`
			}
			return "7"
		})
		probe, err := decode(other.text)
		if err != nil {
			return adapters.Batch{}, false
		}
		faults, why := map[int]verdict{}, found.sentence(body)
		for _, i := range differing(&batch, &probe) {
			faults[i] = verdict{why, &probe}
		}
		condemn(&batch, faults)
	}
	if !rejectBroken(&batch, found, &plain, decode) {
		return adapters.Batch{}, false
	}
	slices.SortStableFunc(batch.Rejected, func(a, b adapters.Rejection) int { return a.Index - b.Index })
	return batch, true
}

// patched is a body with other text in place of what is not JSON.
type patched struct {
	text  []byte
	items []int // where the broken items stand in it
}

// patch replaces scalars by what replace says, and broken items by null.
func patch(body []byte, f *flaws, replace func(scalar) string) (p patched) {
	done := 0
	put := func(at span, text string) {
		p.text = append(append(p.text, body[done:at.from]...), text...)
		done = at.to
	}
	scalars, broken := f.scalars, f.broken
	for len(scalars)+len(broken) > 0 {
		if len(broken) == 0 || len(scalars) > 0 && scalars[0].from < broken[0].from {
			put(scalars[0].span, replace(scalars[0]))
			scalars = scalars[1:]
			continue
		}
		put(broken[0].span, "null")
		p.items = append(p.items, len(p.text)-len("null"))
		broken = broken[1:]
	}
	p.text = append(p.text, body[done:]...)
	return p
}

// rejectBroken rejects the items that hold broken elements.
func rejectBroken(b *adapters.Batch, f *flaws, p *patched, decode func([]byte) (adapters.Batch, error)) bool {
	if len(f.broken) == 0 {
		return true
	}
	array := f.broken[0].array
	flat := b.Items == f.lengths[array] && !slices.ContainsFunc(f.broken, func(e element) bool { return e.array != array })
	if !flat && len(f.broken) > maxProbes {
		return false
	}
	faults := make(map[int]verdict, len(f.broken))
	for n, e := range f.broken {
		i, other := e.index, (*adapters.Batch)(nil)
		if !flat {
			var ok bool
			if i, other, ok = itemAt(p.text[:p.items[n]], e.closing, decode); !ok || i >= b.Items {
				return false
			}
		}
		faults[i] = verdict{"is not valid JSON: " + e.why, other}
	}
	condemn(b, faults)
	return true
}

// itemAt is the index of the item that holds the element after before: the element itself if it is one more item, else the
// last item before its end.
func itemAt(before, closing []byte, decode func([]byte) (adapters.Batch, error)) (int, *adapters.Batch, bool) {
	closed := slices.Clone(closing)
	slices.Reverse(closed)
	with, err := decode(slices.Concat(before, []byte("null"), closed))
	if err != nil || with.Items == 0 {
		return 0, nil, false
	}
	without, err := decode(append(bytes.TrimRight(slices.Clone(before), ", \t\r\n"), closed...))
	if err != nil {
		without = adapters.Batch{}
	}
	return with.Items - 1, &without, true
}

// differing are the items of which a batch says something else than another one of the same request, apart from
// attributes and ids. An event whose id is not JSON is one without an id.
func differing(a, b *adapters.Batch) []int {
	said, others := outcomes(a), outcomes(b)
	var all []int
	for i := range max(a.Items, b.Items) {
		if said[i] != others[i] {
			all = append(all, i)
		}
	}
	return all
}

// outcomes is what a batch says of each item, as text; an ignored item has none.
func outcomes(b *adapters.Batch) map[int]string {
	all := map[int]string{}
	for i := range b.Events {
		e := b.Events[i].Event
		e.ID, e.IDOrigin, e.Attributes = "", canonical.FromSender, nil
		all[b.Events[i].Index] += string(e.AppendJSON(nil))
	}
	for i := range b.Lives {
		l := b.Lives[i].Life
		l.ID = ""
		all[b.Lives[i].Index] += string(l.AppendJSON(nil))
	}
	for _, r := range b.Rejected {
		all[r.Index] += "rejected"
	}
	return all
}

// verdict says why an item is rejected. Other is a batch of the same request without the item's fault, or nil.
type verdict struct {
	why   string
	other *adapters.Batch
}

// condemn rejects items in place of whatever the batch says of them. Of an ignored one the batch does not say which reason
// counts it: the first that counts more than in the other batch, or any.
func condemn(b *adapters.Batch, faults map[int]verdict) {
	counted := make(map[int]bool, len(faults)) // those that are not ignored
	condemned := func(index int) bool {
		if _, ok := faults[index]; !ok {
			return false
		}
		counted[index] = true
		return true
	}
	b.Events = slices.DeleteFunc(b.Events, func(d adapters.Decoded) bool { return condemned(d.Index) })
	b.Lives = slices.DeleteFunc(b.Lives, func(d adapters.DecodedLife) bool { return condemned(d.Index) })
	b.Rejected = slices.DeleteFunc(b.Rejected, func(r adapters.Rejection) bool { return condemned(r.Index) })
	for _, index := range slices.Sorted(maps.Keys(faults)) {
		f := faults[index]
		if !counted[index] {
			reasons := slices.Sorted(maps.Keys(b.Ignored))
			at := slices.IndexFunc(reasons, func(r string) bool { return f.other != nil && b.Ignored[r] > f.other.Ignored[r] })
			if at = max(at, 0); at < len(reasons) {
				if b.Ignored[reasons[at]]--; b.Ignored[reasons[at]] == 0 {
					delete(b.Ignored, reasons[at])
				}
			}
		}
		b.Rejected = append(b.Rejected, adapters.Rejection{Index: index, Reason: f.why})
	}
}

var (
	bomUTF8    = []byte("\xef\xbb\xbf")
	bomUTF16LE = []byte("\xff\xfe")
	bomUTF16BE = []byte("\xfe\xff")
)

// isUTF16 reports whether a text is JSON in UTF-16, with or without a byte order mark.
func isUTF16(text []byte) bool {
	if bytes.HasPrefix(text, bomUTF16LE) || bytes.HasPrefix(text, bomUTF16BE) {
		return true
	}
	return len(text) >= 2 && (text[0] == 0 && isOpening(text[1]) || text[1] == 0 && isOpening(text[0]))
}

func isOpening(c byte) bool { return c == '{' || c == '[' }

var errUTF16 = adapters.Unreadable("the body is in UTF-16; send it in UTF-8")

// decodeText decodes a request. It passes over a byte order mark, and what is not JSON costs only the items that it is in.
func decodeText(e adapters.Envelope, decode func(adapters.Envelope) (adapters.Batch, error)) (adapters.Batch, error) {
	e.Body = bytes.TrimPrefix(e.Body, bomUTF8)
	b, err := decode(e)
	if err == nil || errors.Is(err, adapters.ErrNotServed) || errors.Is(err, adapters.ErrTooLarge) || errors.Is(err, errPanicked) {
		return b, err
	}
	if isUTF16(e.Body) {
		return b, errUTF16
	}
	media, _, _ := mime.ParseMediaType(e.Header.Get("Content-Type")) // none is JSON
	asLines := media == "application/x-ndjson" || media == "application/ndjson"
	if asLines {
		e.Body = bytes.ReplaceAll(e.Body, append([]byte{'\n'}, bomUTF8...), []byte{'\n'})
	} else if first := bytes.TrimLeft(e.Body, " \t\r\n"); len(first) == 0 || !isOpening(first[0]) {
		return b, err
	}
	again, ok := repaired(e.Body, asLines, func(body []byte) (adapters.Batch, error) {
		e := e
		e.Body = body
		return decode(e)
	})
	if ok {
		return again, nil
	}
	return b, err
}
