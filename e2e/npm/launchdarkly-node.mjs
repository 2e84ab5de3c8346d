// LaunchDarkly's Node.js server SDK, with flags from a file.
import fs from "node:fs"
import os from "node:os"
import path from "node:path"
import { basicLogger, init } from "@launchdarkly/node-server-sdk"
import { FileDataSourceFactory } from "@launchdarkly/node-server-sdk/integrations"

const rollout = { kind: "experiment", contextKind: "user", seed: 61, variations: [{ variation: 0, weight: 50000 }, { variation: 1, weight: 50000 }] }
const flags = {
  "checkout-redesign": { key: "checkout-redesign", version: 11, on: true, salt: "s", variations: ["control", "treatment"], offVariation: 0, fallthrough: { rollout }, targets: [{ variation: 1, values: ["targeted"] }], rules: [], prerequisites: [] },
  plain: { key: "plain", version: 3, on: true, salt: "s", variations: [true, false], offVariation: 1, fallthrough: { variation: 0 }, targets: [], rules: [], prerequisites: [], trackEvents: true },
}
const file = path.join(fs.mkdtempSync(path.join(os.tmpdir(), "ld-")), "flags.json")
fs.writeFileSync(file, JSON.stringify({ flags }))

const result = { exposed: {}, anonymous: {}, bought: [] }
for (const enableEventCompression of [false, true]) {
  const target = process.argv[2]
  const client = init("sdk-00000000-0000-4000-8000-000000000002", {
    eventsUri: target + "/webhooks/launchdarkly", baseUri: target, streamUri: target, diagnosticOptOut: true, flushInterval: 3600, enableEventCompression,
    updateProcessor: new FileDataSourceFactory({ paths: [file] }).getFactory(), logger: basicLogger({ level: "warn" }),
  })
  await client.waitForInitialization({ timeout: 10 })
  for (let i = 0; i < 50; i++) {
    const key = `user-${enableEventCompression}-${i}`
    const user = { kind: "user", key, email: `${key}@example.com` }
    result.exposed[key] = await client.variation("checkout-redesign", user, "control")
    await client.variation("plain", user, false)
    if (i % 3 === 0) {
      client.track("purchase", user, { currency: "EUR" }, 9.99)
      result.bought.push(key)
    }
  }
  const visitor = { kind: "user", key: `visitor-${enableEventCompression}`, anonymous: true }
  result.anonymous[visitor.key] = await client.variation("checkout-redesign", visitor, "control")
  await client.variation("checkout-redesign", { kind: "user", key: "targeted" }, "control")
  await client.flush()
  client.close()
}
fs.rmSync(path.dirname(file), { recursive: true })
console.log(JSON.stringify(result))
process.exit(0)
