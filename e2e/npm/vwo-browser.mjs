// VWO's two SDKs for browsers in pages. The classic one keeps the path of its proxyUrl, FME only the host.
import fs from "node:fs"
import { createRequire } from "node:module"
import { open } from "./browser.mjs"

const require = createRequire(import.meta.url)
const [generation, address] = process.argv.slice(3)
const settings = JSON.parse(fs.readFileSync(`../testdata/vwo-${generation}.json`, "utf8"))
// A headless browser is a bot by its name.
const agent = { args: ["--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"] }
const unit = (user) =>
  generation === "fme" ? require("vwo-fme-node-sdk").getUUID(user, "123456") : require("vwo-node-sdk/lib/utils/UuidUtil").generateFor(user, settings.accountId)

const result = { exposed: {}, bought: [] }
for (const user of ["web-1", "web-2", "web-3"]) {
  const visit = (page) => page.evaluate(([name, address, settings, user]) => window[name](address, settings, user), [`${generation}Visit`, address, settings, user])
  result.exposed[unit(user)] = await open("vwo-page.mjs", visit, agent)
  result.bought.push(unit(user))
}
console.log(JSON.stringify(result))
process.exit(0)
