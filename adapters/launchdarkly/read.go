package launchdarkly

// The readers of single members. Each consumes exactly one value of whatever type and fails only on a syntax error:
// a wrong type is remembered, because most members are not needed for most kinds.

func (r *reader) text(dst *text) (err error) {
	*dst = text{}
	switch r.c.Peek() {
	case '"':
		dst.given = right
		dst.s, err = r.c.String()
		return err
	case 'n':
	default:
		dst.given = wrong
	}
	return r.c.Skip()
}

func (r *reader) number(dst *number) (err error) {
	*dst = number{}
	switch r.c.Peek() {
	case '0':
		dst.given = right
		dst.digits, err = r.c.Number()
		return err
	case 'n':
	default:
		dst.given = wrong
	}
	return r.c.Skip()
}

// flag reads a boolean; anything else is false, as an absent one is.
func (r *reader) flag(dst *bool) (err error) {
	*dst = false
	if first := r.c.Peek(); first == 't' || first == 'f' {
		*dst, err = r.c.Bool()
		return err
	}
	return r.c.Skip()
}

// statement reads a boolean that may be left out; null and what is none count as left out.
func (r *reader) statement(dst *statement) error {
	*dst = unsaid
	if first := r.c.Peek(); first != 't' && first != 'f' {
		return r.c.Skip()
	}
	said, err := r.c.Bool()
	if *dst = no; said {
		*dst = yes
	}
	return err
}

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
		r.w.wrapped = wrong
		return r.c.Skip()
	}
	r.w.wrapped = right
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
		dst.given = right
		r.people = dst
		return r.c.Object(r.contextMember)
	case 'n':
	default:
		dst.given = wrong
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
			p.self.key = text{given: wrong}
		case "anonymous":
			p.self.anonymous = unsaid
		}
		return r.c.Object(r.personMember)
	}
	if string(name) == user || len(p.several) > 0 {
		p.add(name).key.given = wrong
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
		dst.given = right
		r.people = dst
		return r.c.Object(r.contextKeysMember)
	case 'n':
	default:
		dst.given = wrong
	}
	return r.c.Skip()
}

func (r *reader) contextKeysMember(name []byte) error {
	return r.text(&r.people.add(name).key)
}
