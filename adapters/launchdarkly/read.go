package launchdarkly

import "github.com/tracklayer/tracklayer/adapters/field"

func (r *reader) text(dst *field.Text) error { return field.ReadText(&r.c, dst) }

func (r *reader) number(dst *field.Number) error { return field.ReadNumber(&r.c, dst) }

func (r *reader) flag(dst *bool) error { return field.ReadFlag(&r.c, dst) }

func (r *reader) statement(dst *field.Tri) error { return field.ReadTri(&r.c, dst) }

// keep reads an attribute of a context that is to be kept, if it is a text, a number or a boolean.
func (r *reader) keep(of int, name []byte) error {
	kept, wanted := r.wanted[string(name)]
	first := r.c.Peek()
	if !wanted || first != '"' && first != '0' && first != 't' && first != 'f' {
		return r.c.Skip()
	}
	raw, err := r.c.Raw()
	r.people.kept = append(r.people.kept, keptAttribute{of, kept, raw})
	return err
}

func (r *reader) kind() error {
	r.w.kind = noKind
	if r.c.Peek() != '"' {
		return r.c.Skip()
	}
	word, err := r.c.Text()
	r.w.kind = parseKind(word)
	return err
}

func (r *reader) value(dst *value) (err error) {
	*dst = value{first: r.c.Peek()}
	switch dst.first {
	case '"':
		dst.text, err = r.c.String()
		return err
	case '0':
		dst.digits, err = r.c.Number()
		return err
	}
	return r.c.Skip()
}

// reason looks for inExperiment, which the evaluator sets where the rollout is an experiment, the bucket is tracked
// and the context has the rollout's kind (go-server-sdk-evaluation evaluator.go variationOrRolloutResult).
func (r *reader) reason() error {
	r.w.inExperiment = false
	if r.c.Peek() != '{' {
		return r.c.Skip()
	}
	return r.c.Object(r.reasonMember)
}

func (r *reader) reasonMember(name []byte) error {
	if string(name) == "inExperiment" {
		return r.flag(&r.w.inExperiment)
	}
	return r.c.Skip()
}

func (r *reader) wrapped() error {
	if r.w == &r.inner {
		return r.c.Skip() // records are not nested
	}
	if r.c.Peek() != '{' {
		r.w.wrapped = field.Wrong
		return r.c.Skip()
	}
	r.w.wrapped = field.Right
	r.w = &r.inner
	r.w.reset()
	err := r.c.Object(r.member)
	r.w = &r.outer
	return err
}

// context reads a context of schema 4, or a user of schema 3, which has the same two members that matter. Both the
// form of a single kind and the form of several are noted, because which of them it is may be said last.
func (r *reader) context(dst *people) error {
	dst.reset()
	switch r.c.Peek() {
	case '{':
		dst.given = field.Right
		r.people = dst
		return r.c.Object(r.contextMember)
	case 'n':
	default:
		dst.given = field.Wrong
	}
	return r.c.Skip()
}

func (r *reader) contextMember(name []byte) error {
	p := r.people
	if string(name) == "kind" {
		return r.text(&p.kind)
	}
	if r.c.Peek() == '{' {
		p.add(name)
		switch string(name) {
		case "key":
			p.self.key = field.Text{Given: field.Wrong}
		case "anonymous":
			p.self.anonymous = field.Unsaid
		}
		return r.c.Object(r.personMember)
	}
	if string(name) == user || len(p.several) > 0 {
		p.add(name).key.Given = field.Wrong
	}
	switch string(name) {
	case "key":
		return r.text(&p.self.key)
	case "anonymous":
		return r.statement(&p.self.anonymous)
	}
	return r.keep(-1, name)
}

func (r *reader) personMember(name []byte) error {
	last := &r.people.several[len(r.people.several)-1]
	switch string(name) {
	case "key":
		return r.text(&last.key)
	case "anonymous":
		return r.statement(&last.anonymous)
	}
	return r.keep(len(r.people.several)-1, name)
}

func (r *reader) contextKeys(dst *people) error {
	dst.reset()
	switch r.c.Peek() {
	case '{':
		dst.given = field.Right
		r.people = dst
		return r.c.Object(r.contextKeysMember)
	case 'n':
	default:
		dst.given = field.Wrong
	}
	return r.c.Skip()
}

func (r *reader) contextKeysMember(name []byte) error {
	return r.text(&r.people.add(name).key)
}
