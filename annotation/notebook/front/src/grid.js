// The pictures that fit: only those on the screen are elements, and only theirs are fetched.

import { count, h, perFrame } from "./dom.js";

const LEAST = 118;
const GAP = 8;
const CAPTION = 46;
const BEYOND = 1;
const MARKS = {
  approved: ["✓", "good", "approved by the judge"],
  rejected: ["✕", "bad", "rejected by the judge"],
  undecided: ["?", "none", "not decided by the judge"],
};
const ANSWERS = { suitable: ["✓", "good"], "not suitable": ["✕", "bad"], split: ["±", "none"] };

export class Grid {
  constructor(app, pictures) {
    this.app = app;
    this.pictures = pictures;
    this.tiles = new Map();
    this.space = h("div", { class: "space" });
    this.empty = h("p", { class: "empty", role: "status" });
    this.element = h(
      "div",
      {
        class: "grid", role: "listbox", tabindex: "0", "aria-multiselectable": "true",
        "aria-label": "Items. Arrow keys move, space marks, Enter opens.",
        onkeydown: (event) => this.#key(event), onclick: (event) => this.#click(event),
        ondblclick: (event) => this.#opened(event),
      },
      this.space, this.empty,
    );
    this.id = `g${Math.random().toString(36).slice(2)}`;
    this.draw = perFrame(() => this.#draw());
    this.element.addEventListener("scroll", this.draw, { passive: true });
    this.sizes = new ResizeObserver(() => this.draw());
    this.sizes.observe(this.element);
    app.on("rows", () => {
      this.element.scrollTop = 0;
      this.#fresh();
    });
    app.on("hidden", () => this.#fresh());
    app.on("mine", () => this.#fresh());
    app.on("selected", () => this.#fresh());
    app.on("cursor", () => this.#reveal());
  }

  #fresh() {
    this.stale = true;
    this.draw();
  }

  #measure() {
    const width = this.element.clientWidth - GAP;
    this.across = Math.max(1, Math.floor(width / (LEAST + GAP)));
    this.side = Math.max(60, Math.floor(width / this.across) - GAP);
    this.tall = this.side + CAPTION + GAP;
  }

  #draw() {
    const { app } = this;
    if (!app.table || !this.element.clientWidth) return;
    this.#measure();
    const total = app.shown.length;
    this.space.style.height = `${Math.ceil(total / this.across) * this.tall + GAP}px`;
    this.#tellEmpty(total);
    const first = Math.max(0, Math.floor(this.element.scrollTop / this.tall) - BEYOND) * this.across;
    const lines = Math.ceil(this.element.clientHeight / this.tall) + 1 + 2 * BEYOND;
    const last = Math.min(total, first + lines * this.across);
    const rows = app.shown.subarray(first, last);
    if (this.stale) {
      for (const tile of this.tiles.values()) tile.remove();
      this.tiles.clear();
      this.stale = false;
    }
    const kept = new Set(rows);
    for (const [row, tile] of this.tiles) {
      if (kept.has(row)) continue;
      tile.remove();
      this.tiles.delete(row);
    }
    rows.forEach((row, place) => this.#place(row, first + place, total));
    this.element.setAttribute("aria-activedescendant", app.row === null ? "" : `${this.id}-${app.row}`);
    if (app.told.pictures) this.pictures.want([...rows], this.draw);
    if (!app.state.hidden) app.saw([...rows]);
  }

  #tellEmpty(total) {
    const { table } = this.app;
    this.empty.hidden = total > 0;
    if (total) return;
    this.empty.replaceChildren(
      table.rows
        ? h("span", {}, "No item fits these filters. ",
          h("button", { class: "link", onclick: () => this.app.change({ filters: {}, search: "" }) }, "Clear them"))
        : h("span", {}, "There are no items yet: run a pipeline, or show a frame that has rows."),
    );
  }

  #place(row, place, total) {
    let tile = this.tiles.get(row);
    if (!tile) {
      tile = this.#tile(row, place, total);
      this.tiles.set(row, tile);
      this.space.append(tile);
    }
    tile.classList.toggle("at", place === this.app.cursor);
    const { style } = tile;
    style.width = `${this.side}px`;
    style.height = `${this.side + CAPTION}px`;
    const [x, y] = [GAP + (place % this.across) * (this.side + GAP), GAP + Math.floor(place / this.across) * this.tall];
    style.transform = `translate(${x}px, ${y}px)`;
    this.#picture(tile, row);
  }

  #picture(tile, row) {
    const frame = tile.firstChild;
    if (frame.dataset.there) return;
    const url = this.app.told.pictures ? this.pictures.get(row) : "";
    if (url === null) return;
    frame.dataset.there = "1";
    frame.classList.remove("waiting");
    frame.prepend(url ? h("img", { src: url, alt: "", draggable: "false" }) : h("span", { class: "nopicture" }, "no picture"));
  }

