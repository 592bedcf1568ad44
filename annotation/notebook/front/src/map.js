// Items laid out by their embeddings, on a canvas; a lasso marks those inside.

import { h, perFrame } from "./dom.js";
import { bytes } from "./table.js";
import { TELLING } from "./app.js";

const TALL = 380;
const EDGE = 10;
const NEAR = 12;
const COLORS = ["#3b7dd8", "#e08a1e", "#2f9e6b", "#c2427e", "#8a63d2", "#00a3b4", "#a2791a", "#d1574b"];
const OTHER = "#8a939f";

export class Atlas {
  constructor(app) {
    this.app = app;
    this.element = h("div", { class: "panel-body" });
    this.draw = perFrame(() => this.#draw());
    this.paint = perFrame(() => this.#paint());
    for (const name of ["rows", "selected", "cursor", "mine"]) app.on(name, this.paint);
    app.on("hidden", this.draw);
    this.sizes = new ResizeObserver(() => this.paint());
  }

  /** Forgets the places: rows are others. */
  reset() {
    this.places = undefined;
    this.asked = false;
    this.draw();
  }

  #draw() {
    const { app } = this;
    if (!app.table || app.state.panel !== "map") return;
    if (this.places === undefined) {
      if (this.asked) return;
      this.asked = true;
      this.element.replaceChildren(h("p", { class: "about", role: "status" }, "Laying items out …"));
      app.link.ask("map").then(({ answer, buffers }) => {
        this.places = buffers.length ? new Float32Array(bytes(buffers[0])) : null;
        this.told = answer.told;
        this.draw();
      }, (error) => this.element.replaceChildren(h("p", { class: "error", role: "alert" }, error.message)));
      return;
    }
    if (this.places === null) {
      this.element.replaceChildren(h("p", { class: "note" }, this.told));
      return;
    }
    this.#build();
    this.#paint();
  }

  #build() {
    const { app } = this;
    const columns = app.table.columns.filter((column) => column.kind === "chips" && !(app.state.hidden && TELLING(column.name)));
    const names = columns.map((column) => column.name);
    if (!names.includes(this.by)) this.by = names.includes("judge") ? "judge" : (names[0] ?? null);
    const choice = h("select", { "aria-label": "Colour by", onchange: (event) => {
      this.by = event.target.value;
      this.draw();
    } }, names.map((name) => h("option", { value: name, selected: name === this.by }, name)));
    this.canvas = h("canvas", { class: "map", role: "img", "aria-label": `Map of items, ${this.told}. The lasso needs a pointer; filters and “Select all shown” do the same by keys.` });
    this.lasso = [];
    this.canvas.addEventListener("pointerdown", (event) => this.#down(event));
    this.canvas.addEventListener("pointermove", (event) => this.#move(event));
    this.canvas.addEventListener("pointerup", (event) => this.#up(event));
    const column = app.table.byName.get(this.by);
    const legend = (column?.values ?? []).slice(0, COLORS.length).map((value, i) => h("span", {}, h("i", { class: "swatch", style: `background:${COLORS[i]}` }), value));
    if ((column?.values.length ?? 0) > COLORS.length) legend.push(h("span", {}, h("i", { class: "swatch", style: `background:${OTHER}` }), "others"));
    this.element.replaceChildren(
      h("p", { class: "about" }, `Laid out ${this.told}. Draw round items to mark them; with shift, add to what is marked.`),
      h("div", { class: "row" }, h("label", {}, "Colour by ", choice), h("button", { class: "button", onclick: () => app.select(app.shown) }, "Select all shown")),
      this.canvas, h("p", { class: "swatches" }, legend),
    );
    this.sizes.disconnect();
    this.sizes.observe(this.canvas);
  }

  #paint() {
    const { app, canvas } = this;
    if (!canvas?.isConnected || !this.places || !canvas.clientWidth) return;
    const scale = window.devicePixelRatio || 1;
    const [wide, tall] = [canvas.clientWidth, TALL];
    if (canvas.width !== Math.round(wide * scale) || canvas.height !== Math.round(tall * scale)) {
      canvas.width = Math.round(wide * scale);
      canvas.height = Math.round(tall * scale);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(scale, 0, 0, scale, 0, 0);
    pen.clearRect(0, 0, wide, tall);
    const column = app.table.byName.get(this.by);
    const size = app.shown.length > 5000 ? 2 : 4;
    pen.fillStyle = OTHER;
    pen.globalAlpha = 0.18;
    if (app.shown.length < app.table.rows) for (let row = 0; row < app.table.rows; row += 1) if (app.misses[row]) this.#dot(pen, row, wide, tall, 2);
    pen.globalAlpha = app.shown.length > 5000 ? 0.6 : 0.85;
    const piles = new Map();
    for (const row of app.shown) {
      const code = column?.data[row] ?? 255;
      const color = COLORS[code] ?? OTHER;
      if (!piles.has(color)) piles.set(color, []);
      piles.get(color).push(row);
    }
    for (const [color, rows] of piles) {
      pen.fillStyle = color;
      for (const row of rows) this.#dot(pen, row, wide, tall, size);
    }
    pen.globalAlpha = 1;
    const ink = getComputedStyle(this.element).color;
    pen.strokeStyle = ink;
    for (const row of app.selected) {
      const [x, y] = this.#at(row, wide, tall);
      pen.strokeRect(x - size / 2 - 1, y - size / 2 - 1, size + 2, size + 2);
    }
    if (app.row !== null) {
      const [x, y] = this.#at(app.row, wide, tall);
      pen.lineWidth = 2;
      pen.beginPath();
      pen.arc(x, y, 8, 0, 7);
      pen.stroke();
      pen.lineWidth = 1;
    }
    if (this.lasso.length > 1) {
      pen.beginPath();
      this.lasso.forEach(([x, y], i) => (i ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.setLineDash([5, 3]);
      pen.stroke();
      pen.setLineDash([]);
    }
  }

  #at(row, wide, tall) {
    return [EDGE + this.places[2 * row] * (wide - 2 * EDGE), tall - EDGE - this.places[2 * row + 1] * (tall - 2 * EDGE)];
  }

  #dot(pen, row, wide, tall, size) {
    const [x, y] = this.#at(row, wide, tall);
    pen.fillRect(x - size / 2, y - size / 2, size, size);
  }

  #down(event) {
    this.lasso = [[event.offsetX, event.offsetY]];
    this.canvas.setPointerCapture(event.pointerId);
    event.preventDefault();
  }

  #move(event) {
    if (!this.lasso.length) return;
    this.lasso.push([event.offsetX, event.offsetY]);
    this.paint();
  }

  #up(event) {
    const { app, lasso } = this;
    this.lasso = [];
    if (!lasso.length) return;
    const [wide, tall] = [this.canvas.clientWidth, TALL];
    const [x, y] = lasso[0];
    const far = lasso.some(([a, b]) => Math.hypot(a - x, b - y) > 4);
    if (far) {
      const found = app.shown.filter((row) => inside(lasso, ...this.#at(row, wide, tall)));
      app.select(event.shiftKey ? [...app.selected, ...found] : found);
      if (found.length) app.open(found[0]);
    } else {
      let [best, distance] = [null, NEAR];
      for (const row of app.shown) {
        const [a, b] = this.#at(row, wide, tall);
        const apart = Math.hypot(a - x, b - y);
        if (apart < distance) [best, distance] = [row, apart];
      }
      if (best !== null) {
        app.select([best]);
        app.open(best);
      }
    }
    this.paint();
  }

  close() {
    this.sizes.disconnect();
  }
}

/** Whether a point lies in a polygon: how often a ray from it crosses the edge. */
function inside(polygon, x, y) {
  let within = false;
  for (let i = 0, j = polygon.length - 1; i < polygon.length; j = i, i += 1) {
    const [[ax, ay], [bx, by]] = [polygon[i], polygon[j]];
    if (ay > y !== by > y && x < ((bx - ax) * (y - ay)) / (by - ay) + ax) within = !within;
  }
  return within;
}
