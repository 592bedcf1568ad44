// What the pages need beside Gradio: addresses that follow what is shown, and keys.
(() => {
  "use strict";
  const field = () => document.querySelector("#address textarea, #address input");
  const write = (element, text) => {
    Object.getOwnPropertyDescriptor(Object.getPrototypeOf(element), "value").set.call(element, text);
    element.dispatchEvent(new Event("input", { bubbles: true }));
  };
  let count = 0; // the same address again is to be shown again
  const show = (search) => { const here = field(); if (here) write(here, `${search || "?"}&_=${++count}`); };
  const go = (search) => { history.pushState(null, "", location.pathname + (search === "?" ? "" : search)); show(search); };

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a[data-live]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    go(new URL(link.href).search);
    scrollTo(0, 0);
  });
  addEventListener("popstate", () => show(location.search));

  let later = 0;
  const filter = (form, wait) => {
    clearTimeout(later);
    later = setTimeout(() => {
      const said = new URLSearchParams([...new FormData(form)].filter(([, value]) => value));
      go(`?${said}`);
    }, wait);
  };
  document.addEventListener("change", (event) => { const form = event.target.closest?.("form[data-live]"); if (form) filter(form, 0); });
  document.addEventListener("input", (event) => { const form = event.target.closest?.("form[data-live]"); if (form && event.target.type === "search") filter(form, 350); });
  document.addEventListener("submit", (event) => { if (event.target.matches("form[data-live]")) { event.preventDefault(); filter(event.target, 0); } });

  // Gradio replaces what is shown whole: what had the focus gets it again, and the address follows the item.
  let focused = null;
  document.addEventListener("focusin", (event) => {
    const form = event.target.closest?.("form[data-live]");
    focused = form ? { name: event.target.name, at: event.target.selectionStart } : null;
  });
  new MutationObserver((changes) => {
    // What is being stored is not to be changed meanwhile.
    for (const one of document.querySelectorAll("#correct, #form.decide")) one.inert = Boolean(document.querySelector("#busy"));
    if (!changes.some((one) => [...one.addedNodes].some((node) => node.nodeType === 1))) return;
    const at = document.querySelector("[data-address]")?.dataset.address;
    if (at && location.search !== at) history.replaceState(null, "", location.pathname + at);
    if (focused && document.activeElement === document.body) {
      const again = document.querySelector(`form[data-live] [name="${focused.name}"]`);
      const place = focused.at;
      again?.focus();
      if (place != null) again?.setSelectionRange?.(place, place);
    }
    const heading = document.querySelector("#view h1")?.textContent;
    if (heading) document.title = `${heading.trim().slice(0, 80)} · Catalog Workbench`;
  }).observe(document, { childList: true, subtree: true });

  const FIELDS = { t: ["title"], a: ["aspects"], o: ["note"], p: ["price", "prompt"] };
  document.addEventListener("keydown", (event) => {
    if (!document.querySelector("#item") || document.querySelector("#busy") || event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("textarea, select, input:not([type=checkbox]):not([type=radio])");
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const key = event.key.toLowerCase();
    const press = (selector) => { const found = document.querySelector(selector); if (found) { event.preventDefault(); found.click(); } };
    if ("ynsz".includes(key)) { if (!event.repeat) press(`#key-${key}`); }
    else if (/^[0-9]$/.test(key)) document.querySelectorAll("#modes input[type=checkbox]")[(Number(key) + 9) % 10]?.click();
    else if (key === "arrowleft" || key === "arrowright") press(`#key-${key.slice(5)}`);
    else if (FIELDS[key]) {
      const found = document.querySelector(FIELDS[key].map((name) => `#field-${name} textarea, #field-${name} input`).join());
      if (found) { event.preventDefault(); found.focus(); found.select(); }
    }
  });
})();
