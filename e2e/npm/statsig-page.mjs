// The page's side of statsig-browser.mjs.
import { LogEventCompressionMode, StatsigClient } from "@statsig/js-client"

window.visit = async (target, values, user, gzip) => {
  const client = new StatsigClient("client-tracklayertest00000000000001", user, {
    networkConfig: { api: target }, ...(gzip && { logEventCompressionMode: LogEventCompressionMode.Forced }),
  })
  client.dataAdapter.setData(values)
  client.initializeSync({ disableBackgroundCacheRefresh: true })
  const button = client.getExperiment("checkout_button_color")
  button.get("color", "grey")
  client.getExperiment("no_such_experiment")
  client.checkGate("new_nav_gate")
  client.getDynamicConfig("homepage_config").get("banner", "")
  const layer = client.getLayer("checkout_layer")
  layer.get("layout", "")
  layer.get("steps", 0)
  client.logEvent("purchase", 20, { currency: "EUR" })
  await client.flush()
  client.logEvent("left_page", 1) // still queued when the page goes: sent by a beacon
  return { variant: button.groupName, layered: layer.groupName, stable: client.getContext().stableID }
}
