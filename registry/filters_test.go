package registry_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/tracklayer/tracklayer/canonical"
	"github.com/tracklayer/tracklayer/registry"
)

func attributed(text string) *canonical.Event {
	return &canonical.Event{UserID: "QA-7", AnonymousID: "a-1", Attributes: json.RawMessage(text)}
}

func agent(text string) *canonical.Event {
	raw, _ := json.Marshal(map[string]string{"user_agent": text})
	return attributed(string(raw))
}

func filtered(t *testing.T, text string) *registry.FilterRevision {
	t.Helper()
	r, x, err := registry.Registry{}.Apply(fmt.Appendf(nil, `{"filters":%s,"revision":1,"changed_by":"ann"}`, text), 7)
	if err != nil || x != nil || r.Revision != 1 {
		t.Fatal(x, err, r.Revision)
	}
	return r.Filters()
}

func TestBots(t *testing.T) {
	const chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) %s/131.0.0.0 Safari/537.36"
	bots := []string{
		"Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
		fmt.Sprintf(chrome, "HeadlessChrome"), "Mozilla/5.0 (compatible; UptimeRobot/2.0)", "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
		"curl/8.5.0", "python-requests/2.32.3", fmt.Sprintf(chrome, "Chrome-Lighthouse Chrome"), "facebookexternalhit/1.1",
		"Googlebot/2.1 (+http://www.google.com/bot.html)", "python-requests/2.31.0", "Wget/1.21.4", "Python-urllib/3.11", "Go-http-client/2.0", "python/3.11 aiohttp/3.9.1",
		"Scrapy/2.11 (+https://scrapy.org)", "PycURL/7.45.1 libcurl/7.81.0 OpenSSL/3.0.2", "git/2.43 curl/8.5.0", "AhrefsBot/7.0", "MJ12bot/v1.4.8", "Twitterbot/1.0", "Mediapartners-Google",
		"Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", "Mozilla/5.0 (compatible; Baiduspider/2.0)", "Sogou web spider/4.0", "AdsTxtCrawler/1.0", "crawler4j",
		"Mozilla/5.0 (Linux; Android 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Mobile Safari/537.36 (compatible; Bytespider; spider-feedback@bytedance.com)",
		"Mozilla/5.0 (Unknown; Linux x86_64) AppleWebKit/538.1 (KHTML, like Gecko) PhantomJS/2.1.1 Safari/538.1", fmt.Sprintf(chrome, "HeadlessEdg"),
		"Mozilla/5.0 (Windows NT 6.1) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/60 Safari/537.36 StatusCake_Pagespeed_indev", fmt.Sprintf(chrome, "DynatraceSynthetic/1.0 Chrome"),
	}
	people := []string{
		fmt.Sprintf(chrome, "Chrome"), "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", "",
		"UnityPlayer/2022.3.10f1 (UnityWebRequest/1.0, libcurl/8.1.1-DEV)", "UnityPlayer/6000.0.23f1 (UnityWebRequest/1.0, libcurl/8.6.0-DEV)", "MyGame/1.2 libcurl/7.88",
		"Mozilla/5.0 (Linux; Android 10; CUBOT X30 Build/QP1A) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Mobile Safari/537.36",
		"Dalvik/2.1.0 (Linux; U; Android 10; CUBOT X30 Build/QP1A.190711.020)", "Mozilla/5.0 (Linux; U; Android 4.4; CUBOT S208) AppleWebKit/534.30 (KHTML, like Gecko) Version/4.0 Mobile Safari/534.30",
		"CUBOT X18 Plus/1.0 (Android 8)", "com.cubot.browser/1.0 (CUBOT P40; Android 10)", "iRobot Home/5.2 CFNetwork/1410 Darwin/22", "BOTIM/3.0 (iPhone; iOS 17)", "Abbott/1.0 (Libre; iOS 17)",
		"okhttp/4.12.0", "MyApp/1 CFNetwork/1410 Darwin/22", "Spiderman/2.0 (PlayStation 5)", "Roku4640X/DVP-7.70 (297.70E04154A)",
	}
	var r registry.Registry
	for range 2 { // the second time from memory
		for _, a := range bots {
			m := r.Filters().Matches(agent(a))
			if r.Filters().Labels(agent(a)) != registry.Bot || len(m) != 1 || m[0].Why == "" {
				t.Errorf("%q is a bot: %v", a, m)
			}
		}
		for _, a := range people {
			if r.Filters().Labels(agent(a)) != 0 || r.Filters().Matches(agent(a)) != nil {
				t.Errorf("%q is no bot", a)
			}
		}
	}
	off := filtered(t, `{"bots":false,"user_agents":["MyMonitor"]}`)
	if off.Labels(agent(bots[0])) != 0 || off.Labels(agent("x mymonitor/3")) != registry.Bot {
		t.Error("only what the filters name")
	}
	if off.Labels(attributed(`{"agent":"mymonitor"}`)) != 0 || off.Labels(attributed("")) != 0 || off.Labels(attributed(`{"user_agent":3}`)) != 0 {
		t.Error("another attribute, or none")
	}
	long := strings.Repeat("x", 2000) + "mymonitor"
	if off.Labels(agent(long)) != 0 {
		t.Error("the end of a very long user agent")
	}
}

