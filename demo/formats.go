package demo

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// object is JSON under construction.
type object = map[string]any

func body(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil { // texts and numbers only
		return nil
	}
	return b
}

func post(path string, b []byte, header ...string) Request {
	h := http.Header{"Content-Type": {"application/json"}}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return Request{Method: http.MethodPost, Path: path, Header: h, Body: b}
}

// leaving are the persons whose participation was ended: no tool has a word for it, so the shop says it itself.
func leaving(p *plot, all []happening) (events []object, rest []happening) {
	for _, e := range all {
		if e.kind != left {
			rest = append(rest, e)
			continue
		}
		events = append(events, object{
			"event_name": "experiment_ended_early", "event_id": fmt.Sprintf("%s-end-%d", p.id, e.number), "experiment_id": p.id, "variant": e.variant, "user_id": e.person,
			"ended_reason": e.event, "ended_at": e.at.Format(time.RFC3339Nano),
		})
	}
	return events, rest
}

// backend is a service of the shop that speaks TrackLayer's own format.
func backend(p *plot, all []happening) Request {
	events, rest := leaving(p, all)
	for _, e := range rest {
		o := object{"event_id": fmt.Sprintf("%s-%d", p.id, e.number), "user_id": e.person}
		if e.kind == exposed {
			o["event_name"], o["experiment_id"], o["variant"], o["exposed_at"] = "experiment_exposed", p.id, e.variant, e.at.Format(time.RFC3339Nano)
		} else {
			o["event_name"], o["conversion_event"], o["converted_at"] = "experiment_converted", e.event, e.at.Format(time.RFC3339Nano)
			if e.value > 0 {
				o["value"], o["currency"] = e.value, "EUR"
			}
		}
		events = append(events, o)
	}
	return post("/v1/events", body(object{"batch": events}))
}

// launchdarkly is the body of a server SDK's /bulk (schema 4).
func launchdarkly(p *plot, all []happening) Request {
	var events []object
	for _, e := range all {
		o := object{"creationDate": e.at.UnixMilli(), "context": object{"kind": "user", "key": e.person}}
		if e.kind == exposed {
			o["kind"], o["key"], o["version"], o["variation"], o["value"], o["default"] = "feature", p.id, 11, e.index, e.variant, p.labels[0]
			o["reason"] = object{"kind": "FALLTHROUGH", "inExperiment": true}
		} else {
			o["kind"], o["key"] = "custom", e.event
			if e.value > 0 {
				o["metricValue"] = e.value
			}
		}
		events = append(events, o)
	}
	return post("/webhooks/launchdarkly/bulk", body(events), "User-Agent", "GoClient/7.14.6", "X-Launchdarkly-Event-Schema", "4",
		"X-Launchdarkly-Payload-Id", uuid(p.id, all[0].number))
}

// growthbook is what the tracking plugin of the JavaScript SDK posts. Its events carry no time.
func growthbook(p *plot, all []happening) Request {
	var events []object
	for _, e := range all {
		o := object{"user_id": e.person, "session_id": "s-" + strconv.Itoa(e.number), "sdk_language": "js", "sdk_version": "1.8.0", "url": "https://shop.example/pricing"}
		if e.kind == exposed {
			o["event_name"] = "Experiment Viewed"
			o["properties_json"] = object{"experimentId": p.id, "variationId": e.variant, "hashAttribute": "id", "hashValue": e.person}
		} else {
			o["event_name"], o["properties_json"] = e.event, object{}
		}
		events = append(events, o)
	}
	return post("/webhooks/growthbook/track?client_key=sdk-demo", body(events), "Content-Type", "text/plain")
}

// statsig is a server SDK's /v1/log_event. Rules stand for groups, which the definition's aliases name.
func statsig(p *plot, all []happening) Request {
	var events []object
	for _, e := range all {
		o := object{"time": e.at.UnixMilli(), "user": object{"userID": e.person}, "value": nil}
		if e.kind == exposed {
			o["eventName"] = "statsig::config_exposure"
			o["metadata"] = object{"config": p.id, "ruleID": statsigRules[e.index], "rulePassed": "true", "reason": "Network"}
		} else {
			o["eventName"], o["metadata"] = e.event, object{}
		}
		events = append(events, o)
	}
	return post("/webhooks/statsig/v1/log_event", body(object{"events": events, "statsigMetadata": object{"sdkType": "statsig-node", "sdkVersion": "6.5.2"}}),
		"Statsig-Sdk-Type", "statsig-node", "Statsig-Sdk-Version", "6.5.2")
}