  #tile(row, place, total) {
    const { app } = this;
    const { table, state } = app;
    const title = table.titles[row];
    const marks = [];
    const words = [title];
    if (!state.hidden) {
      const judge = MARKS[table.value("judge", row)];
      if (judge) {
        marks.push(h("span", { class: `mark ${judge[1]}`, title: judge[2] }, judge[0]));
        words.push(judge[2]);
      }
      const said = table.value("people", row);
      if (ANSWERS[said]) {
        marks.push(h("span", { class: `mark people ${ANSWERS[said][1]}`, title: `${said}, by people` }, `${ANSWERS[said][0]} people`));
        words.push(`${said} by people`);
      }
    }
    const mine = app.mine.get(row);
    if (mine) {
      const told = mine.approved === null ? "skipped" : mine.approved ? "✓ mine" : "✕ mine";
      marks.push(h("span", { class: "mark mine" }, told));
      words.push(`answered by me: ${told}`);
    }
    const score = state.hidden ? null : table.value("confidence", row);
    return h(
      "div",
      {
        class: "tile", role: "option", id: `${this.id}-${row}`, "data-row": row,
        "aria-selected": String(app.selected.has(row)), "aria-label": words.join(", "),
        "aria-setsize": total, "aria-posinset": place + 1,
      },
      h("div", { class: "frame waiting" }, h("div", { class: "marks" }, marks)),
      h("div", { class: "title" }, title),
      h("div", { class: "under" }, table.value("category", row) ?? "", score === null ? "" : h("span", { class: "score" }, score.toFixed(2))),
    );
  }

  #click(event) {
    const row = this.#rowOf(event);
    if (row === null) return;
    const { app } = this;
    const place = app.shown.indexOf(row);
    if (event.shiftKey) {
      const [a, b] = [Math.min(app.cursor, place), Math.max(app.cursor, place)];
      app.select([...app.selected, ...app.shown.subarray(a, b + 1)]);
    } else if (event.ctrlKey || event.metaKey) this.#mark(row);
    else app.select([row]);
    app.move(place);
    this.element.focus({ preventScroll: true });
  }

  #opened(event) {
    const row = this.#rowOf(event);
    if (row !== null) this.app.change({ panel: "item" });
  }

  #rowOf(event) {
    const tile = event.target.closest(".tile");
    return tile ? Number(tile.dataset.row) : null;
  }

  #mark(row) {
    const { app } = this;
    app.select(app.selected.has(row) ? [...app.selected].filter((one) => one !== row) : [...app.selected, row]);
  }

  #key(event) {
    const { app } = this;
    const page = this.across * Math.max(1, Math.floor(this.element.clientHeight / this.tall));
    const moves = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.across, ArrowUp: -this.across, PageDown: page, PageUp: -page };
    if (event.key in moves) {
      const before = app.cursor;
      app.move(app.cursor + moves[event.key]);
      if (event.shiftKey) app.select([...app.selected, ...app.shown.subarray(Math.min(before, app.cursor), Math.max(before, app.cursor) + 1)]);
    } else if (event.key === "Home") app.move(0);
    else if (event.key === "End") app.move(app.shown.length - 1);
    else if (event.key === " " && app.row !== null) this.#mark(app.row);
    else if (event.key === "Enter") app.change({ panel: "item" });
    else if (event.key === "a" && (event.ctrlKey || event.metaKey)) app.select(app.shown);
    else if (event.key === "Escape") app.select([]);
    else return;
    event.preventDefault();
  }

  #reveal() {
    if (!this.tall) this.#measure();
    const top = Math.floor(this.app.cursor / this.across) * this.tall;
    const { scrollTop, clientHeight } = this.element;
    if (top < scrollTop) this.element.scrollTop = top;
    else if (top + this.tall + GAP > scrollTop + clientHeight) this.element.scrollTop = top + this.tall + GAP - clientHeight;
    this.draw();
  }

  close() {
    this.sizes.disconnect();
  }
}

export const told = (app) => `${count(app.shown.length)} of ${count(app.table.rows)}`;
