// Runs in the page: Optimizely's browser SDK with its XMLHttpRequest and its sendBeacon dispatcher.
import * as sdk from "@optimizely/optimizely-sdk/browser"

window.shop = async (address, datafile) => {
  const to = (dispatcher) => ({ dispatchEvent: (event) => dispatcher.dispatchEvent({ ...event, url: address }) })
  const visits = []
  for (const [name, dispatcher] of [["xhr", sdk.eventDispatcher], ["beacon", sdk.getSendBeaconEventDispatcher()]]) {
    const client = sdk.createInstance({
      projectConfigManager: sdk.createStaticProjectConfigManager({ datafile }),
      eventProcessor: sdk.createBatchEventProcessor({ eventDispatcher: to(dispatcher), closingEventDispatcher: to(dispatcher), storage: undefined }),
    })
    await client.onReady()
    for (let i = 0; i < 10; i++) {
      const context = client.createUserContext(`${name}-${i}`, { plan: "free" })
      const decision = context.decide("checkout_flow")
      visits.push({ user: `${name}-${i}`, rule: decision.ruleKey, variation: decision.variationKey, bought: i % 2 === 0 })
      if (i % 2 === 0) context.trackEvent("purchase", { revenue: 500 })
    }
    await client.close()
  }
  return visits
}
