package problem

import "strings"

// Bearer returns the key of an Authorization header, "" if it has another scheme. The scheme's letter case does not
// matter (RFC 9110, 11.1). It is beside Unauthorized, whose answer asks for such a header.
func Bearer(authorization string) string {
	scheme, key, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return strings.TrimSpace(key)
}
