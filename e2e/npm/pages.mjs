// Drives the pages of a running demo, and of a server with keys, in headless Chromium, as people would.
// node pages.mjs DEMO --keyed URL --read KEY --admin KEY: every scenario must hold.
// node pages.mjs DEMO --screenshots FOLDER: pictures of every page, and nothing else.
import assert from "node:assert/strict"
import { readFileSync } from "node:fs"
import { createRequire } from "node:module"
import { parseArgs } from "node:util"
import { chromium } from "playwright-core"

const { values: options, positionals: [demo] } = parseArgs({
  allowPositionals: true,
  options: { keyed: { type: "string" }, read: { type: "string" }, admin: { type: "string" }, screenshots: { type: "string" }, only: { type: "string" } },
})
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8")
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
})

// visit opens a page in a context of its own, and fails on what the console complains of.
async function visit(path, work, { base = demo, ...context } = {}) {
  const own = await browser.newContext({ viewport: { width: 1280, height: 900 }, baseURL: base, ...context })
  const page = await own.newPage()
  const complaints = []
  page.on("pageerror", (error) => complaints.push(`script: ${error.message}`))
  page.on("console", (message) => {
    if (message.type() === "error" && !/status of (4|5)\d\d/.test(message.text())) complaints.push(message.text())
  })
  page.on("dialog", (dialog) => {
    complaints.push(`dialog: ${dialog.message()}`)
    dialog.dismiss()
  })
  try {
    await page.goto(path)
    await work(page, own)
    assert.deepEqual(complaints, [])
  } finally {
    await own.close()
  }
}

const api = async (path, body) => {
  const answer = await fetch(demo + path, body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) })
  const json = await answer.json()
  assert.ok(answer.ok, `${path}: ${answer.status} ${JSON.stringify(json)}`)
  return json
}

// accessible lets axe-core look at the page as it stands.
async function accessible(page, what) {
  await page.evaluate(axe)
  const found = await page.evaluate(() => window.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }))
  const said = found.violations.map((v) => `${v.id}: ${v.help}\n    ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " | " + (n.any[0]?.message || n.none[0]?.message || "")).join("\n    ")}`)
  assert.deepEqual(said, [], `axe finds on ${what}:\n  ${said.join("\n  ")}`)
}

const person = "/units/user/chec-00001"
const pages = {
  start: "/", experiments: "/experiments", experiment: "/experiments/checkout_headline", unhealthy: "/experiments/onboarding_flow", ended: "/experiments/free_shipping",
  novelty: "/experiments/search_ranking", draft: "/experiments/winback_mail", undeclared: "/experiments/11", new: "/experiments/new", adopt: "/experiments/new?adopt=11",
  edit: "/experiments/checkout_headline/edit", person, sources: "/sources", missing: "/experiments/checkout_hedline",
}

const fill = (page, label, value) => page.getByLabel(label, { exact: true }).fill(value)
const status = async (id) => (await api(`/v1/experiments/${encodeURIComponent(id)}`)).status

