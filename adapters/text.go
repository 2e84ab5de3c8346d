package adapters

import "encoding/json"

// AppendJSON writes the batch for people and for golden files: the events in their wire form one a line, then the
// rejected items, then the counts of the ignored ones. The same batch always gives the same bytes.
func (b *Batch) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"events":[`...)
	for i := range b.Events {
		dst = b.Events[i].AppendJSON(append(dst, separator(i)...))
	}
	dst = append(dst, "\n],\"rejected\":["...)
	for i := range b.Rejected {
		dst = appendPlain(append(dst, separator(i)...), b.Rejected[i])
	}
	if len(b.Rejected) > 0 {
		dst = append(dst, '\n')
	}
	if len(b.Lives) > 0 {
		dst = append(dst, `],"lives":[`...)
		for i := range b.Lives {
			dst = b.Lives[i].AppendJSON(append(dst, separator(i)...))
		}
		dst = append(dst, '\n')
	}
	if b.Catalog != nil || b.CatalogChanged {
		dst = append(dst, `],"catalog":["changed"`...)
	}
	ignored := b.Ignored
	if ignored == nil {
		ignored = map[string]int{}
	}
	return append(appendPlain(append(dst, `],"ignored":`...), ignored), '}')
}

func separator(i int) string {
	if i == 0 {
		return "\n"
	}
	return ",\n"
}

// appendPlain writes a value that consists of strings and integers, which encoding/json never refuses.
func appendPlain(dst []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return append(dst, "null"...)
	}
	return append(dst, text...)
}
