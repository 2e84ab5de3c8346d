// posthog-js in Chromium: visitors with a variant each, one of whom logs in. Prints what the SDK itself returned.
import { open } from "./browser.mjs"

const target = process.argv[2] + "/webhooks/posthog"
const result = { exposed: {}, converted: {}, link: null }
for (const [i, options] of [{}, { disable_compression: true }, {}].entries()) {
  await open("posthog-page.js", async (page) => {
    const seen = await page.evaluate(async ({ target, options, i }) => {
      const id = `visitor-${i}`
      await window.start(target, { ...options, bootstrap: { distinctID: id, isIdentifiedID: false, featureFlags: { "checkout-cta": i % 2 ? "test" : "control", "new-nav": true } } })
      const variant = window.posthog.getFeatureFlag("checkout-cta")
      window.posthog.getFeatureFlag("new-nav")
      if (i === 2) window.posthog.identify("customer-2")
      window.posthog.capture("purchase", { value: 7 })
      return { variant, id: window.posthog.get_distinct_id() }
    }, { target, options, i })
    await page.waitForTimeout(4000) // the SDK sends its batches every three seconds
    result.exposed[seen.variant] = (result.exposed[seen.variant] || 0) + 1
    result.converted[seen.variant] = (result.converted[seen.variant] || 0) + 1
    if (i === 2) result.link = { anonymous: `visitor-${i}`, user: seen.id }
  }, { options: { userAgent: "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 Safari/537.36" } })
}
console.log(JSON.stringify(result))
