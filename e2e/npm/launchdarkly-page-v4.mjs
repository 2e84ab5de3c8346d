// The page's side of launchdarkly-browser.mjs, for @launchdarkly/js-client-sdk 4.
import { createClient } from "@launchdarkly/js-client-sdk"

window.visit = async (flags, events, context, buys) => {
  const client = createClient("65f0aa11bb22cc33dd44ee55", context, { baseUri: flags, streamUri: flags, eventsUri: events, withReasons: true, streaming: false, diagnosticOptOut: true })
  await client.start({ timeout: 10 })
  const served = client.variation("checkout-redesign", "none")
  client.variation("plain", false)
  if (buys) client.track("purchase", { currency: "EUR" }, 20)
  await client.flush()
  return served
}
