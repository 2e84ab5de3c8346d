// Every generation of Optimizely's Node SDK against a TrackLayer: node optimizely-node.mjs URL
import { createRequire } from "node:module"
import * as v6 from "@optimizely/optimizely-sdk"
import { Shop, datafile } from "./optimizely-shop.mjs"

const require = createRequire(import.meta.url)
const address = process.argv[2] + "/webhooks/optimizely/v1/events"
const shop = new Shop()
const visitors = 60

const post = (params) => fetch(address, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(params) })
const pending = []

// current is generation 6, with its own dispatcher or with a listener beside a dispatcher to elsewhere.
async function current(name, dispatchEvent, listener) {
  const eventProcessor = v6.createBatchEventProcessor({ eventDispatcher: { dispatchEvent }, batchSize: listener ? 1 : undefined })
  const client = v6.createInstance({ projectConfigManager: v6.createStaticProjectConfigManager({ datafile }), eventProcessor })
  await client.onReady()
  if (listener) client.notificationCenter.addNotificationListener(v6.NOTIFICATION_TYPES.LOG_EVENT, listener)
  for (let i = 0; i < visitors; i++) {
    const user = `zoë-${name}-${i}`
    const context = client.createUserContext(user, { plan: "free" })
    for (let again = 0; again < 2; again++) {
      const decision = context.decide("checkout_flow")
      shop.expose(user, decision.ruleKey, decision.variationKey)
    }
    context.decide("dark_mode")
    context.decide("closed_flag")
    if (i % 3 === 0) {
      context.trackEvent("purchase", { revenue: 4299, value: 3.5 })
      shop.buy(user)
    }
  }
  client.createUserContext("held-out", { country: "NZ" }).decide("checkout_flow")
  if (listener) await new Promise((done) => setTimeout(done, 1000)) // a client that closes tells its listeners no more
  await client.close()
}

const plain = {
  dispatchEvent(event, done) {
    pending.push(post(event.params).then((answer) => done({ statusCode: answer.status })))
  },
}

async function middle(sdk, generation) {
  const client = sdk.createInstance({ datafile, eventDispatcher: plain, eventBatchSize: 10, eventFlushInterval: 200, logger: { log() {} } })
  await client.onReady()
  for (let i = 0; i < visitors; i++) {
    const user = `zoë-${generation}-${i}`
    const decision = client.createUserContext(user).decide("checkout_flow")
    shop.expose(user, decision.ruleKey, decision.variationKey)
    shop.expose(user, "price_ab", client.activate("price_ab", user))
    if (i % 3 === 0) {
      client.track("purchase", user, {}, { revenue: 4299, cart: { n: 2 }, gift: true })
      shop.buy(user)
    }
  }
  await client.close()
  await Promise.all(pending)
}

async function oldest() {
  const { holdouts, ...rest } = JSON.parse(datafile)
  const client = require("optimizely-v2").createInstance({ datafile: JSON.stringify(rest), eventDispatcher: plain, logger: { log() {} } })
  for (let i = 0; i < visitors; i++) {
    const user = `v2-${i}`
    shop.expose(user, "price_ab", client.activate("price_ab", user))
    if (i % 3 === 0) {
      client.track("purchase", user, undefined, { revenue: 100, value: 1.5 })
      shop.buy(user)
    }
  }
  await Promise.all(pending)
}

await current("own", (event) => v6.eventDispatcher.dispatchEvent({ ...event, url: address }))
await current("listener", async () => ({ statusCode: 204 }), ({ params }) => pending.push(post(params)))
await Promise.all(pending)
await middle(require("optimizely-v5"), 5)
await middle(require("optimizely-v4"), 4)
await oldest()
shop.print()
process.exit(0)