const scenarios = {
  async "the list is searched and filtered in the URL"() {
    await visit("/experiments", async (page) => {
      assert.ok(await page.locator("tr[data-experiment]").count() >= 8)
      await page.locator(".pills a[data-status=unhealthy]").click()
      await page.waitForURL(/status=unhealthy/)
      assert.equal(await page.locator("tr[data-experiment]").count(), 1)
      assert.ok(await page.locator("tr[data-experiment=onboarding_flow]").isVisible())
      await page.goto("/experiments")
      await page.getByRole("searchbox").fill("pricing")
      await page.keyboard.press("Enter")
      await page.waitForURL(/q=pricing/)
      assert.equal(await page.locator("tr[data-experiment]").count(), 1)
      await page.getByRole("link", { name: "Pricing page" }).click()
      await page.waitForURL(/experiments\/pricing_page/)
    })
  },

  async "a word is explained at a tap and by keyboard"() {
    await visit("/experiments/checkout_headline", async (page) => {
      const word = page.locator("[popovertarget^=def-]").first()
      const definition = page.locator(`#${await word.getAttribute("popovertarget")}`)
      assert.ok(!await definition.isVisible())
      await word.click()
      assert.ok(await definition.isVisible())
      await page.keyboard.press("Escape")
      assert.ok(!await definition.isVisible())
      await word.focus()
      await page.keyboard.press("Enter")
      assert.ok(await definition.isVisible())
    })
  },

  async "the keyboard reaches the content first"() {
    await visit("/experiments", async (page) => {
      await page.keyboard.press("Tab")
      const skip = await page.evaluate(() => document.activeElement.getAttribute("href"))
      assert.equal(skip, "#main")
      await page.keyboard.press("Enter")
      assert.equal(await page.evaluate(() => location.hash), "#main")
    })
  },

  async "a point of a chart says its figure under the pointer"() {
    await visit("/experiments/checkout_headline", async (page) => {
      const said = await page.locator("svg title").allTextContents()
      assert.ok(said.some((text) => /\d/.test(text)), "no chart has a text for what is under the pointer")
      const labelled = await page.locator("svg[role=img]").evaluateAll((all) => all.filter((svg) => !svg.getAttribute("aria-label") && !svg.getAttribute("aria-labelledby") && !svg.querySelector("title")).length)
      assert.equal(labelled, 0, "a chart has no text alternative")
    })
  },

  async "an experiment is created, with the plan worked out while typing"() {
    await visit("/experiments/new", async (page) => {
      await page.locator("#f-name").fill("Basket reminder")
      await fill(page, "Your name or e-mail", "ann@shop.example")
      await page.locator("#store").click()
      const faults = page.locator("#faults")
      await faults.waitFor()
      assert.match(await faults.innerText(), /id/i)
      assert.equal(await page.locator("#f-name").inputValue(), "Basket reminder", "what was typed is gone")
      await fill(page, "Id", "basket_reminder")
      const keys = page.getByRole("group", { name: "Variant" }).getByLabel("Key")
      await keys.nth(0).fill("none")
      await keys.nth(1).fill("mail")
      await fill(page, "Control", "none")
      const metric = page.getByRole("group", { name: "Metric" }).first()
      await metric.getByLabel("Conversion event").fill("purchase")
      await page.getByLabel("Control’s value").fill("0.1")
      await page.getByLabel("Lift to detect").fill("0.05")
      await page.getByLabel("New users per day").fill("2000")
      await page.locator("#plan-sentence", { hasText: "57,760 users" }).waitFor()
      await page.getByRole("button", { name: "Use these numbers" }).click()
      await page.waitForLoadState()
      assert.equal(await page.getByLabel("Users per variant").inputValue(), "57760")
      await page.getByLabel(/Save as draft/).check()
      await page.locator("#store").click()
      await page.waitForURL(/experiments\/basket_reminder/)
      assert.match(await page.locator("#status").innerText(), /draft/i)
      assert.equal(await status("basket_reminder"), "draft")
      await page.getByRole("button", { name: "Start" }).click()
      const sheet = page.locator("#do-start")
      await sheet.waitFor()
      await sheet.getByLabel("Your name or e-mail").fill("ann@shop.example")
      await sheet.locator("button.main").click()
      await page.waitForLoadState()
      await page.waitForFunction(() => !/draft/i.test(document.querySelector("#status").innerText))
      assert.equal(await status("basket_reminder"), "running")
    })
  },

  async "an undeclared experiment is adopted"() {
    await visit("/experiments", async (page) => {
      await page.locator("tr[data-experiment='11'] a.adopt").click()
      await page.waitForURL(/adopt=11/)
      const keys = page.getByRole("group", { name: "Variant" }).getByLabel("Key")
      assert.deepEqual([await keys.nth(0).inputValue(), await keys.nth(1).inputValue()], ["1", "2"])
      await page.locator("#f-name").fill("Banner colour")
      await fill(page, "Your name or e-mail", "ann@shop.example")
      await page.locator("#store").click()
      await page.waitForURL(/experiments\/11/)
      assert.equal(await status("11"), "running")
      const counted = (await api("/v1/experiments/11/readout")).variants.map((v) => v.exposed_users)
      assert.ok(Math.min(...counted) > 100, `what was counted before is gone: ${counted}`)
    })
  },

  async "a page follows along, and nothing jumps"() {
    await visit("/experiments/signup_form", async (page) => {
      await api("/v1/experiments", { id: "live_one", variants: [{ key: "a" }, { key: "b" }], metrics: [{ type: "proportion", event: "e" }] })
      await api("/v1/events", { batch: ["a", "b"].map((variant, i) => ({ event_name: "experiment_exposed", event_id: `live-${i}`, experiment_id: "live_one", variant, user_id: `live-${i}`, exposed_at: new Date().toISOString() })) })
      await page.goto("/experiments/live_one")
      await page.locator("#live[data-state=on]").waitFor()
      await page.evaluate(() => {
        window.shift = 0
        new PerformanceObserver((list) => list.getEntries().forEach((e) => { window.shift += e.value })).observe({ type: "layout-shift", buffered: true })
      })
      const details = page.locator("main details").first()
      await details.evaluate((d) => { d.open = true })
      const shown = () => page.evaluate(() => document.querySelector("main").innerText)
      const before = await shown()
      const began = Date.now()
      await api("/v1/events", { event_name: "experiment_exposed", event_id: "live-more", experiment_id: "live_one", variant: "b", user_id: "live-more", exposed_at: new Date().toISOString() })
      await page.waitForFunction((text) => document.querySelector("main").innerText !== text, before)
      console.error(`a live refresh took ${Date.now() - began} ms`)
      assert.match(await shown(), /\b3\b/)
      assert.ok(await details.evaluate((d) => d.open), "what was open is closed")
      const shift = await page.evaluate(() => window.shift)
      assert.ok(shift < 0.02, `the layout shifted by ${shift}`)
    })
  },

  async "a run is ended early with a reason"() {
    await visit("/experiments/pricing_page", async (page) => {
      await page.getByRole("button", { name: "Mark data invalid…" }).first().click()
      const sheet = page.locator("#do-end-early, [id^=do-]:popover-open").first()
      await sheet.getByLabel("Why").fill("prices were wrong")
      await sheet.getByLabel("Your name or e-mail").fill("on-call@shop.example")
      await sheet.locator("button.grave").click()
      await page.waitForFunction(() => /marked invalid/i.test(document.querySelector("#status").innerText))
      assert.match(await page.locator("main").innerText(), /prices were wrong/)
      const stored = await api("/v1/experiments/pricing_page")
      assert.deepEqual([stored.status, stored.changed_by, stored.runs[0].ended_reason], ["ended_early", "on-call@shop.example", "prices were wrong"])
    })
  },

  async "a run is stopped, and a decision is recorded"() {
    await visit("/experiments/search_ranking", async (page) => {
      await page.getByRole("button", { name: "Stop" }).first().click()
      const stop = page.locator("[popover].sheet:popover-open")
      await stop.getByLabel("Your name or e-mail").fill("search@shop.example")
      await stop.locator("form button").first().click()
      await page.waitForFunction(() => /stopped/i.test(document.querySelector("#status").innerText))
      await page.getByRole("button", { name: /decision|decide/i }).first().click()
      const decide = page.locator("[popover].sheet:popover-open")
      await decide.getByLabel("Why").fill("the effect fades")
      await decide.getByLabel("Your name or e-mail").fill("search@shop.example")
      await decide.locator("form button").first().click()
      await page.waitForFunction(() => /decided/i.test(document.querySelector("#status").innerText))
      assert.match(await page.locator("main").innerText(), /the effect fades/)
      const stored = await api("/v1/experiments/search_ranking")
      assert.deepEqual([stored.decisions[0].variant, stored.decisions[0].by], [null, "search@shop.example"])
    })
  },

  async "without script everything is read, and a form is sent"() {
    for (const path of Object.values(pages)) {
      await visit(path, async (page) => assert.ok((await page.locator("main").innerText()).length > 50, path), { javaScriptEnabled: false })
    }
    await visit("/experiments/winback_mail", async (page) => {
      await page.goto("/experiments/winback_mail/do/start")
      await page.getByLabel("Your name or e-mail").fill("crm@shop.example")
      await page.locator("form.step button").first().click()
      await page.waitForURL(/experiments\/winback_mail$|experiments\/winback_mail\?/)
      assert.equal(await status("winback_mail"), "running")
    }, { javaScriptEnabled: false })
  },

  async "an experiment is archived and shown again, without script"() {
    await api("/v1/experiments", { id: "junk_one", variants: [{ key: "a" }, { key: "b" }], metrics: [{ type: "proportion", event: "e" }] })
    await visit("/experiments/junk_one", async (page) => {
      const send = async (button, then) => {
        await page.goto("/experiments/junk_one")
        await page.locator(".head").getByRole("button", { name: button, exact: true }).click()
        const sheet = page.locator("[popover].sheet:popover-open")
        await sheet.getByLabel("Your name or e-mail").fill("growth@shop.example")
        await sheet.locator("form button").first().click()
        await page.locator(".head").getByRole("button", { name: then, exact: true }).waitFor()
        await page.goto("/experiments")
      }
      await send("Archive", "Unarchive")
      assert.equal(await page.locator('[data-experiment="junk_one"]').count(), 0)
      await page.getByRole("link", { name: "Show archived" }).click()
      await page.locator('[data-experiment="junk_one"]').waitFor()
      await send("Unarchive", "Archive")
      assert.equal(await page.locator('[data-experiment="junk_one"]').count(), 1)
    }, { javaScriptEnabled: false })
    await visit("/experiments?archived=true", (page) => accessible(page, "the archived experiments"))
  },

  async "a warning fits a phone, in light and in dark, and axe finds nothing"() {
    // On a page that does not follow along: there the next version would take the warning away.
    const text = "Disk full: 12 MiB free, reserve 64 MiB; events are refused until there is space: free some, or lower limits.disk_reserve."
    for (const context of [{}, { colorScheme: "dark" }, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }]) {
      await visit("/experiments/new", async (page) => {
        await page.evaluate((said) => document.querySelector("#warnings").append(Object.assign(document.createElement("p"), { textContent: said })), text)
        assert.ok(await page.getByRole("status").getByText("Disk full").isVisible())
        assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), "too wide")
        await accessible(page, `a warning ${JSON.stringify(context)}`)
      }, context)
    }
  },

  async "the readout of a former day is shown as it was"() {
    await visit("/experiments/checkout_headline", async (page) => {
      const day = new Date(Date.now() - 12 * 86_400_000).toISOString().slice(0, 10)
      await page.locator("#day").fill(day)
      await page.getByRole("button", { name: "Show" }).click()
      await page.waitForURL(/at_seq=\d+/)
      assert.match(await page.locator("main").innerText(), /This is the readout as of sequence/)
      const seq = Number(new URL(page.url()).searchParams.get("at_seq"))
      const then = await api(`/v1/experiments/checkout_headline/readout?at=${day}`)
      assert.equal(then.as_of.stream_seq, seq)
      const now = await api("/v1/experiments/checkout_headline/readout")
      assert.ok(then.variants[0].exposed_users < 0.8 * now.variants[0].exposed_users, "as many as now")
    })
  },

  async "a person's page says why it counts"() {
    await visit(person, async (page) => {
      assert.match(await page.locator("main").innerText(), /checkout_headline|Checkout headline/)
      assert.match(await page.locator("main").innerText(), /counted|counts/i)
    })
    await visit("/units/user/nobody-knows", async (page) => assert.match(await page.locator("main").innerText(), /nobody-knows/))
  },

  async "sources show what came, and the lines to paste"() {
    await visit("/sources", async (page) => {
      const text = await page.locator("main").innerText()
      for (const vendor of ["growthbook", "launchdarkly", "optimizely", "posthog", "statsig", "vwo"]) assert.match(text.toLowerCase(), new RegExp(vendor))
      assert.match(await page.locator("main").innerHTML(), new RegExp(`${demo}/webhooks/launchdarkly`))
    })
  },

  async "a wrong id is helped"() {
    await visit(pages.missing, async (page) => {
      assert.ok(await page.getByRole("link", { name: /checkout_headline|Checkout headline/ }).isVisible())
    })
  },

  async "hostile names are text"() {
    const name = `<script>alert(1)</script><img src=x onerror=alert(2)> שלום ${"😀".repeat(50)}`
    const id = `"><script>alert(3)</script>`
    await api("/v1/experiments", { id, name, owner: "<b>o</b>", hypothesis: name, variants: [{ key: "<i>a</i>", name }, { key: "b" }], control: "b", metrics: [{ id: "<u>m</u>", type: "proportion", event: "<e>" }] })
    for (const path of ["/", "/experiments", `/experiments/${encodeURIComponent(id)}`, `/experiments/${encodeURIComponent(id)}/edit`, `/experiments?q=${encodeURIComponent(id)}`, `/units/user/${encodeURIComponent(id)}`]) {
      await visit(path, async (page) => {
        assert.equal(await page.locator("main script, main img[src=x], main b:text-is('o'), main i:text-is('a')").count(), 0, path)
      })
    }
    await visit(`/experiments/${encodeURIComponent(id)}`, async (page) => assert.ok((await page.locator("#name").innerText()).includes("<script>alert(1)</script>")))
  },

  async "every page fits a phone, in light and in dark, and axe finds nothing"() {
    const found = new Set()
    for (const [what, path] of Object.entries(pages)) {
      for (const context of [{}, { colorScheme: "dark" }, { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true }]) {
        await visit(path, async (page) => {
          const name = `${what} ${JSON.stringify(context)}`
          const { wide, inner } = await page.evaluate(() => ({ wide: document.documentElement.scrollWidth, inner: innerWidth }))
          assert.ok(wide <= inner, `${name} is ${wide} pixels wide in ${inner}`)
          if (context.colorScheme) {
            const light = await page.evaluate(() => Math.max(...getComputedStyle(document.body).backgroundColor.match(/\d+/g).slice(0, 3).map(Number)))
            assert.ok(light < 80, `${name} is not dark`)
          }
          await accessible(page, name).catch((error) => found.add(error.message.split("\n+ actual")[0]))
        }, context)
      }
    }
    assert.equal(found.size, 0, [...found].join("\n"))
  },

  async "a page can be printed"() {
    await visit("/experiments/checkout_headline", async (page) => {
      await page.emulateMedia({ media: "print" })
      assert.ok(await page.locator("h1").isVisible())
      assert.ok(!await page.getByRole("button", { name: "Mark data invalid…" }).first().isVisible(), "buttons are printed")
    })
  },

  async "keys open the pages"() {
    const base = options.keyed
    await visit("/experiments", async (page, context) => {
      await page.waitForURL(/sign-in/)
      await accessible(page, "sign-in")
      await page.getByLabel("Key").fill("wrong")
      await page.getByRole("button", { name: "Sign in" }).click()
      await page.locator("#fault").waitFor()
      await page.getByLabel("Key").fill(options.read)
      await page.getByRole("button", { name: "Sign in" }).click()
      await page.waitForURL(/experiments$/)
      assert.equal(await page.getByRole("link", { name: "New experiment" }).count(), 0, "a read key may declare")
      const cookies = await context.cookies()
      assert.ok(cookies.length > 0 && cookies.every((c) => c.httpOnly && ["Lax", "Strict"].includes(c.sameSite)), JSON.stringify(cookies))
      assert.ok(cookies.every((c) => !c.value.includes(options.read)), "the key is in the cookie")
      assert.equal((await page.request.get("/experiments/new")).status(), 403)
      const forged = await page.request.post("/experiments/new", { form: { id: "x" } })
      assert.equal(forged.status(), 403)
    }, { base })
    await visit("/sign-in", async (page) => {
      await page.getByLabel("Key").fill(options.admin)
      await page.getByLabel(/Your name/).fill("ann@shop.example")
      await page.getByRole("button", { name: "Sign in" }).click()
      await page.goto("/experiments")
      assert.ok(await page.getByRole("link", { name: "New experiment" }).isVisible())
      const forged = await page.request.post("/experiments/new", { form: { id: "x", do: "store" } })
      assert.equal(forged.status(), 403, "a form without its token is taken")
      await page.getByRole("button", { name: "Sign out" }).click()
      await page.goto("/experiments")
      await page.waitForURL(/sign-in/)
    }, { base })
  },
}

