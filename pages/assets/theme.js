// Before the first paint: apply the chosen color scheme, if any.
try {
  const chosen = localStorage.getItem("scheme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.scheme = chosen;
} catch { /* storage is disabled: use the system's scheme */ }
