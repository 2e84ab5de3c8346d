// posthog-node 5 and 4: flags from a stub, events to the target. Prints what the SDK itself returned.
import http from "node:http"
import { PostHog } from "posthog-node"
import { PostHog as PostHog4 } from "posthog-node-4"

const target = process.argv[2] + "/webhooks/posthog"
const variantOf = (id) => ["control", "test"][[...id].reduce((sum, c) => sum + c.charCodeAt(0), 0) % 2]
const flagsOf = (id) => ({
  flags: {
    "checkout-cta": { key: "checkout-cta", enabled: true, variant: variantOf(id), metadata: { id: 1, version: 1, has_experiment: true } },
    "new-nav": { key: "new-nav", enabled: true, metadata: { id: 2, version: 1, has_experiment: false } },
  },
  featureFlags: { "checkout-cta": variantOf(id), "new-nav": true }, featureFlagPayloads: {}, errorsWhileComputingFlags: false, requestId: "r-1",
})

// A proxy as docs/vendors/posthog.md has it: the paths of events go to the target, bytes and headers as they are, and all
// others to PostHog, which is the stub.
const proxy = http.createServer((request, response) => {
  const parts = []
  request.on("data", (part) => parts.push(part))
  request.on("end", async () => {
    const body = Buffer.concat(parts)
    if (!/^\/(e|i\/v0\/e|batch|capture|i\/v1\/analytics\/events)(\/|\?|$)/.test(request.url)) {
      let text = body
      if (body[0] === 0x1f) text = (await import("node:zlib")).gunzipSync(body)
      response.writeHead(200, { "Content-Type": "application/json" })
      return response.end(JSON.stringify(flagsOf(JSON.parse(text).distinct_id)))
    }
    const headers = { ...request.headers }
    delete headers.host
    const onward = http.request(target + request.url, { method: request.method, headers }, (answer) => {
      response.writeHead(answer.statusCode, answer.headers)
      answer.pipe(response)
    })
    onward.end(body)
  })
})
await new Promise((done) => proxy.listen(0, "127.0.0.1", done))
const host = `http://127.0.0.1:${proxy.address().port}`

// flagOf reads both flags. posthog-node 5 takes them from one evaluation, version 4 one by one.
async function flagOf(client, id) {
  if (client.evaluateFlags) {
    const flags = await client.evaluateFlags(id)
    flags.isEnabled("new-nav")
    return flags.getFlag("checkout-cta")
  }
  await client.getFeatureFlag("new-nav", id)
  return client.getFeatureFlag("checkout-cta", id)
}

const result = { exposed: {}, converted: {} }
for (const [name, Client, options] of [["v5", PostHog, {}], ["v5plain", PostHog, { disableCompression: true }], ["v4", PostHog4, {}]]) {
  const client = new Client("phc_test", { host, flushAt: 20, flushInterval: 50, ...options })
  for (let i = 0; i < 40; i++) {
    const id = `${name}-${i}`
    const variant = await flagOf(client, id)
    result.exposed[variant] = (result.exposed[variant] || 0) + 1
    if (i % 3 === 0) {
      client.capture({ distinctId: id, event: "purchase", properties: { revenue: 5 } })
      result.converted[variant] = (result.converted[variant] || 0) + 1
    }
  }
  await client.shutdown()
}
proxy.close()
console.log(JSON.stringify(result))
process.exit(0)
