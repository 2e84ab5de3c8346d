package demo

import (
	"crypto/sha256"
	"fmt"
	"time"
)

// uuid is an id that stands for a name and a number.
func uuid(name string, number int) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%d", name, number))
	h[6], h[8] = h[6]&0x0f|0x50, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// definitions of the experiments that are declared before they start.
var definitions = []string{
	`{"id":"checkout_headline","name":"Checkout headline","hypothesis":"A shorter headline brings more people to the button","owner":"growth@shop.example",
	 "variants":[{"key":"today","name":"Today's headline"},{"key":"shorter","name":"Shorter headline"}],"control":"today","window":"72h",
	 "metrics":[{"id":"purchase","role":"primary","type":"proportion","event":"purchase"},
	  {"id":"revenue","role":"secondary","type":"sum","event":"purchase","field":"metric_value","cap":400},
	  {"id":"refund","role":"guardrail","type":"proportion","event":"refund","direction":"decrease"}],
	 "decision":{"min_units_per_variant":3000,"min_days":21,"planned_effect":0.2}}`,
	`{"id":"pricing_page","name":"Pricing page","hypothesis":"One price to start with makes the choice easier","owner":"pricing@shop.example",
	 "variants":[{"key":"control","name":"Both prices"},{"key":"monthly","name":"Monthly first"},{"key":"yearly","name":"Yearly first"}],"control":"control","window":"72h",
	 "metrics":[{"id":"plan_chosen","role":"primary","type":"proportion","event":"plan_chosen"}],
	 "decision":{"min_units_per_variant":2500,"min_days":21,"planned_effect":0.3}}`,
	`{"id":"onboarding_flow","name":"Onboarding flow","hypothesis":"A guided start activates more accounts","owner":"activation@shop.example",
	 "variants":[{"key":"control","name":"On your own","aliases":{"statsig":["2oBo4rDKmcIJ8yVlnXwsCc"]}},{"key":"guided","name":"Guided","aliases":{"statsig":["2oBo4sPfK5bZk2U3nzbvdd"]}}],
	 "control":"control","window":"72h","metrics":[{"id":"activated","role":"primary","type":"proportion","event":"activated"}],
	 "decision":{"min_units_per_variant":2500,"min_days":14,"planned_effect":0.2}}`,
	`{"id":"search_ranking","name":"Search ranking","hypothesis":"Ranking by intent gets more results opened","owner":"search@shop.example",
	 "variants":[{"key":"control","name":"By relevance"},{"key":"test","name":"By intent"}],"control":"control","window":"168h",
	 "metrics":[{"id":"result_opened","role":"primary","type":"proportion","event":"result_opened"}],
	 "decision":{"min_units_per_variant":4000,"min_days":14,"planned_effect":0.1}}`,
	`{"id":"free_shipping","name":"Free shipping","hypothesis":"Free shipping above 50 EUR raises orders","owner":"logistics@shop.example",
	 "aliases":{"optimizely":["9300000001"]},"variants":[{"key":"off","name":"As today"},{"key":"on","name":"Free above 50 EUR"}],"control":"off","window":"72h",
	 "metrics":[{"id":"order","role":"primary","type":"proportion","event":"order"},{"id":"order_value","role":"secondary","type":"sum","event":"order","field":"value"}],
	 "decision":{"min_units_per_variant":2500,"min_days":21,"planned_effect":0.25}}`,
	`{"id":"signup_form","name":"Sign-up form","hypothesis":"Fewer fields, more accounts","owner":"growth@shop.example",
	 "variants":[{"key":"long","name":"Nine fields"},{"key":"short","name":"Four fields"}],"control":"long","window":"48h",
	 "metrics":[{"id":"signed_up","role":"primary","type":"proportion","event":"signed_up"}],
	 "decision":{"min_units_per_variant":1500,"min_days":14,"planned_effect":0.25}}`,
	`{"id":"winback_mail","name":"Win-back mail","hypothesis":"A mail after sixty days brings customers back","owner":"crm@shop.example","status":"draft",
	 "variants":[{"key":"none","name":"No mail"},{"key":"mail","name":"A mail"}],"control":"none",
	 "metrics":[{"id":"returned","role":"primary","type":"proportion","event":"returned"}]}`,
}

// acts are what people do with the experiments.
func (s *Story) acts(now time.Time) []Request {
	var all []Request
	add := func(at time.Time, path, text string) {
		if at.Before(now) {
			r := post(path, []byte(text))
			r.At = at
			all = append(all, r)
		}
	}
	for i, d := range definitions {
		add(s.start.Add(-time.Hour).Add(time.Duration(i)*time.Minute), "/v1/experiments", d)
	}
	day := func(n, hour int) time.Time { return s.start.AddDate(0, 0, n).Add(time.Duration(hour) * time.Hour) }
	add(day(12, 1), "/v1/experiments/free_shipping/end-early", `{"by":"on-call@shop.example","reason":"shipping was charged all the same"}`)
	add(day(19, 9), "/v1/experiments/signup_form/stop", `{"by":"growth@shop.example","reason":"the planned two weeks are over"}`)
	add(day(20, 10), "/v1/experiments/signup_form/decisions", `{"by":"growth@shop.example","variant":"short","why":"More accounts, and no more support cases than before"}`)
	return all
}
