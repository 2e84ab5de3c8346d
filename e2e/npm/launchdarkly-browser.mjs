// LaunchDarkly's browser SDKs 3 and 4 in pages. Their flags come from a server here, their events go to the target.
import http from "node:http"
import { open } from "./browser.mjs"

const events = process.argv[2] + "/webhooks/launchdarkly"

// A context that ends in an odd digit is served the treatment; everybody is in the experiment.
const flagsOf = (context) => {
  const variation = Number(context.key.at(-1)) % 2
  return {
    "checkout-redesign": { value: ["control", "treatment"][variation], variation, version: 11, flagVersion: 11, trackEvents: true, trackReason: true, reason: { kind: "FALLTHROUGH", inExperiment: true } },
    plain: { value: true, variation: 0, version: 3, flagVersion: 3, trackEvents: true },
  }
}
const server = http.createServer((request, response) => {
  const head = { "Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*", "Content-Type": "application/json" }
  const encoded = new URL(request.url, "http://flags").pathname.match(/\/contexts\/([^/]+)$/)
  response.writeHead(200, head)
  if (request.method === "OPTIONS") return response.end()
  response.end(JSON.stringify(encoded ? flagsOf(JSON.parse(Buffer.from(encoded[1], "base64url"))) : []))
})
await new Promise((done) => server.listen(0, "127.0.0.1", done))
const flags = `http://127.0.0.1:${server.address().port}`

// Version 4 needs crypto.subtle, which only pages over HTTPS have. Chromium says Headless in its user agent, and would be
// filtered as the robot that it is.
const person = {
  args: ["--unsafely-treat-insecure-origin-as-secure=http://shop.example"],
  options: { userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36" },
}

const result = { exposed: {}, anonymous: {}, bought: [] }
for (const version of ["v3", "v4"]) {
  for (let i = 0; i < 4; i++) {
    const context = { kind: "user", key: `${version}-${i}`, ...(i === 3 && { anonymous: true }) }
    const visit = (page) => page.evaluate(([flags, events, context, buys]) => window.visit(flags, events, context, buys), [flags, events, context, i % 2 === 0])
    const served = await open(`launchdarkly-page-${version}.mjs`, visit, person)
    result[context.anonymous ? "anonymous" : "exposed"][context.key] = served
    if (i % 2 === 0) result.bought.push(context.key)
  }
}
server.close()
server.closeAllConnections()
console.log(JSON.stringify(result))
