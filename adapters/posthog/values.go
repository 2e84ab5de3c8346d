package posthog

// scalar is a number or a text that may be one.
type scalar struct {
	text string
	set  bool
}

// moment is a time as it is written: text or digits. One of another type is set and has no text.
type moment struct {
	text        string
	set, number bool
}

func (r *reader) text(dst *string) (err error) {
	if r.c.Peek() != '"' {
		return r.c.Skip()
	}
	*dst, err = r.c.String()
	return err
}

// id reads an id. Numbers become text (rust/common/types/src/event.rs).
func (r *reader) id(dst *string) error {
	if r.c.Peek() == '0' {
		return r.digits(dst)
	}
	return r.text(dst)
}

func (r *reader) digits(dst *string) error {
	if r.c.Peek() != '0' {
		return r.c.Skip()
	}
	n, err := r.c.Number()
	*dst = string(n)
	return err
}

func (r *reader) flag(dst *bool) (err error) {
	if k := r.c.Peek(); k != 't' && k != 'f' {
		return r.c.Skip()
	}
	*dst, err = r.c.Bool()
	return err
}
