package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestPlan(t *testing.T) {
	ask := func(args ...string) (string, error) {
		var out bytes.Buffer
		err := plan(context.Background(), args, streams{out: &out, err: &out}, nil)
		return out.String(), err
	}
	text, err := ask("--baseline", "5%", "--effect", "0.1", "--daily-users", "2,000")
	if err == nil {
		t.Errorf("2,000 is no number, and yet: %s", text)
	}
	text, err = ask("--baseline", "5%", "--effect", "0.1", "--daily-users", "2000")
	if err != nil || !strings.HasPrefix(text, "31,231 users per variant (62,462 in total) can detect a lift of 10% on a baseline of 5%") || !strings.Contains(text, `"min_units_per_variant":31231,"min_days":35`) {
		t.Errorf("%s %v", text, err)
	}
	text, err = ask("--type", "sum", "--baseline", "2.5", "--sd", "30", "--units", "10000", "--json")
	var a struct {
		Effect *float64
		Days   *int64
	}
	if err != nil || json.Unmarshal([]byte(text), &a) != nil || a.Effect == nil || a.Days != nil {
		t.Errorf("%s %v", text, err)
	}
	for args, flag := range map[string]string{
		"--effect 5%": "--baseline", "--baseline x": "-baseline", "--baseline 0.1 --effect 0": "--effect", "--units many": "-units", "more": `"more"`,
		"--baseline 0.1 --variants 1 --days 7": "--daily-users",
	} {
		usage := &usageError{}
		if text, err := ask(strings.Fields(args)...); !errors.As(err, &usage) || text != "" || !strings.Contains(err.Error(), flag) {
			t.Errorf("%s: %v %s", args, err, text)
		}
	}
}
