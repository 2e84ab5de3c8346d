// The page's side of vwo-browser.mjs. The two SDKs' builds for browsers take the same global name, one after the other.
import classic from "vwo-node-sdk/dist/vwo-javascript-sdk.min.js"
import * as fme from "vwo-fme-node-sdk"

window.classicVisit = async (proxyUrl, settings, user) => {
  const sdk = classic.launch ? classic : window.vwoSdk
  const client = sdk.launch({ settingsFile: settings, proxyUrl })
  const variant = client.activate("checkout_ab", user)
  client.track("checkout_ab", user, "purchase", { revenueValue: 3 })
  await new Promise((done) => setTimeout(done, 1000))
  return variant
}

window.fmeVisit = async (proxyUrl, settings, user) => {
  const sdk = fme.init ? fme : window.vwoSdk
  let decision
  const client = await sdk.init({
    accountId: "123456", sdkKey: settings.sdkKey, settings, proxyUrl, isUsageStatsDisabled: true, integrations: { callback: (said) => { decision = said.experimentId ? said : decision } },
  })
  await client.getFlag("searchRanker", { id: user })
  await client.trackEvent("purchase", { id: user }, { amount: 12.5 })
  await new Promise((done) => setTimeout(done, 1000))
  const { variations } = settings.campaigns.find((c) => c.id === decision.experimentId)
  return variations.find((v) => v.id === decision.experimentVariationId).name
}