async function screenshots(folder) {
  const shots = { ...pages }
  for (const hidden of ["missing", "adopt", "edit", "undeclared", "draft", "ended", "unhealthy"]) delete shots[hidden]
  for (const [what, path] of Object.entries(shots)) {
    await visit(path, async (page) => { await page.screenshot({ path: `${folder}/${what}.jpg`, type: "jpeg", quality: 72, fullPage: true }) })
  }
  await visit(pages.experiment, async (page) => { await page.screenshot({ path: `${folder}/experiment-dark.jpg`, type: "jpeg", quality: 72 }) }, { colorScheme: "dark" })
  await visit(pages.experiments, async (page) => { await page.screenshot({ path: `${folder}/experiments-dark.jpg`, type: "jpeg", quality: 72 }) }, { colorScheme: "dark" })
  for (const what of ["experiments", "experiment"]) {
    await visit(pages[what], async (page) => { await page.screenshot({ path: `${folder}/${what}-phone.jpg`, type: "jpeg", quality: 72 }) }, { viewport: { width: 390, height: 844 }, isMobile: true })
  }
}

const result = { ok: [], failed: {} }
try {
  if (options.screenshots) {
    await screenshots(options.screenshots)
  } else {
    for (const [name, run] of Object.entries(scenarios)) {
      if (options.only && !name.includes(options.only)) continue
      try {
        await run()
        result.ok.push(name)
      } catch (error) {
        result.failed[name] = String(error.stack || error).slice(0, 4000)
      }
    }
  }
} finally {
  await browser.close()
}
console.log(JSON.stringify(result))
