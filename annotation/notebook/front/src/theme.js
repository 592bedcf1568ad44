// Light or dark as the notebook is, told by its own marks; where there are none, by the page behind the widget.

export function followTheme(element) {
  const apply = () => (element.dataset.theme = dark(element) ? "dark" : "light");
  const watcher = new MutationObserver(apply);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class", "data-vscode-theme-kind"] });
  requestAnimationFrame(apply);
  apply();
  return () => watcher.disconnect();
}

function dark(element) {
  const { body } = document;
  if (body.dataset.jpThemeLight) return body.dataset.jpThemeLight === "false";
  if (body.dataset.vscodeThemeKind) return body.dataset.vscodeThemeKind.includes("dark");
  for (let at = element.parentElement; at; at = at.parentElement) {
    const parts = getComputedStyle(at).backgroundColor.match(/[\d.]+/g)?.map(Number);
    if (parts && (parts.length < 4 || parts[3] > 0)) return 0.3 * parts[0] + 0.6 * parts[1] + 0.1 * parts[2] < 128;
  }
  return false;
}
