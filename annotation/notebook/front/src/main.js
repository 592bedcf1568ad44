// The widget: a head, filters, the grid, and one panel beside it.

import { App } from "./app.js";
import { Compare } from "./compare.js";
import { count, h } from "./dom.js";
import { Filters } from "./filters.js";
import { Grid } from "./grid.js";
import { Item } from "./item.js";
import { Judge } from "./judge.js";
import { Label } from "./label.js";
import { Link } from "./link.js";
import { Atlas } from "./map.js";
import { Pictures } from "./pictures.js";
import { bytes, Table } from "./table.js";
import { followTheme } from "./theme.js";
import { Threshold } from "./threshold.js";

const SEARCHED_AFTER = 100;

function render({ model, el }) {
  const link = new Link(model);
  const app = new App(model, link);
  const pictures = new Pictures(link);
  const grid = new Grid(app, pictures);
  const filters = new Filters(app);
  const threshold = new Threshold(app);
  const atlas = new Atlas(app);
  const panels = {
    judge: ["Judge", new Judge(app)], threshold: ["Threshold", threshold], map: ["Map", atlas],
    item: ["Item", new Item(app, pictures)], compare: ["Compare", new Compare(app, pictures)], label: ["Answer", new Label(app, pictures)],
  };
  const failed = h("p", { class: "error", role: "alert", hidden: true });
  const head = heading(app, () => load());
  const side = tabs(app, panels);
  const drawer = h("details", { class: "drawer" }, h("summary", {}, "Filters"), filters.element);
  // Notebooks have keys of their own (z, a, arrows …): none of them may hear what is typed here. JupyterLab asks while
  // an event rises and so never hears it; Notebook 7 asks before the view does, and of the focused element alone.
  const root = h("section", { class: "cwb-view", "aria-label": "Catalog Workbench" }, head.element, failed, h("div", { class: "body" }, drawer, grid.element, side));
  for (const name of ["keydown", "keyup", "keypress"]) root.addEventListener(name, (event) => event.stopPropagation());
  root.addEventListener("focusin", ({ target }) => target.setAttribute("data-lm-suppress-shortcuts", "true"));
  // Whoever leaves the view to run a cell finds there what was set last.
  root.addEventListener("focusout", () => app.flush());
  const unfollow = followTheme(root);
  const wide = new ResizeObserver(() => (drawer.open = root.clientWidth >= 900));
  wide.observe(root);
  el.replaceChildren(root);
  requestAnimationFrame(() => (root.dataset.theme ??= "light"));

  app.on("failed", (words) => {
    failed.hidden = false;
    failed.textContent = words;
  });

  async function load() {
    const began = performance.now();
    try {
      const { answer, buffers } = await link.ask("table");
      const table = new Table(answer, buffers);
      const after = answer.columns.length + 1;
      pictures.fill(new Uint32Array(bytes(buffers[after + 1])));
      app.fill(table, answer, new Uint32Array(bytes(buffers[after])));
      app.unweighed = 0;
      threshold.reset();
      atlas.reset();
      app.tell("state");
      failed.hidden = true;
      root.dataset.ready = String(Math.round(performance.now() - began));
    } catch (error) {
      app.fail(error);
    }
  }
  link.on("selected", (_, buffers) => {
    app.selected = new Set(new Uint32Array(bytes(buffers[0])));
    app.tell("selected");
  });
  link.on("labelled", (message) => app.answered(message.mine));
  link.on("stale", () => load());
  load();

  return () => {
    app.close();
    grid.close();
    atlas.close();
    pictures.close();
    link.close();
    wide.disconnect();
    unfollow();
  };
}

function heading(app, reload) {
  const shown = h("span", { class: "shown", role: "status" });
  const search = h("input", { type: "search", placeholder: "Search titles and texts", "aria-label": "Search titles and texts" });
  const hide = h("button", { class: "button", "aria-pressed": "false", onclick: () => app.change({ hidden: !app.state.hidden }) }, "Hide judge");
  const clear = h("button", { class: "link", onclick: () => app.change({ filters: {}, search: "" }) }, "Clear filters");
  const none = h("button", { class: "link", onclick: () => app.select([]) }, "Clear selection");
  const marked = h("span", { class: "marked" });
  const again = h("button", { class: "button strong", hidden: true, onclick: async () => {
    await app.link.ask("refresh").catch((error) => app.fail(error));
    reload();
  } });
  let timer = 0;
  search.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(() => app.change({ search: search.value }), SEARCHED_AFTER);
  });
  const draw = () => {
    if (!app.table) return;
    shown.textContent = `${count(app.shown.length)} of ${count(app.table.rows)} items`;
    marked.textContent = app.selected.size ? `${count(app.selected.size)} selected` : "";
    none.hidden = app.selected.size === 0;
    clear.hidden = !Object.keys(app.state.filters).length && !app.state.search;
    hide.setAttribute("aria-pressed", String(Boolean(app.state.hidden)));
    hide.title = app.state.hidden ? "Show what the judge and others said" : "Hide what the judge and others said, to answer without knowing it";
    if (document.activeElement !== search) search.value = app.state.search ?? "";
    again.hidden = !app.unweighed;
    again.textContent = `Weigh ${app.unweighed === 1 ? "1 new answer" : `${app.unweighed} new answers`}`;
  };
  for (const name of ["rows", "state", "selected", "mine"]) app.on(name, draw);
  return { element: h("header", {}, shown, clear, marked, none, h("span", { class: "gap" }), again, search, hide) };
}

function tabs(app, panels) {
  const names = Object.keys(panels);
  const id = `p${Math.random().toString(36).slice(2)}`;
  const list = h("div", { class: "tabs", role: "tablist", "aria-label": "Panels" });
  const buttons = names.map((name) =>
    h("button", { role: "tab", id: `${id}-${name}`, "aria-controls": `${id}-panel`, "data-panel": name, onclick: () => {
      app.change({ panel: name });
      panels[name][1].focus?.();
    } }, panels[name][0]));
  list.append(...buttons);
  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const place = (names.indexOf(app.state.panel) + step + names.length) % names.length;
    app.change({ panel: names[place] });
    buttons[place].focus();
    event.preventDefault();
  });
  const panel = h("div", { class: "panel", role: "tabpanel", id: `${id}-panel`, tabindex: "0" });
  const draw = () => {
    const name = names.includes(app.state.panel) ? app.state.panel : names[0];
    if (panel.dataset.panel === name) return;
    panel.dataset.panel = name;
    buttons.forEach((button, i) => {
      button.setAttribute("aria-selected", String(names[i] === name));
      button.tabIndex = names[i] === name ? 0 : -1;
    });
    panel.setAttribute("aria-labelledby", `${id}-${name}`);
    const [, { element, draw: fill }] = panels[name];
    panel.replaceChildren(element);
    fill?.call(panels[name][1]);
  };
  app.on("state", draw);
  app.on("rows", draw);
  return h("aside", {}, list, panel);
}

export default { render };
