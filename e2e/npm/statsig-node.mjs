// Statsig's two server SDKs for Node.js: the legacy one, which compresses with gzip, and server core, with zstd. Their
// rules come from a file and from a server here, their events go to the target.
import fs from "node:fs"
import http from "node:http"
import Legacy from "statsig-node"
import { Statsig, StatsigUser } from "@statsig/statsig-node-core"

const target = process.argv[2] + "/webhooks/statsig/v1"
const user = (id) => ({ userID: id, country: "DE", privateAttributes: { ssn: "never-sent" }, customIDs: { stableID: `st-${id}` } })
const result = { exposed: {}, layered: {}, bought: [] }

await Legacy.initialize("secret-tracklayertest000000000000002", {
  api: target, bootstrapValues: fs.readFileSync("../testdata/statsig-specs.json", "utf8"), disableRulesetsSync: true, disableIdListsSync: true,
  initStrategyForIP3Country: "none", initStrategyForIDLists: "none", loggingIntervalMs: 3600000,
})
for (let i = 0; i < 100; i++) {
  const id = `legacy-${i}`
  result.exposed[id] = Legacy.getExperimentSync(user(id), "checkout_button_color").getGroupName()
  Legacy.getConfigSync(user(id), "homepage_config")
  Legacy.checkGateSync(user(id), "new_nav_gate")
  const layer = Legacy.getLayerSync(user(id), "checkout_layer")
  layer.get("layout", "")
  layer.get("steps", 0)
  result.layered[id] = layer.getGroupName()
  if (i % 3 === 0) {
    Legacy.logEvent(user(id), "purchase", 12.5, { currency: "EUR", item_count: 3 })
    result.bought.push(id)
  }
}
for (const id of ["held-out-user", "unallocated-user"]) Legacy.getExperimentSync({ userID: id, country: "DE" }, "checkout_button_color")
await Legacy.flush()
await Legacy.shutdownAsync()

const specs = fs.readFileSync("../testdata/statsig-specs-v2.json")
const server = http.createServer((_, response) => response.setHeader("Content-Type", "application/json").end(specs))
await new Promise((done) => server.listen(0, "127.0.0.1", done))
const core = new Statsig("secret-tracklayertest000000000000003", {
  specsUrl: `http://127.0.0.1:${server.address().port}/v2/download_config_specs`, logEventUrl: `${target}/log_event`,
  disableCountryLookup: true, specsSyncIntervalMs: 3600000, outputLogLevel: "error",
})
await core.initialize()
for (let i = 0; i < 100; i++) {
  const id = `core-${i}`
  const who = new StatsigUser(user(id))
  const group = core.getExperiment(who, "checkout_button_color")
  result.exposed[id] = group.groupName ?? group.getGroupName()
  core.getDynamicConfig(who, "homepage_config")
  const layer = core.getLayer(who, "checkout_layer")
  layer.getValue("layout", "")
  layer.getValue("steps", 0)
  result.layered[id] = layer.groupName ?? layer.getGroupName()
  if (i % 3 === 0) {
    core.logEvent(who, "purchase", 12.5, { currency: "EUR" })
    result.bought.push(id)
  }
}
await core.shutdown()
server.close()
server.closeAllConnections()
console.log(JSON.stringify(result))
process.exit(0)
