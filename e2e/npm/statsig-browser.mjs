// Statsig's browser SDK in pages: plain, compressed, and for a visitor without a user id. Values come from a file, events
// go to the target.
import fs from "node:fs"
import { open } from "./browser.mjs"

const target = process.argv[2] + "/webhooks/statsig/v1"
const values = JSON.parse(fs.readFileSync("../testdata/statsig-initialize.json", "utf8"))
// A headless browser is a bot by its name; a context's own user agent does not reach beacons.
const agent = { args: ["--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"] }

const result = []
for (const mode of ["plain", "gzip", "anonymous"]) {
  const user = mode === "anonymous" ? {} : { userID: `user-${mode}`, country: "DE", customIDs: { stableID: `st-${mode}` } }
  const mine = { ...values, user }
  delete mine.evaluated_keys
  const said = await open("statsig-page.mjs", async (page) => {
    const said = await page.evaluate(([target, values, user, gzip]) => window.visit(target, values, user, gzip), [target, JSON.stringify(mine), user, mode === "gzip"])
    await page.goto("about:blank")
    await new Promise((done) => setTimeout(done, 500)) // the beacon
    return said
  }, agent)
  result.push({ ...said, user: user.userID ?? "" })
}
console.log(JSON.stringify(result))
