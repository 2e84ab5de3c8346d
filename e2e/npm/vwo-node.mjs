// VWO's two SDKs for Node.js. The classic one has no option for its host, so its https requests are sent to the address
// given last; FME keeps only the host of its gatewayService. Settings come from files.
import fs from "node:fs"
import http from "node:http"
import https from "node:https"
import { createRequire } from "node:module"

const require = createRequire(import.meta.url)
const [generation, address] = process.argv.slice(3)
const settings = JSON.parse(fs.readFileSync(`../testdata/vwo-${generation === "fme" ? "fme" : "classic"}.json`, "utf8"))
const base = new URL(address)
const result = { exposed: {}, second: {}, bought: [] }

// Everything that this process sends over https goes to the address, and is counted until it is answered.
let waiting = 0
for (const name of ["request", "get"]) {
  https[name] = (...args) => {
    const callback = typeof args.at(-1) === "function" ? args.pop() : undefined
    const from = typeof args[0] === "object" && !(args[0] instanceof URL) ? { ...args[0] } : { path: new URL(args[0]).pathname + new URL(args[0]).search, ...args[1] }
    for (const member of ["agent", "host", "port", "protocol", "scheme"]) delete from[member]
    waiting++
    const request = http[name]({ ...from, hostname: base.hostname, port: base.port, protocol: "http:" }, callback)
    request.on("close", () => waiting--)
    return request
  }
}

if (generation === "fme") {
  const fme = require("vwo-fme-node-sdk")
  let decision
  const client = await fme.init({
    accountId: "123456", sdkKey: settings.sdkKey, settings: structuredClone(settings), gatewayService: { url: address }, pollInterval: 3600000,
    logger: { level: "ERROR" }, integrations: { callback: (said) => { decision = said.api === "getFlag" ? said : decision } },
  })
  const name = (campaign, variation) => settings.campaigns.find((c) => c.id === campaign).variations.find((v) => v.id === variation).name
  for (let i = 0; i < 60; i++) {
    const context = { id: `user-${i}` }
    const unit = fme.getUUID(context.id, "123456")
    await client.getFlag("checkoutFlow", context)
    result.exposed[unit] = name(decision.experimentId, decision.experimentVariationId)
    await client.getFlag("searchRanker", context)
    result.second[unit] = name(decision.experimentId, decision.experimentVariationId)
    await client.getFlag("bannerPromo", context) // a personalization and an impact campaign: no experiment
    if (i % 3 === 0) {
      await client.trackEvent("purchase", context, { amount: 12.5, currency: "EUR" })
      result.bought.push(unit)
    }
  }
  await new Promise((done) => setTimeout(done, 1500)) // it sends without telling when it is done
} else {
  const vwo = require("vwo-node-sdk")
  const uuid = require("vwo-node-sdk/lib/utils/UuidUtil")
  const batched = generation === "batches"
  const client = vwo.launch({
    settingsFile: settings, logging: { level: 4, logger: { log() {} } }, ...(batched && { batchEvents: { eventsPerRequest: 100, requestTimeInterval: 600 } }),
  })
  for (let i = 0; i < 60; i++) {
    const user = `user-${i}`
    const unit = uuid.generateFor(user, settings.accountId)
    result.exposed[unit] = client.activate("checkout_ab", user)
    client.isFeatureEnabled("search_feature_test", user)
    result.second[unit] = client.getVariationName("search_feature_test", user)
    client.isFeatureEnabled("dark_mode_rollout", user)
    if (i % 3 === 0) {
      client.track(null, user, "purchase", { revenueValue: 12.5 }) // a goal of both campaigns
      result.bought.push(unit)
    }
  }
  if (batched) await client.flushEvents()
  while (waiting > 0) await new Promise((done) => setTimeout(done, 50))
}
console.log(JSON.stringify(result))
process.exit(0)
