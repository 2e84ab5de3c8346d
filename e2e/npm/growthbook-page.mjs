// The page's side of growthbook-browser.mjs.
import { GrowthBook } from "@growthbook/growthbook"
import { growthbookTrackingPlugin } from "@growthbook/growthbook/plugins"
import { payload } from "./growthbook-features.mjs"

let gb

window.start = (target, id) => {
  const plugin = growthbookTrackingPlugin({ ingestorHost: target + "/webhooks/growthbook" })
  gb = new GrowthBook({ clientKey: "sdk-e2e", attributes: { id }, plugins: [plugin] }).initSync({ payload })
  return gb.evalFeature("buy-button").experimentResult.key
}

// The login keeps id, and so the variation; only the event that has both ids says that they are one person.
window.buy = async (user) => {
  await gb.updateAttributes({ user_id: user })
  gb.evalFeature("buy-button")
  gb.logEvent("purchase", { value: 20, currency: "EUR" })
}
