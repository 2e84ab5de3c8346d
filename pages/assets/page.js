// Live updates and conveniences. Pages and forms work without it.
"use strict";

// The color scheme: the system's, unless the button was used.
const theme = document.getElementById("theme");
const dark = () => (document.documentElement.dataset.scheme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
if (theme) {
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const next = dark() ? "light" : "dark";
    document.documentElement.dataset.scheme = next;
    try { localStorage.setItem("scheme", next); } catch { /* it holds for this page */ }
  });
}

// morph changes one element into another and keeps the user's state: open elements, the focus, and text being typed.
const own = new Set(["open", "data-version"]);
function morph(now, next) {
  if (now.nodeType !== next.nodeType || now.nodeName !== next.nodeName) return now.replaceWith(next);
  if (now.nodeType !== Node.ELEMENT_NODE) {
    if (now.nodeValue !== next.nodeValue) now.nodeValue = next.nodeValue;
    return;
  }
  if (now.matches("form.step, [data-still]")) return;
  for (const { name } of [...now.attributes]) if (!next.hasAttribute(name) && !own.has(name)) now.removeAttribute(name);
  for (const { name, value } of [...next.attributes]) if (!own.has(name) && now.getAttribute(name) !== value) now.setAttribute(name, value);
  if (now.matches("input, textarea, select") && now === document.activeElement) return;
  const fresh = [...next.childNodes];
  let old = [...now.childNodes];
  for (let i = 0; i < fresh.length; i++) {
    const id = fresh[i].id;
    if (id && (!old[i] || old[i].id !== id)) {
      const kept = old.find((n, j) => j > i && n.id === id);
      if (kept) {
        now.insertBefore(kept, old[i] || null);
        old = [...now.childNodes];
      } else if (old[i]) {
        now.insertBefore(fresh[i], old[i]);
        old = [...now.childNodes];
        continue;
      }
    }
    if (old[i]) morph(old[i], fresh[i]);
    else now.appendChild(fresh[i]);
  }
  old = [...now.childNodes];
  while (old.length > fresh.length) old.pop().remove();
}

// Live: the server reports the current version; a page with another version loads itself and applies the differences.
const main = document.getElementById("main");
const light = document.getElementById("live");
if (main && main.dataset.live && window.EventSource) {
  const say = (state, text) => {
    light.hidden = false;
    light.dataset.state = state;
    if (light.textContent !== text) light.textContent = text;
  };
  let busy = false;
  let wanted = "";
  const refresh = async () => {
    if (busy) return;
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
      if (!answer.ok || answer.redirected) throw new Error(String(answer.status));
      const next = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = next.getElementById("main");
      morph(main, fresh);
      morph(document.getElementById("warnings"), next.getElementById("warnings"));
      main.dataset.version = fresh.dataset.version;
      for (const one of next.querySelectorAll("[popover].def")) if (!document.getElementById(one.id)) document.body.append(one);
      say("on", "Live");
      document.dispatchEvent(new CustomEvent("refreshed"));
    } catch {
      say("off", "Not live");
      wanted = "";
    } finally {
      busy = false;
    }
    if (wanted && wanted !== main.dataset.version) setTimeout(refresh, 500);
  };
  const source = new EventSource(main.dataset.live);
  source.addEventListener("open", () => say("on", "Live"));
  source.addEventListener("error", () => say("off", "Not live"));
  source.addEventListener("version", (event) => {
    wanted = event.data;
    if (wanted !== main.dataset.version) refresh();
  });
  addEventListener("pagehide", () => source.close());
}

// The plan is computed while its numbers are typed.
const plan = document.getElementById("plan");
if (plan) {
  let timer = 0;
  let asked = 0;
  const ask = async () => {
    const mine = ++asked;
    const body = new URLSearchParams(new FormData(plan.closest("form")));
    body.set("do", "plan");
    const answer = await fetch("/experiments/new/plan", { method: "POST", body });
    if (answer.ok && mine === asked) document.getElementById("planned").innerHTML = await answer.text();
  };
  plan.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => ask().catch(() => {}), 300);
  });
}

// Lines to paste can be copied with a button.
const copies = () => {
  if (!navigator.clipboard) return;
  for (const pre of document.querySelectorAll("pre[data-copy]:not([data-ready])")) {
    pre.dataset.ready = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy quiet";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(pre.querySelector("code").textContent);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    pre.parentElement.append(button);
  }
};
copies();
document.addEventListener("refreshed", copies);
