import posthog from "posthog-js"

// start begins with flags given by the page, so that no flags are asked for, and resolves once the SDK is ready.
window.start = (target, options) => new Promise((ready) => {
  posthog.init("phc_test", {
    api_host: target, autocapture: false, disable_session_recording: true, disable_surveys: true, advanced_disable_feature_flags_on_first_load: true,
    capture_pageview: true, opt_out_useragent_filter: true, request_batching: true, disable_external_dependency_loading: true, ...options, loaded: () => ready(),
  })
})
window.posthog = posthog
