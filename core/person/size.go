package person

// Weight is how large the record of a person is, in parts of about equal size: how much work a change of it is.
func (p *Person) Weight() int64 {
	n := int64(len(p.Units) + len(p.Parts))
	for i := range p.Parts {
		for j := range p.Parts[i].Runs {
			v := &p.Parts[i].Runs[j]
			n += int64(1 + len(v.Arms) + len(v.Unknown) + len(v.Totals))
			for k := range v.Totals {
				n += int64(len(v.Totals[k].Steps))
			}
		}
	}
	return n
}

// Size is how many facts the person has, or nearly.
func (p *Person) Size() int64 {
	n := p.Conversions + 1
	for i := range p.Parts {
		n += p.Parts[i].Outside
		for j := range p.Parts[i].Runs {
			v := &p.Parts[i].Runs[j]
			for _, a := range v.Arms {
				n += a.N
			}
			for _, a := range v.Unknown {
				n += a.N
			}
		}
	}
	return n
}
