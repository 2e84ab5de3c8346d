package registry

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/mileusna/useragent"

	"github.com/tracklayer/tracklayer/canonical"
)

// Label says why an event is not of a user that a test is about. Labels are bits.
type Label uint8

// The labels of an event.
const (
	Bot      Label = 1 << iota // a crawler, a monitor, a script
	Internal                   // one of us
	Labels   = Bot | Internal
)

// String is the word in the API of one label.
func (l Label) String() string {
	if l == Bot {
		return "bot"
	}
	return "internal"
}

// Match is one label of an event and what it was given for.
type Match struct {
	Label Label
	Why   string
}

// tools are what words of user agents begin with, in lower case, that the library does not take for bots: browsers
// without a person in front of them, monitors, and plain scripts. A word begins where no letter or digit stands before
// it: "libcurl/8.1" is no curl, but the part of a game that a person plays.
var tools = [...]string{
	"headless", "phantomjs", "lighthouse", "puppeteer", "playwright", "selenium", "webdriver", "cypress", "pagespeed", "gtmetrix",
	"pingdom", "uptimerobot", "statuscake", "site24x7", "betteruptime", "better uptime", "datadogsynthetics", "datadog/synthetics", "newrelicpinger",
	"checkly", "catchpoint", "dynatrace", "curl/", "pycurl/", "wget/", "python-requests", "python-urllib", "aiohttp", "scrapy", "go-http-client",
	"crawler",
}

// crawlers are what words of user agents end with, in lower case, that the library does not take for bots either.
var crawlers = [...]string{"crawler", "spider"}

// robots are what the words end with that the library takes for bots.
var robots = [...]string{"bot", "bots"}

// notRobots are words that end like a bot's name and are none: a maker of phones, and one of vacuum cleaners.
var notRobots = [...]string{"cubot", "irobot"}

const (
	longestAgent = 1024 // bytes of a user agent that are looked at
	knownAgents  = 8192 // user agents that are remembered
)

// labeller gives events their labels. It remembers user agents: few of them make most of the events.
type labeller struct {
	bots     bool
	agents   []string // in lower case
	internal []Rule   // texts in lower case

	mu    sync.Mutex
	known map[string]string // user agent -> why it is a bot, "" where it is none
}

func newLabeller(f *Filters) *labeller {
	l := &labeller{bots: *f.Bots, known: map[string]string{}}
	for _, part := range f.UserAgents {
		l.agents = append(l.agents, lower(part))
	}
	for _, r := range f.Internal {
		r.Equals, r.StartsWith, r.EndsWith = lower(r.Equals), lower(r.StartsWith), lower(r.EndsWith)
		l.internal = append(l.internal, r)
	}
	return l
}

// lower is in lower case what is ASCII: that is the same for ever, where Unicode grows.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// Labels are the labels of an event.
func (l *labeller) Labels(e *canonical.Event) (labels Label) {
	if l.agent(e) != "" {
		labels |= Bot
	}
	for i := range l.internal {
		if l.internal[i].holds(e) {
			return labels | Internal
		}
	}
	return labels
}

// Matches are the labels of an event with what each was given for, one sentence's end.
func (l *labeller) Matches(e *canonical.Event) (all []Match) {
	if why := l.agent(e); why != "" {
		all = append(all, Match{Bot, why})
	}
	for i := range l.internal {
		if r := &l.internal[i]; r.holds(e) {
			return append(all, Match{Internal, "rule " + r.text() + " holds"})
		}
	}
	return all
}

// agent says why the event's user agent is a bot's, "" where it is not.
func (l *labeller) agent(e *canonical.Event) string {
	if len(e.Attributes) == 0 || !l.bots && len(l.agents) == 0 {
		return ""
	}
	agent, found := canonical.Attribute(e.Attributes, "user_agent")
	if !found || agent == "" {
		return ""
	}
	if len(agent) > longestAgent {
		agent = agent[:longestAgent]
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	why, known := l.known[agent]
	if !known {
		if len(l.known) >= knownAgents {
			clear(l.known)
		}
		why = l.judge(agent)
		l.known[agent] = why
	}
	return why
}

func (l *labeller) judge(agent string) string {
	small := lower(agent)
	for _, part := range l.agents {
		if strings.Contains(small, part) {
			return fmt.Sprintf("its user agent holds %q, which the filters name", part)
		}
	}
	if !l.bots {
		return ""
	}
	if name, bot := parse(agent); bot {
		return fmt.Sprintf("its user agent is the bot %q", name)
	}
	for _, tool := range tools {
		if beginsWord(small, tool) {
			return fmt.Sprintf("its user agent holds %q, which no person's browser does", tool)
		}
	}
	for word := range words(small) {
		for _, robot := range crawlers {
			if strings.HasSuffix(word, robot) {
				return fmt.Sprintf("its user agent holds %q, which no person's browser does", robot)
			}
		}
	}
	return ""
}

// words are the runs of letters and digits in a user agent.
func words(agent string) iter.Seq[string] {
	return strings.FieldsFuncSeq(agent, func(r rune) bool { return r < utf8.RuneSelf && !isWordByte(byte(r)) })
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// beginsWord reports whether the part stands in the text where a word begins.
func beginsWord(text, part string) bool {
	for from := 0; ; {
		at := strings.Index(text[from:], part)
		if at < 0 {
			return false
		}
		if at += from; at == 0 || !isWordByte(text[at-1]) {
			return true
		}
		from = at + 1
	}
}

// isRobot reports whether a word of the text is a bot's name.
func isRobot(text string) bool {
	for word := range words(text) {
		for _, robot := range robots {
			if strings.HasSuffix(word, robot) && !slices.Contains(notRobots[:], word) {
				return true
			}
		}
	}
	return false
}

// parse asks the library. An agent that it fails on is no known bot: stopping would not help. The library takes every
// name with the letters "bot" in it for a bot's, so where it goes by the name alone a word must be one.
func parse(agent string) (name string, bot bool) {
	defer func() {
		if recover() != nil {
			name, bot = "", false
		}
	}()
	p := useragent.Parse(agent)
	small := lower(p.Name)
	if p.Bot && p.URL == "" && strings.Contains(small, "bot") && strings.Contains(lower(agent), small) {
		return p.Name, isRobot(small)
	}
	return p.Name, p.Bot
}

func (r *Rule) holds(e *canonical.Event) bool {
	text := ""
	switch {
	case r.Attribute != "":
		if len(e.Attributes) == 0 {
			return false
		}
		text, _ = canonical.Attribute(e.Attributes, r.Attribute)
	case r.Field == "user_id":
		text = e.UserID
	default:
		text = e.AnonymousID
	}
	if text == "" {
		return false
	}
	text = lower(text)
	switch {
	case r.Equals != "":
		return text == r.Equals
	case r.StartsWith != "":
		return strings.HasPrefix(text, r.StartsWith)
	}
	return strings.HasSuffix(text, r.EndsWith)
}

// text is the rule in words.
func (r *Rule) text() string {
	of := r.Field
	if r.Attribute != "" {
		of = "attribute " + r.Attribute
	}
	switch {
	case r.Equals != "":
		return fmt.Sprintf("%s equals %q", of, r.Equals)
	case r.StartsWith != "":
		return fmt.Sprintf("%s starts with %q", of, r.StartsWith)
	}
	return fmt.Sprintf("%s ends with %q", of, r.EndsWith)
}
