// GrowthBook's SDK in Node.js: one instance for each user, and the client for many, both with the tracking plugin.
import { GrowthBook, GrowthBookClient } from "@growthbook/growthbook"
import { growthbookTrackingPlugin } from "@growthbook/growthbook/plugins"
import { payload } from "./growthbook-features.mjs"

const plugin = () => growthbookTrackingPlugin({ ingestorHost: process.argv[2] + "/webhooks/growthbook", queueFlushInterval: 50 })
const wait = (ms) => new Promise((done) => setTimeout(done, ms))
const result = { single: {}, many: {}, device: {}, bought: [] }

for (let i = 0; i < 20; i++) {
  const id = `single-${i}`
  const gb = new GrowthBook({ clientKey: "sdk-e2e", attributes: { id, user_id: id, device_id: `dev-${i}` }, plugins: [plugin()] }).initSync({ payload })
  result.single[id] = gb.evalFeature("buy-button").experimentResult.key
  gb.evalFeature("buy-button")
  gb.evalFeature("new-nav")
  result.device[`dev-${i}`] = gb.evalFeature("price").experimentResult.key
  if (i % 3 === 0) {
    gb.logEvent("purchase", { value: 9.5, currency: "EUR" })
    result.bought.push(id)
  }
  await wait(80)
  gb.destroy()
}

const many = new GrowthBookClient({ clientKey: "sdk-e2e", plugins: [plugin()] }).initSync({ payload })
for (let i = 0; i < 20; i++) {
  const id = `many-${i}`
  const user = { attributes: { id, user_id: id } }
  result.many[id] = many.evalFeature("buy-button", user).experimentResult.key
  if (i % 4 === 0) {
    many.logEvent("purchase", { value: 5 }, user)
    result.bought.push(id)
  }
}
await wait(300)
many.destroy()
await wait(100)
console.log(JSON.stringify(result))
process.exit(0)