var statsigRules = []string{"2oBo4rDKmcIJ8yVlnXwsCc", "2oBo4sPfK5bZk2U3nzbvdd"}

// posthog is the batch of a server SDK.
func posthog(p *plot, all []happening) Request {
	var events []object
	for _, e := range all {
		o := object{"uuid": uuid(p.id, e.number), "timestamp": e.at.Format(time.RFC3339Nano), "distinct_id": e.person}
		if e.kind == exposed {
			o["event"] = "$feature_flag_called"
			o["properties"] = object{"$feature_flag": p.id, "$feature_flag_response": e.variant, "$feature_flag_has_experiment": true, "$lib": "posthog-go", "$lib_version": "1.23.1", "$is_server": true}
		} else {
			o["event"], o["properties"] = e.event, object{"$lib": "posthog-go", "$lib_version": "1.23.1", "$is_server": true}
		}
		events = append(events, o)
	}
	return post("/webhooks/posthog/batch/", body(object{"api_key": "phc_demo", "batch": events}), "User-Agent", "posthog-go/1.23.1")
}

// optimizely is a server SDK's /v1/events. Experiments and variations have numbers, which the definition's aliases name.
func optimizely(p *plot, all []happening) Request {
	ended, rest := leaving(p, all)
	if len(rest) == 0 {
		return post("/v1/events", body(object{"batch": ended}))
	}
	var visitors []object
	for _, e := range rest {
		event := object{"timestamp": e.at.UnixMilli(), "uuid": uuid(p.id, e.number)}
		snapshot := object{"events": []object{event}}
		if e.kind == exposed {
			event["entity_id"], event["key"] = "9200000001", "campaign_activated"
			snapshot["decisions"] = []object{{
				"campaign_id": "9200000001", "experiment_id": optimizelyExperiment, "variation_id": strconv.Itoa(9400000001 + e.index),
				"metadata": object{"flag_key": "shipping", "rule_key": p.id, "rule_type": "feature-test", "variation_key": e.variant, "enabled": true},
			}}
		} else {
			event["entity_id"], event["key"], event["revenue"] = "9500000001", e.event, int64(100*e.value+0.5)
		}
		visitors = append(visitors, object{"visitor_id": e.person, "snapshots": []object{snapshot}})
	}
	return post("/webhooks/optimizely/v1/events", body(object{
		"account_id": "12001", "project_id": "19001", "revision": "42", "client_name": "go-sdk", "client_version": "2.3.1", "anonymize_ip": true, "enrich_decisions": true, "visitors": visitors,
	}))
}

const optimizelyExperiment = "9300000001"

// vwo is the batch of a Feature Experimentation SDK. Its persons are hashes of their ids.
func vwo(p *plot, all []happening) Request {
	var events []object
	for _, e := range all {
		visitor := strings.ToUpper(strings.ReplaceAll(uuid(e.person, 0), "-", ""))
		props := object{"vwo_sdkName": "vwo-fme-node-sdk", "vwo_sdkVersion": "1.35.0"}
		event := object{"props": props, "name": e.event, "time": e.at.UnixMilli()}
		if e.kind == exposed {
			event["name"], props["id"], props["variation"], props["isFirst"] = "vwo_variationShown", vwoCampaign, e.index+1, 1
		} else {
			props["vwoMeta"], props["isCustomEvent"] = object{}, true
		}
		events = append(events, object{"d": object{
			"msgId": fmt.Sprintf("%s-%d", visitor, e.at.UnixMilli()), "visId": visitor, "sessionId": e.at.Unix(), "visitor_ua": "", "visitor_ip": "", "event": event,
		}})
	}
	return post("/webhooks/vwo/server-side/batch-events-v2?a=123456&env=demo&sn=vwo-fme-node-sdk&sv=1.35.0", body(object{"ev": events}))
}

const vwoCampaign = 11
