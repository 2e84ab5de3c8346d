// What GrowthBook's SDKs decide by in the tests.
export const payload = {
  features: {
    "buy-button": { defaultValue: "Buy", rules: [{ id: "fr_1", key: "checkout-cta", seed: "checkout-cta", hashAttribute: "id", hashVersion: 2, coverage: 1, weights: [0.5, 0.5], variations: ["Buy", "Buy now"], meta: [{ key: "control", name: "Control" }, { key: "treatment", name: "Treatment" }] }] },
    price: { defaultValue: 10, rules: [{ id: "fr_2", key: "pricing-test", hashAttribute: "device_id", hashVersion: 2, coverage: 1, weights: [0.5, 0.5], variations: [10, 9], meta: [{ key: "0" }, { key: "1" }] }] },
    "new-nav": { defaultValue: false, rules: [{ id: "fr_3", force: true }] },
  },
  dateUpdated: "2026-11-20T10:00:00.000Z",
}
