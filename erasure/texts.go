package erasure

import (
	"fmt"
	"strings"

	"github.com/tracklayer/tracklayer/core"
	"github.com/tracklayer/tracklayer/core/sums"
	"github.com/tracklayer/tracklayer/registry"
	"github.com/tracklayer/tracklayer/web"
)

// Bounds of the search of what people wrote.
const (
	shortestNamed = 3   // bytes of an id that is looked for: a shorter one is in every text
	maxTexts      = 200 // places that are reported
)

// texts finds what people wrote and the log keeps: an erasure does not change it, so an operator must look at it.
type texts struct {
	ids   []string
	found []web.NamingText
	more  int
}

func (t *texts) look(text, where string, args ...any) {
	for _, id := range t.ids {
		if !strings.Contains(text, id) {
			continue
		}
		if len(t.found) == maxTexts {
			t.more++
			return
		}
		t.found = append(t.found, web.NamingText{Where: fmt.Sprintf(where, args...), Bytes: len(text)})
		return
	}
}

// textsNaming searches all texts of the state for the ids of a person: definitions, reasons, decisions, notes, and who
// wrote them. It does not return the texts, because the answer is kept by callers.
func textsNaming(s *core.Search, v *sums.View, state State) ([]web.NamingText, error) {
	t := &texts{found: []web.NamingText{}}
	for _, u := range s.Units {
		if len(u.ID) >= shortestNamed {
			t.ids = append(t.ids, u.ID)
		}
	}
	if len(t.ids) == 0 {
		return t.found, nil
	}
	for _, x := range v.Registry.All() {
		for _, one := range v.Registry.History(x.ID) {
			t.revision(one)
		}
		officials, err := state.Officials(x.ID)
		if err != nil {
			return nil, err
		}
		for i := range officials {
			t.look(officials[i].By+"\n"+officials[i].Note, "experiment %s, stored readout %.12s: by, note", x.ID, officials[i].SHA256)
		}
	}
	for _, id := range v.Registry.Noted() {
		for i, n := range v.Registry.Notes(id) {
			t.look(n.By+"\n"+n.Text, "experiment %s, note %d of source %s: by, text", id, i+1, n.Source)
		}
	}
	for _, one := range v.Registry.FilterHistory() {
		t.look(one.By, "filters, revision %d: by", one.Revision)
		for i, rule := range one.Filters.Internal {
			t.look(rule.Equals+"\n"+rule.StartsWith+"\n"+rule.EndsWith, "filters, revision %d: internal/%d", one.Revision, i)
		}
	}
	receipts, err := state.Receipts()
	if err != nil {
		return nil, err
	}
	for i := range receipts {
		t.look(receipts[i].By+"\n"+receipts[i].Reason, "erasure receipt %s: by, reason", receipts[i].ID)
	}
	if t.more > 0 {
		t.found = append(t.found, web.NamingText{Where: fmt.Sprintf("%d further places", t.more)})
	}
	return t.found, nil
}

func (t *texts) revision(x *registry.Experiment) {
	at := func(member string) string {
		return fmt.Sprintf("experiment %s, revision %d: %s", x.ID, x.Revision, member)
	}
	for _, one := range []struct{ member, text string }{{"name", x.Name}, {"hypothesis", x.Hypothesis}, {"owner", x.Owner}, {"by", x.By}, {"what", x.What}} {
		t.look(one.text, "%s", at(one.member))
	}
	for _, r := range x.Runs {
		t.look(r.EndedReason, "%s", at(fmt.Sprintf("run %d, ended_reason", r.Number)))
	}
	for _, o := range x.Decisions {
		t.look(o.Why+"\n"+o.By, "%s", at(fmt.Sprintf("decision about run %d, why and by", o.Run)))
	}
}
