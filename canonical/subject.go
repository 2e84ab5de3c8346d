package canonical

import (
	"errors"
	"strings"
)

// Token writes an id so that it can stand between the dots of a NATS subject: letters, digits, '-' and '_' as they
// are, everything else as %XX. No id and the id "_" are told apart. The inverse is ParseToken.
func Token(id string) string {
	if id == "" {
		return "_"
	}
	clean := id != "_"
	for i := 0; clean && i < len(id); i++ {
		clean = plain(id[i])
	}
	if clean {
		return id
	}
	return string(appendToken(make([]byte, 0, len(id)+16), id))
}

func appendToken(dst []byte, id string) []byte {
	if id == "" {
		return append(dst, '_')
	}
	const digits = "0123456789ABCDEF"
	for i := range len(id) {
		if c := id[i]; plain(c) && id != "_" {
			dst = append(dst, c)
		} else {
			dst = append(dst, '%', digits[c>>4], digits[c&15])
		}
	}
	return dst
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}

var errToken = errors.New("not a subject token of ours")

// ParseToken reads what Token wrote.
func ParseToken(token string) (string, error) {
	if token == "_" {
		return "", nil
	}
	if token == "" {
		return "", errToken
	}
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		switch c := token[i]; {
		case c != '%' && plain(c):
			b.WriteByte(c)
		case c == '%' && i+2 < len(token) && nibble(token[i+1]) >= 0 && nibble(token[i+2]) >= 0:
			b.WriteByte(byte(nibble(token[i+1])<<4 | nibble(token[i+2])))
			i += 2
		default:
			return "", errToken
		}
	}
	if id := b.String(); Token(id) == token {
		return id, nil
	}
	return "", errToken
}

func nibble(c byte) int { return strings.IndexByte("0123456789ABCDEF", c) }

// Subject is where an event is stored in the log: <prefix>.v1.<bucket>.<kind>.<experiment>.
func (e *Event) Subject(prefix string) string {
	const digits = "0123456789abcdef"
	b := e.Unit().Bucket()
	dst := make([]byte, 0, len(prefix)+24+len(e.ExperimentID))
	dst = append(append(dst, prefix...), ".v1."...)
	dst = append(dst, digits[b>>4], digits[b&15], '.')
	dst = append(append(dst, e.Kind.Token()...), '.')
	return string(appendToken(dst, e.ExperimentID))
}
