// A page in headless Chromium, for the scripts that drive a vendor's browser SDK.
import http from "node:http"
import { build } from "esbuild"
import { chromium } from "playwright-core"

// open bundles an entry script, serves it as a page of http://shop.example and calls visit with the page. What visit
// returns is the result. The page is of another origin than the target, as a shop's pages are.
export async function open(entry, visit, { html = "", options = {}, args = [] } = {}) {
  const bundle = await build({ entryPoints: [entry], bundle: true, write: false, format: "iife", platform: "browser", logLevel: "error" })
  const script = bundle.outputFiles[0].text
  const server = http.createServer((request, response) => {
    const isScript = request.url === "/entry.js"
    response.writeHead(200, { "Content-Type": isScript ? "text/javascript" : "text/html; charset=utf-8" })
    response.end(isScript ? script : `<!doctype html><title>Shop</title>${html}<script src="/entry.js"></script>`)
  })
  await new Promise((done) => server.listen(0, "127.0.0.1", done))
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
      `--host-resolver-rules=MAP shop.example 127.0.0.1:${server.address().port}`, ...args],
  })
  try {
    const context = await browser.newContext(options)
    const page = await context.newPage()
    page.on("pageerror", (error) => console.error("page error:", error.message))
    await page.goto("http://shop.example/")
    return await visit(page, context)
  } finally {
    await browser.close()
    server.close()
  }
}
