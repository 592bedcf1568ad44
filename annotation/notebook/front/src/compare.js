// Two models on the same items, or two rubrics on the same outputs, side by side.

import { count, h, perFrame } from "./dom.js";

const OTHER_RUBRIC = "judge by ";
const PAGE = 20;

export class Compare {
  constructor(app, pictures) {
    this.app = app;
    this.pictures = pictures;
    this.element = h("div", { class: "panel-body" });
    this.length = PAGE;
    this.draw = perFrame(() => this.#draw());
    app.on("rows", this.draw);
    app.on("hidden", this.draw);
  }

  /** What there is to choose from: values of `model`, then rubrics beside the audit's. */
  #choices() {
    const { table } = this.app;
    const models = table.byName.get("model")?.values.map((value) => ({ kind: "model", value, name: value })) ?? [];
    const rubrics = table.columns.filter((column) => column.name.startsWith(OTHER_RUBRIC));
    const own = rubrics.length ? [{ kind: "rubric", value: "judge", name: `rubric ${table.byName.get("rubric")?.values.join(", ") ?? ""}` }] : [];
    return [...models, ...own, ...rubrics.map((column) => ({ kind: "rubric", value: column.name, name: `rubric ${column.name.slice(OTHER_RUBRIC.length)}` }))];
  }

  #draw() {
    const { app } = this;
    if (!app.table || app.state.panel !== "compare") return;
    const choices = this.#choices();
    if (choices.length < 2) {
      this.element.replaceChildren(h("p", { class: "note" }, "There is nothing to compare: that takes outputs of two models, or verdicts by two rubrics."));
      return;
    }
    this.left = choices.find((one) => one.name === this.left?.name) ?? choices[0];
    const partners = choices.filter((one) => one.kind === this.left.kind && one.name !== this.left.name);
    this.right = partners.find((one) => one.name === this.right?.name) ?? partners[0];
    const pick = (side, options) => h("select", { "aria-label": `${side} side`, onchange: (event) => {
      this[side] = options[event.target.selectedIndex];
      this.length = PAGE;
      this.draw();
    } }, options.map((one) => h("option", { selected: one.name === this[side]?.name }, one.name)));
    const parts = [h("div", { class: "sides" }, pick("left", choices), partners.length ? pick("right", partners) : h("span", { class: "about" }, "nothing to set beside it"))];
    if (this.right) parts.push(...this.#pairs());
    this.element.replaceChildren(...parts);
  }

  #pairs() {
    const { app } = this;
    const { hidden } = app.state;
    const found = this.left.kind === "model" ? this.#models() : [...app.shown].map((row) => [row, row]);
    const said = (row, side) => app.table.value(side.kind === "rubric" ? side.value : "judge", row);
    const differ = hidden ? [] : found.filter(([a, b]) => said(a, this.left) !== said(b, this.right));
    const only = h("input", { type: "checkbox", checked: this.only, onchange: (event) => {
      this.only = event.target.checked;
      this.length = PAGE;
      this.draw();
    } });
    const list = this.only && !hidden ? differ : found;
    const cards = list.slice(0, this.length).map(([a, b]) =>
      h("li", {}, this.#card(a, hidden ? null : said(a, this.left)), this.#card(b, hidden ? null : said(b, this.right), this.left.kind === "rubric")));
    return [
      h("p", { class: "about" }, `${count(found.length)} ${this.left.kind === "model" ? "items that both described" : "outputs"}, within the filters`,
        hidden ? "." : `; the judge says different things of ${count(differ.length)}.`),
      hidden ? null : h("label", { class: "only" }, only, " only where the judge differs"),
      h("ol", { class: "pairs" }, cards),
      list.length > this.length ? h("button", { class: "button", onclick: () => {
        this.length += PAGE;
        this.draw();
      } }, `Show more of ${count(list.length)}`) : null,
    ].filter(Boolean);
  }

  /** Pairs of rows about one item; the first of several outputs of a model is taken. A filter keeps a pair that has one side in it. */
  #models() {
    const { table, misses } = this.app;
    const [left, right] = [new Map(), new Map()];
    for (let row = 0; row < table.rows; row += 1) {
      const model = table.value("model", row);
      const side = model === this.left.value ? left : model === this.right.value ? right : null;
      const item = side && table.value("item", row);
      if (item && !side.has(item)) side.set(item, row);
    }
    return [...left].filter(([item, row]) => right.has(item) && !(misses[row] && misses[right.get(item)])).map(([item, row]) => [row, right.get(item)]);
  }

  #card(row, said, plain = false) {
    const { app } = this;
    const frame = h("span", { class: "small" });
    const there = () => {
      const url = this.pictures.get(row);
      if (url) frame.replaceChildren(h("img", { src: url, alt: "" }));
      return url !== null;
    };
    if (app.told.pictures && !plain && !there()) {
      this.pictures.whole(row).then((url) => frame.replaceChildren(h("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) })), () => {});
    }
    const tone = said === "approved" ? "good" : said === "rejected" ? "bad" : "";
    return h("button", { class: "side", onclick: () => {
      app.select([row]);
      app.open(row);
    } }, plain || !app.told.pictures ? null : frame, h("span", { class: "words" }, plain ? "" : app.table.titles[row]), said ? h("span", { class: `mark ${tone}` }, said) : null);
  }
}
