// Judge against people: a matrix whose cells open their items, and how often each failure was named.

import { count, estimate, h, perFrame } from "./dom.js";
import { counted } from "./filters.js";

const JUDGE = ["approved", "rejected", "undecided"];
const PEOPLE = ["suitable", "not suitable", "split", "not answered"];
const CELLS = {
  "approved suitable": ["true_positives", "agree"], "approved not suitable": ["false_positives", "wrong"],
  "rejected suitable": ["false_negatives", "wrong"], "rejected not suitable": ["true_negatives", "agree"],
};
const SIDES = [["judge named", "Failures that the judge named"], ["people named", "Failures that people named"]];

export class Judge {
  constructor(app) {
    this.app = app;
    this.element = h("div", { class: "panel-body" });
    this.draw = perFrame(() => this.#draw());
    app.on("rows", this.draw);
    app.on("hidden", this.draw);
  }

  #draw() {
    const { app } = this;
    if (!app.table || app.state.panel !== "judge") return;
    if (app.state.hidden) {
      this.element.replaceChildren(h("p", { class: "note" }, "Hidden while you answer alone. Switch “Hide judge” off to see what the judge and others said."));
      return;
    }
    const focus = document.activeElement?.dataset?.cell;
    this.element.replaceChildren(...this.#matrix(), ...this.#worth(), ...SIDES.flatMap(([name, title]) => this.#bars(name, title)));
    if (focus) this.element.querySelector(`[data-cell="${focus}"]`)?.focus();
  }

  #matrix() {
    const { app } = this;
    const { table } = app;
    const [judge, people] = [table.byName.get("judge"), table.byName.get("people")];
    if (!judge) return [h("p", { class: "note" }, "Nothing has been judged yet: run a judge, or show a frame with a column `approved`.")];
    const counts = new Map();
    const own = [app.masks.get("judge")?.fits, app.masks.get("people")?.fits];
    for (let row = 0; row < table.rows; row += 1) {
      const missed = app.misses[row] - own.reduce((sum, fits) => sum + (fits ? 1 - fits[row] : 0), 0);
      if (missed) continue;
      const key = `${table.value("judge", row)} ${people ? table.value("people", row) : "not answered"}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
    const sides = JUDGE.filter((one) => judge.values.includes(one));
    const said = PEOPLE.filter((one) => (people ? people.values.includes(one) : one === "not answered"));
    const head = h("tr", {}, h("td", {}), said.map((one) => h("th", { scope: "col" }, one)));
    const lines = sides.map((side) =>
      h("tr", {}, h("th", { scope: "row" }, side), said.map((one) => h("td", {}, this.#cell(side, one, counts.get(`${side} ${one}`) ?? 0, people)))),
    );
    return [
      h("h3", {}, "Judge and people"),
      h("p", { class: "about" }, "Items that fit the filters. A cell opens its items."),
      h("table", { class: "matrix" }, h("thead", {}, head), h("tbody", {}, lines)),
      ...(people ? [] : [h("p", { class: "note" }, "Nobody has answered yet.")]),
    ];
  }

  #cell(side, said, found, people) {
    const { app } = this;
    const [, tone] = CELLS[`${side} ${said}`] ?? [null, ""];
    const on = app.state.filters.judge?.join() === side && (!people || app.state.filters.people?.join() === said);
    const open = () => {
      const filters = { ...app.state.filters };
      delete filters.judge;
      delete filters.people;
      if (!on) Object.assign(filters, { judge: [side] }, people ? { people: [said] } : {});
      app.change({ filters });
    };
    return h("button", {
      class: `cell ${tone}`, "data-cell": `${side}-${said}`, "aria-pressed": String(on), onclick: open,
      "aria-label": `judge ${side}, people ${said}: ${found} items`,
    }, count(found));
  }

  #worth() {
    const { worth, notes } = this.app.told;
    const found = notes.map((note) => h("p", { class: "note" }, note));
    if (!worth) return found;
    const rows = [
      ["Precision", worth.precision], ["Recall", worth.recall],
      ...Object.entries(CELLS).map(([name, [cell]]) => [name.replace(" ", ", "), worth.confusion[cell]]),
    ];
    const line = ([name, one], place) => h("tr", { class: one.value === null ? "unknown" : "" }, h("th", { scope: "row" }, name), h("td", {}, place < 2 ? estimate(one) : items(one)));
    return [
      ...found,
      h("h3", {}, "Of all judged items"),
      h("p", { class: "about" }, `By the audit, whatever the filters; ${Math.round(worth.precision.level * 100)}% intervals.`,
        worth.simulated ? h("strong", {}, " Simulated answers, no person gave them.") : ""),
      h("table", { class: "facts" }, h("tbody", {}, rows.map(line))),
    ];
  }

  #bars(name, title) {
    const { app } = this;
    const column = app.table.byName.get(name);
    if (!column) return [];
    const counts = counted(app, column);
    const top = Math.max(1, ...column.values.map((value) => counts.get(value)));
    const bars = column.values.map((value) => {
      const found = counts.get(value);
      const on = app.state.filters[name]?.includes(value) ?? false;
      return h("button", { class: "failure", "data-cell": `${name}-${value}`, "aria-pressed": String(on), "aria-label": `${value}: ${found} items`, onclick: () => app.toggle(name, value) },
        h("span", { class: "fill", style: `width:${(100 * found) / top}%` }),
        h("span", { class: "word" }, value.replaceAll("_", " ")), h("span", { class: "n" }, count(found)));
    });
    return [h("h3", {}, title), h("div", { class: "failures" }, bars)];
  }
}

/** An estimated number of items. */
function items(one) {
  if (one.value === null) return one.reason ?? "—";
  const whole = (number) => count(Math.round(number));
  return one.low === null ? `${whole(one.value)} (${one.reason})` : `${whole(one.value)} (${whole(one.low)} to ${whole(one.high)})`;
}
