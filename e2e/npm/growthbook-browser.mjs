// GrowthBook's SDK in pages: visitors who evaluate, log in, buy, and leave.
import { open } from "./browser.mjs"

// Chromium says Headless in its user agent, and would be filtered as the robot that it is. A context's own user agent does
// not reach its beacons, the program's does.
const person = { args: ["--user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36"] }

const result = { exposed: {}, bought: [], linked: {} }
for (let i = 0; i < 4; i++) {
  const visitor = `visitor-${i}`
  result.exposed[visitor] = await open("growthbook-page.mjs", async (page) => {
    const key = await page.evaluate(([target, id]) => window.start(target, id), [process.argv[2], visitor])
    await page.waitForTimeout(400)
    if (i % 2 === 0) {
      await page.evaluate((user) => window.buy(user), `user-${i}`)
      result.bought.push(`user-${i}`)
      result.linked[visitor] = `user-${i}`
    }
    await page.goto("http://shop.example/bye") // what is queued leaves in a beacon
    await page.waitForTimeout(500)
    return key
  }, person)
}
console.log(JSON.stringify(result))
