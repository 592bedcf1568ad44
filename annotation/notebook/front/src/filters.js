// Filters that know each other: chips with counts, histograms to brush.

import { TELLING } from "./app.js";
import { count, h, perFrame, s, share } from "./dom.js";

const BARS = 24;
const [WIDE, TALL] = [200, 44];
const FIRST = 8;

export class Filters {
  constructor(app) {
    this.app = app;
    this.element = h("div", { class: "filters", role: "group", "aria-label": "Filters" });
    this.more = new Set();
    this.parts = new Map();
    this.draw = perFrame(() => this.#draw());
    app.on("rows", this.draw);
    app.on("hidden", this.draw);
  }

  #draw() {
    const { app } = this;
    if (!app.table) return;
    const wanted = app.table.columns.filter(
      (column) => column.kind !== "text" && (column.values.length !== 1 || column.kind !== "chips" || column.data.includes(255)) && !(app.state.hidden && TELLING(column.name)),
    );
    const names = wanted.map((column) => column.name).join("\n");
    if (names !== this.names) {
      this.names = names;
      this.parts = new Map(wanted.map((column) => [column.name, column.kind === "number" ? histogram(app, column) : this.#chips(column)]));
      this.element.replaceChildren(...[...this.parts.values()].map((part) => part.element));
    }
    for (const part of this.parts.values()) part.draw();
  }

  #chips(column) {
    const { app } = this;
    const list = h("div", { class: "chips" });
    const element = h("fieldset", {}, h("legend", {}, column.name), list);
    const buttons = new Map();
    const draw = () => {
      const counts = counted(app, column);
      const values = [...column.values, ...(counts.get(null) || chosen(app, column.name).includes(null) ? [null] : [])];
      const some = this.more.has(column.name) ? values : values.slice(0, FIRST);
      const told = some.map(String).join("\n");
      if (list.dataset.told !== told) {
        list.dataset.told = told;
        buttons.clear();
        list.replaceChildren(...some.map((value) => {
          const number = h("span", { class: "n" });
          const button = h("button", { class: "chip", "aria-pressed": "false", onclick: () => app.toggle(column.name, value) },
            h("span", { class: "word" }, value ?? "none"), number);
          buttons.set(value, [button, number]);
          return button;
        }));
        if (values.length > FIRST) {
          const open = this.more.has(column.name);
          list.append(h("button", { class: "link", onclick: () => {
            if (!this.more.delete(column.name)) this.more.add(column.name);
            this.draw();
          } }, open ? "fewer" : `${values.length - FIRST} more`));
        }
      }
      for (const [value, [button, number]] of buttons) {
        const found = counts.get(value) ?? 0;
        number.textContent = count(found);
        const on = chosen(app, column.name).includes(value);
        button.setAttribute("aria-pressed", String(on));
        button.classList.toggle("nothing", found === 0 && !on);
      }
    };
    return { element, draw };
  }
}

const chosen = (app, name) => (Array.isArray(app.state.filters[name]) ? app.state.filters[name] : []);

/** Value to rows that hold it, among those that fit all other filters; null: missing. */
export function counted(app, column) {
  const found = new Map([...column.values, null].map((value) => [value, 0]));
  const places = new Uint32Array(256);
  if (column.kind === "chips") {
    app.others(column.name, (row) => (places[column.data[row]] += 1));
    column.values.forEach((value, place) => found.set(value, places[place]));
    found.set(null, places[255]);
    return found;
  }
  let none = 0;
  app.others(column.name, (row) => {
    let bits = column.data[row];
    if (!bits) none += 1;
    for (let bit = 0; bits; bit += 1, bits >>>= 1) if (bits & 1) places[bit] += 1;
  });
  column.values.forEach((value, place) => found.set(value, places[place]));
  found.set(null, none);
  return found;
}

function histogram(app, column) {
  const { low, high, name } = column;
  const wide = high > low ? high - low : 1;
  const bars = Array.from({ length: BARS }, (_, i) => s("rect", { x: (i * WIDE) / BARS + 0.5, width: WIDE / BARS - 1, class: "bar" }));
  const brush = s("rect", { class: "brush", y: 0, height: TALL, hidden: true });
  const picture = s("svg", { viewBox: `0 0 ${WIDE} ${TALL}`, preserveAspectRatio: "none", class: "histogram", "aria-hidden": "true" }, ...bars, brush);
  const least = h("input", { type: "number", step: "any", "aria-label": `${name}, at least`, placeholder: short(low) });
  const most = h("input", { type: "number", step: "any", "aria-label": `${name}, at most`, placeholder: short(high) });
  const element = h("fieldset", {}, h("legend", {}, name), picture, h("div", { class: "range" }, least, "to", most));
  const set = (a, b) => app.setFilter(name, a === null && b === null ? null : { low: a ?? low, high: b ?? high });
  const typed = () => set(read(least), read(most));
  least.addEventListener("change", typed);
  most.addEventListener("change", typed);
  let from = null;
  const at = (event) => {
    const box = picture.getBoundingClientRect();
    return low + Math.max(0, Math.min(1, (event.clientX - box.left) / box.width)) * wide;
  };
  const brushed = perFrame((a, b) => set(Math.min(a, b), Math.max(a, b)));
  picture.addEventListener("pointerdown", (event) => {
    from = at(event);
    picture.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  picture.addEventListener("pointermove", (event) => from !== null && brushed(from, at(event)));
  picture.addEventListener("pointerup", (event) => {
    if (Math.abs(at(event) - from) < wide / 100) set(null, null);
    from = null;
  });
  const draw = () => {
    const counts = new Uint32Array(BARS);
    app.others(name, (row) => {
      const value = column.data[row];
      if (!Number.isNaN(value)) counts[Math.min(BARS - 1, Math.floor(((value - low) / wide) * BARS))] += 1;
    });
    const top = Math.max(1, ...counts);
    const range = app.state.filters[name];
    bars.forEach((bar, i) => {
      const height = counts[i] ? Math.max(1.5, (counts[i] / top) * TALL) : 0;
      bar.setAttribute("y", TALL - height);
      bar.setAttribute("height", height);
      const [a, b] = [low + (i / BARS) * wide, low + ((i + 1) / BARS) * wide];
      bar.classList.toggle("out", Boolean(range) && (b < range.low || a > range.high));
    });
    brush.toggleAttribute("hidden", !range);
    if (range) {
      brush.setAttribute("x", ((range.low - low) / wide) * WIDE);
      brush.setAttribute("width", Math.max(1, ((range.high - range.low) / wide) * WIDE));
    }
    if (document.activeElement !== least) least.value = range ? short(range.low) : "";
    if (document.activeElement !== most) most.value = range ? short(range.high) : "";
  };
  return { element, draw };
}

const short = (number) => (Math.abs(number) <= 1 && number !== 0 ? share(number) : String(Math.round(number * 100) / 100));
const read = (input) => (input.value === "" || Number.isNaN(Number(input.value)) ? null : Number(input.value));
