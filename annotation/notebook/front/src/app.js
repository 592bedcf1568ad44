// What all panels share: rows, filters, selection, what was seen. A change of any is told to who listens.

import { mask, searched } from "./table.js";

/** Columns that tell what the judge or other people said: hidden from whoever answers alone. */
export const TELLING = (name) =>
  ["people", "confidence", "people named"].includes(name) || name.startsWith("judge") || name.startsWith("score_");

const SAVED_AFTER = 120;

export class App {
  constructor(model, link) {
    this.model = model;
    this.link = link;
    this.listeners = new Map();
    this.masks = new Map();
    this.selected = new Set();
    this.cursor = 0;
    this.timer = 0;
    // What we set comes back as a change too: applying it again would redraw a line while it is dragged.
    this.changed = () => {
      const told = JSON.stringify(this.state);
      if (told === this.known) return;
      this.known = told;
      this.#applied();
    };
    model.on("change:state", this.changed);
  }

  get state() {
    return this.pending ?? this.model.get("state");
  }

  /** Takes a table that came from Python, and everything that came with it. */
  fill(table, told, selected) {
    this.table = table;
    this.told = told;
    this.selected = new Set(selected);
    this.seen = new Uint8Array(table.rows);
    for (const row of told.seen) this.seen[row] = 1;
    this.masks.clear();
    this.mine = new Map();
    this.undoable = 0;
    this.recompute();
    this.answered(told.mine);
  }

  answered(mine) {
    this.mine = new Map(mine.answers.map(([row, approved, modes, note]) => [row, { approved, modes, note }]));
    this.undoable = mine.undoable;
    this.tell("mine");
  }

  /** Takes what Python stored about one row; answers to others may be on their way. */
  merge(row, mine) {
    const stored = mine.answers.find(([one]) => one === row);
    if (stored) this.mine.set(row, { approved: stored[1], modes: stored[2], note: stored[3] });
    this.undoable = mine.undoable;
    this.tell("mine");
  }

  on(name, work) {
    const known = this.listeners.get(name) ?? [];
    this.listeners.set(name, [...known, work]);
  }

  tell(name, ...given) {
    for (const work of this.listeners.get(name) ?? []) work(...given);
  }

  /** Changes filters, search, threshold or panel, here at once and in Python a moment later. */
  change(patch) {
    this.pending = { ...this.state, ...patch };
    this.known = JSON.stringify(this.pending);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.flush(), SAVED_AFTER);
    this.#applied(patch);
  }

  flush() {
    clearTimeout(this.timer);
    if (!this.pending) return;
    const next = this.pending;
    this.pending = null;
    this.model.set("state", next);
    this.model.save_changes();
  }

  setFilter(name, wanted) {
    const filters = { ...this.state.filters };
    if (wanted === null || wanted.length === 0) delete filters[name];
    else filters[name] = wanted;
    this.change({ filters });
  }

  toggle(name, value) {
    const chosen = this.state.filters[name] ?? [];
    this.setFilter(name, chosen.includes(value) ? chosen.filter((one) => one !== value) : [...chosen, value]);
  }

  #applied(patch) {
    if (!this.table) return;
    if (!patch || "filters" in patch || "search" in patch) this.recompute();
    if (!patch || "hidden" in patch) this.tell("hidden");
    if (!patch || "threshold" in patch) this.tell("threshold");
    this.tell("state");
  }

  /** Which rows are shown, and how many filters each row misses. */
  recompute() {
    const { filters, search } = this.state;
    const wanted = new Map(Object.entries(filters).filter(([name]) => this.table.byName.has(name)));
    if (search) wanted.set("\0search", search);
    for (const name of this.masks.keys()) if (!wanted.has(name)) this.masks.delete(name);
    for (const [name, value] of wanted) {
      const told = JSON.stringify(value);
      if (this.masks.get(name)?.told === told) continue;
      const fits =
        name === "\0search"
          ? searched(this.table, value)
          : mask(this.table.byName.get(name), value, this.table.rows);
      this.masks.set(name, { told, fits });
    }
    const misses = new Uint8Array(this.table.rows);
    for (const { fits } of this.masks.values()) for (let row = 0; row < misses.length; row += 1) misses[row] += 1 - fits[row];
    const shown = new Uint32Array(this.table.rows);
    let found = 0;
    for (let row = 0; row < misses.length; row += 1) if (misses[row] === 0) shown[found++] = row;
    this.misses = misses;
    this.shown = shown.subarray(0, found);
    this.cursor = Math.min(this.cursor, Math.max(0, found - 1));
    this.tell("rows");
  }

  /** Calls `work` for each row that fits every filter but the one by `name`. */
  others(name, work) {
    const own = this.masks.get(name)?.fits;
    for (let row = 0; row < this.misses.length; row += 1) {
      if (this.misses[row] === 0 || (own && this.misses[row] === 1 && own[row] === 0)) work(row);
    }
  }

  /** Rows marked, and told to Python. */
  select(rows) {
    this.selected = new Set(rows);
    this.link.ask("select", {}, [Uint32Array.from(this.selected).buffer]).catch((error) => this.fail(error));
    this.tell("selected");
  }

  /** Puts the cursor on a row that is shown. */
  move(place) {
    this.cursor = Math.max(0, Math.min(place, this.shown.length - 1));
    this.tell("cursor");
  }

  get row() {
    return this.shown.length ? this.shown[this.cursor] : null;
  }

  open(row) {
    const place = this.shown.indexOf(row);
    if (place >= 0) this.move(place);
    this.tell("open", row);
  }

  /** Remembers whose judge's answer was on the screen; Python keeps it. */
  saw(rows) {
    const fresh = rows.filter((row) => !this.seen[row]);
    if (!fresh.length) return;
    for (const row of fresh) this.seen[row] = 1;
    this.link.ask("seen", { rows: fresh }).catch((error) => this.fail(error));
  }

  /** Whether an answer about `row` would be given without knowing the judge's. */
  blind(row) {
    return this.state.hidden && !this.seen[row] && !Object.keys(this.state.filters).some(TELLING);
  }

  fail(error) {
    this.tell("failed", error.message ?? String(error));
  }

  close() {
    this.flush();
    this.model.off("change:state", this.changed);
  }
}
