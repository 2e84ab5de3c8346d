// What the Optimizely SDKs returned to a shop's visitors, for the scripts that drive them.
import { readFileSync } from "node:fs"

export const datafile = readFileSync(new URL("../testdata/optimizely-datafile.json", import.meta.url), "utf8")
const experiments = JSON.parse(datafile).experiments

export class Shop {
  exposed = {}
  bought = {}
  met = {}

  // expose notes that a visitor met a variation of the experiment with this key.
  expose(user, key, variation) {
    const experiment = experiments.find((x) => x.key === key)
    if (!experiment || !experiment.variations.some((v) => v.key === variation)) throw new Error(`${user}: ${key} ${variation}`)
    this.met[user] ??= {}
    if (this.met[user][experiment.id]) return
    this.met[user][experiment.id] = variation
    this.exposed[experiment.id] ??= {}
    this.exposed[experiment.id][variation] = (this.exposed[experiment.id][variation] ?? 0) + 1
  }

  // buy notes that a visitor bought for the first time.
  buy(user) {
    for (const [id, variation] of Object.entries(this.met[user] ?? {})) {
      this.bought[id] ??= {}
      this.bought[id][variation] = (this.bought[id][variation] ?? 0) + 1
    }
  }

  print() {
    console.log(JSON.stringify({ exposed: this.exposed, bought: this.bought, met: this.met }))
  }
}
