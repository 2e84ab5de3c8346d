// Optimizely's browser SDK in Chromium against a TrackLayer: node optimizely-browser.mjs URL
import { open } from "./browser.mjs"
import { Shop, datafile } from "./optimizely-shop.mjs"

const address = process.argv[2] + "/webhooks/optimizely/v1/events"
const shop = new Shop()
let answered = 0
const visits = await open("optimizely-browser-page.mjs", async (page) => {
  page.on("response", (response) => {
    if (response.url() === address && response.request().method() === "POST") answered++
  })
  const visits = await page.evaluate(([address, datafile]) => window.shop(address, datafile), [address, datafile])
  for (let tries = 0; answered < 4 && tries < 50; tries++) await page.waitForTimeout(100)
  return visits
}, { options: { userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36" } })
for (const visit of visits) {
  shop.expose(visit.user, visit.rule, visit.variation)
  if (visit.bought) shop.buy(visit.user)
}
shop.print()
process.exit(0)