func TestInternal(t *testing.T) {
	f := filtered(t, `{"internal":[{"attribute":"email","ends_with":"@Example.com"},{"attribute":"staff","equals":"true"},{"field":"user_id","starts_with":"qa-"}]}`)
	cases := []struct {
		event *canonical.Event
		want  registry.Label
		why   string
	}{
		{&canonical.Event{UserID: "u", Attributes: json.RawMessage(`{"email":"ANN@example.COM"}`)}, registry.Internal, `rule attribute email ends with "@example.com" holds`},
		{&canonical.Event{UserID: "u", Attributes: json.RawMessage(`{"staff":true}`)}, registry.Internal, `rule attribute staff equals "true" holds`},
		{&canonical.Event{UserID: "u", Attributes: json.RawMessage(`{"staff":null,"email":"x@example.org"}`)}, 0, ""},
		{&canonical.Event{UserID: "u", Attributes: json.RawMessage(`{"em\u0061il":"a@example.com"}`)}, registry.Internal, `rule attribute email ends with "@example.com" holds`},
		{attributed(`{}`), registry.Internal, `rule user_id starts with "qa-" holds`},
		{&canonical.Event{AnonymousID: "qa-1"}, 0, ""},
		{agent("curl/8"), registry.Internal | registry.Bot, `its user agent holds "curl/", which no person's browser does`},
	}
	for i, c := range cases {
		why := ""
		if m := f.Matches(c.event); len(m) > 0 {
			why = m[0].Why
		}
		if got := f.Labels(c.event); got != c.want || why != c.why {
			t.Errorf("case %d: %d %q, want %d %q", i, got, why, c.want, c.why)
		}
	}
}

func TestFiltersSayWhatIsWrong(t *testing.T) {
	many := strings.TrimSuffix(strings.Repeat(`"abc",`, 201), ",")
	for text, pointers := range map[string]string{
		`{}`:                                 "",
		`{"user_agents":["ab","abc","abc"]}`: "/user_agents/0 /user_agents/2",
		`{"internal":[{},{"attribute":"a","field":"user_id","equals":"x"},{"field":"id","equals":"x"},{"field":"user_id"},{"attribute":"a","equals":"x","ends_with":"y"}]}`: "/internal/0/field /internal/0 /internal/1 /internal/2/field /internal/3 /internal/4",
		`{"internal":[{"attribute":"a\u0000","equals":"x"}]}`: "/internal/0/attribute",
	} {
		var f registry.Filters
		if err := json.Unmarshal([]byte(text), &f); err != nil {
			t.Fatal(err)
		}
		var faults registry.Faults
		errors.As(f.Normalize(), &faults)
		var got []string
		for _, one := range faults {
			got = append(got, one.Pointer)
		}
		if strings.Join(got, " ") != pointers || f.Bots == nil || f.Internal == nil || f.UserAgents == nil {
			t.Errorf("%s: %v", text, faults)
		}
	}
	if _, _, err := (registry.Registry{}).Apply([]byte(`{"filters":{"user_agents":[`+many+`]}}`), 1); !errors.Is(err, registry.ErrChange) {
		t.Error(err)
	}
}

func TestFiltersAreAValueWithAHistory(t *testing.T) {
	var r registry.Registry
	if f := r.Filters(); f.Revision != 0 || !*f.Filters.Bots || f.Seq != 0 {
		t.Errorf("%+v", f)
	}
	off := false
	change, err := r.Filters().Edit(registry.Filters{Bots: &off}, canonical.MinTime, "ann")
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(change)
	next, _, err := r.Apply(raw, 3)
	if err != nil || next.Filters().Seq != 3 || next.Filters().By != "ann" || len(next.FilterHistory()) != 1 || len(r.FilterHistory()) != 0 {
		t.Fatal(err, next.FilterHistory())
	}
	declared, x, err := next.Apply([]byte(good), 4)
	if err != nil || x == nil || declared.Filters() != next.Filters() || declared.Revision != 2 {
		t.Fatal(err)
	}
	if _, err := next.Filters().Edit(registry.Filters{}, 0, "a\x00"); err == nil {
		t.Error("a control character in the name")
	}
}

// FuzzAgent: no user agent takes the program down.
func FuzzAgent(f *testing.F) {
	f.Add("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)")
	f.Add("(;;/ (")
	f.Fuzz(func(t *testing.T, text string) {
		var r registry.Registry
		if a, b := r.Filters().Labels(agent(text)), r.Filters().Labels(agent(text)); a != b {
			t.Fatal(a, b)
		}
	})
}
