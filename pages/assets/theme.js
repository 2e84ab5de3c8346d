// Before anything is drawn: the scheme that was chosen here, where one was.
try {
  const chosen = localStorage.getItem("scheme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.scheme = chosen;
} catch { /* storage is switched off: the system's scheme it is */ }
