// The page's side of launchdarkly-browser.mjs, for launchdarkly-js-client-sdk 3.
import { initialize } from "launchdarkly-js-client-sdk"

window.visit = async (flags, events, context, buys) => {
  const client = initialize("65f0aa11bb22cc33dd44ee55", context, { baseUrl: flags, streamUrl: flags, eventsUrl: events, evaluationReasons: true, streaming: false, diagnosticOptOut: true })
  await client.waitForInitialization(10)
  const served = client.variation("checkout-redesign", "none")
  client.variation("plain", false)
  if (buys) client.track("purchase", { currency: "EUR" }, 20)
  await client.flush()
  return served
}
