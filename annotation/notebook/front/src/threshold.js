// Where approving would begin: scores as a histogram, and what each threshold is worth, looked up and never computed.

import { count, estimate, h, perFrame, s } from "./dom.js";

const BARS = 40;
const [WIDE, TALL, RATES, EDGE] = [360, 110, 120, 26];
const LINES = [["precision", "Precision"], ["recall", "Recall"]];
const across = (value) => EDGE + value * (WIDE - 2 * EDGE);

export class Threshold {
  constructor(app) {
    this.app = app;
    this.element = h("div", { class: "panel-body" });
    this.draw = perFrame(() => this.#draw());
    this.moved = () => this.#moved();
    this.updates = 0;
    app.on("rows", this.draw);
    app.on("hidden", this.draw);
    app.on("threshold", this.moved);
  }

  /** Forgets the curve: answers or rows are others. */
  reset() {
    this.curve = null;
    this.drawn = false;
    this.asked = false;
    this.draw();
  }

  async #draw() {
    const { app } = this;
    if (!app.table || app.state.panel !== "threshold") {
      this.drawn = false;
      return;
    }
    this.drawn = true;
    if (app.state.hidden) {
      this.element.replaceChildren(h("p", { class: "note" }, "Hidden while you answer alone: scores are the judge's."));
      this.drawn = false;
      return;
    }
    const column = app.table.byName.get("confidence");
    if (!column) {
      this.element.replaceChildren(h("p", { class: "note" }, "The judge gave no confidence, so there is no threshold to move."));
      return;
    }
    if (!this.curve) {
      if (!this.asked) {
        this.asked = true;
        this.element.replaceChildren(h("p", { class: "about", role: "status" }, "Working out what each threshold is worth …"));
        app.link.ask("curve").then(({ answer }) => {
          this.curve = answer;
          this.draw();
        }, (error) => this.element.replaceChildren(h("p", { class: "error", role: "alert" }, error.message)));
      }
      return;
    }
    this.#build(column);
    this.#moved();
  }

  #build(column) {
    const { curve, app } = this;
    const top = TALL + 14;
    this.line = s("line", { class: "chosen", y1: 4, y2: top + RATES });
    this.grip = s("circle", { class: "grip", cy: TALL, r: 7 });
    this.dots = LINES.map(([name]) => s("circle", { class: `dot ${name}`, r: 4 }));
    const chart = s(
      "svg", { viewBox: `0 0 ${WIDE} ${top + RATES + 20}`, class: "thresholds", "aria-hidden": "true" },
      ...bars(app, column), ...axis(top),
      ...unknown(curve.points, top),
      ...LINES.flatMap(([name]) => band(curve.points, name, top)),
      this.line, ...this.dots, this.grip,
    );
    this.slider = h("div", {
      class: "slider", role: "slider", tabindex: "0", "aria-label": "Threshold: approve from this confidence on",
      "aria-valuemin": "0", "aria-valuemax": "1", onkeydown: (event) => this.#key(event), onpointerdown: (event) => this.#drag(event, chart),
    }, chart);
    this.told = h("dl", { class: "told", "aria-live": "polite" });
    const legend = h("p", { class: "legend" }, h("i", { class: "precision" }), "precision ", h("i", { class: "recall" }), "recall ", h("i", { class: "hatched" }), "not identifiable");
    const side = (keep, word) => h("button", { class: "button", onclick: () => this.#open(keep) }, word);
    this.element.replaceChildren(...(curve.points.length
      ? [
        h("h3", {}, "Approve from which confidence on?"),
        h("p", { class: "about" }, "Drag the line, or use the arrow keys. Bars: items that fit the filters. Curves: ",
          `${count(curve.answered)} answered of ${count(curve.judged)} judged items, whatever the filters.`),
        legend, this.slider, this.told,
        h("div", { class: "buttons" }, side(true, "Show what it approves"), side(false, "Show what it rejects"),
          h("button", { class: "button", onclick: () => app.change({ threshold: null }) }, "Reset")),
      ]
      : [h("p", { class: "note" }, curve.reason)]));
  }

  get #points() {
    return this.curve?.points ?? [];
  }

  /** The point that the state's threshold means: the first at or above it. */
  #place() {
    const wanted = this.app.state.threshold ?? this.app.told.worth?.suggested ?? null;
    if (wanted === null) return null;
    const place = this.#points.findIndex((point) => point.threshold >= wanted - 1e-9);
    return place < 0 ? this.#points.length - 1 : place;
  }

  #moved() {
    if (!this.slider || !this.#points.length || this.app.state.panel !== "threshold") return;
    const place = this.#place();
    this.updates += 1;
    this.element.dataset.updates = this.updates;
    const point = place === null ? null : this.#points[place];
    for (const part of [this.line, this.grip, ...this.dots]) part.toggleAttribute("hidden", !point);
    if (!point) {
      this.slider.setAttribute("aria-valuenow", "0");
      this.slider.setAttribute("aria-valuetext", "no threshold: the judge's own decisions");
      this.told.replaceChildren(h("dt", {}, "Threshold"), h("dd", {}, "none chosen: click in the chart"));
      return;
    }
    const x = across(point.threshold);
    this.line.setAttribute("x1", x);
    this.line.setAttribute("x2", x);
    this.grip.setAttribute("cx", x);
    LINES.forEach(([name], i) => {
      const found = point[name];
      this.dots[i].toggleAttribute("hidden", found.value === null);
      this.dots[i].setAttribute("cx", x);
      this.dots[i].setAttribute("cy", TALL + 14 + (1 - (found.value ?? 0)) * RATES);
    });
    this.slider.setAttribute("aria-valuenow", String(point.threshold));
    this.slider.setAttribute("aria-valuetext", `${point.threshold.toFixed(3)}; ${LINES.map(([name, word]) => `${word} ${estimate(point[name])}`).join("; ")}`);
    const line = ([name, word]) => [h("dt", { class: name }, word), h("dd", { "data-rate": name, class: point[name].value === null ? "unknown" : "" }, estimate(point[name]))];
    this.told.replaceChildren(
      h("dt", {}, "Threshold"), h("dd", { "data-rate": "threshold" }, point.threshold.toFixed(3), this.app.state.threshold === null ? " (the one that keeps the promise)" : ""),
      h("dt", {}, "Approves"), h("dd", {}, `${count(point.approved)} of ${count(this.curve.judged)} items`),
      ...LINES.flatMap(line),
    );
  }

  #drag(event, chart) {
    const at = (e) => {
      const box = chart.getBoundingClientRect();
      const value = (((e.clientX - box.left) / box.width) * WIDE - EDGE) / (WIDE - 2 * EDGE);
      this.#choose(nearest(this.#points, Math.max(0, Math.min(1, value))));
    };
    this.slider.setPointerCapture(event.pointerId);
    this.slider.onpointermove = at;
    this.slider.onpointerup = () => (this.slider.onpointermove = null);
    this.slider.focus();
    at(event);
    event.preventDefault();
  }

  #key(event) {
    const steps = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 10, PageDown: -10 };
    const last = this.#points.length - 1;
    const place = this.#place() ?? Math.floor(last / 2);
    if (event.key in steps) this.#choose(Math.max(0, Math.min(last, place + steps[event.key])));
    else if (event.key === "Home") this.#choose(0);
    else if (event.key === "End") this.#choose(last);
    else return;
    event.preventDefault();
  }

  #choose(place) {
    const { threshold } = this.#points[place];
    if (threshold !== this.app.state.threshold) this.app.change({ threshold });
  }

  #open(above) {
    const place = this.#place();
    if (place === null) return;
    const column = this.app.table.byName.get("confidence");
    const before = this.#points[place - 1]?.threshold ?? column.low;
    const range = above ? { low: this.#points[place].threshold, high: column.high } : { low: column.low, high: before };
    this.app.setFilter("confidence", range);
  }
}

function nearest(points, value) {
  let best = 0;
  points.forEach((point, i) => {
    if (Math.abs(point.threshold - value) < Math.abs(points[best].threshold - value)) best = i;
  });
  return best;
}

/** Counts per bar, split by what people said. */
function bars(app, column) {
  const people = app.table.byName.get("people");
  const sides = ["not suitable", "suitable"].map((word) => people?.values.indexOf(word) ?? -1);
  const counts = Array.from({ length: BARS }, () => [0, 0, 0]);
  app.others("confidence", (row) => {
    const value = column.data[row];
    if (Number.isNaN(value)) return;
    const side = people ? sides.indexOf(people.data[row]) : -1;
    counts[Math.min(BARS - 1, Math.floor(value * BARS))][side < 0 ? 2 : side] += 1;
  });
  const top = Math.max(1, ...counts.map((one) => one[0] + one[1] + one[2]));
  const wide = (WIDE - 2 * EDGE) / BARS;
  return counts.flatMap((one, i) => {
    let floor = TALL;
    return ["no", "yes", "open"].flatMap((tone, side) => {
      if (!one[side]) return [];
      const height = Math.max(1, (one[side] / top) * (TALL - 8));
      floor -= height;
      return [s("rect", { class: `bar ${tone}`, x: EDGE + i * wide + 0.5, y: floor, width: wide - 1, height })];
    });
  });
}

function axis(top) {
  const ticks = [0, 0.25, 0.5, 0.75, 1];
  return [
    s("line", { class: "axis", x1: EDGE, x2: WIDE - EDGE, y1: TALL, y2: TALL }),
    ...[0, 0.5, 1].flatMap((value) => {
      const y = top + (1 - value) * RATES;
      return [s("line", { class: "rule", x1: EDGE, x2: WIDE - EDGE, y1: y, y2: y }), s("text", { x: EDGE - 4, y: y + 3.5, "text-anchor": "end" }, String(value))];
    }),
    ...ticks.map((value) => s("text", { x: across(value), y: top + RATES + 14, "text-anchor": "middle" }, String(value))),
  ];
}

/** Where a rate cannot be known, a hatched field: the audit does not reach there. */
function unknown(points, top) {
  const pattern = s("pattern", { id: "cwb-hatch", width: 6, height: 6, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" }, s("rect", { class: "hatch", width: 2, height: 6 }));
  return [s("defs", {}, pattern), ...LINES.flatMap(([name], side) =>
    runs(points, (point) => point[name].value === null).map(([a, b]) => {
      const [left, right] = [a === 0 ? 0 : points[a].threshold, points[Math.min(b + 1, points.length - 1)].threshold];
      return s("rect", { class: "unknown", "data-unknown": name, x: across(left), y: top + (side * RATES) / 2, width: Math.max(2, across(right) - across(left)), height: RATES / 2, fill: "url(#cwb-hatch)" });
    }))];
}

/** First and last place of each run of points that `fits`. */
function runs(points, fits) {
  const found = [];
  points.forEach((point, i) => {
    if (!fits(point)) return;
    if (found.length && found.at(-1)[1] === i - 1) found.at(-1)[1] = i;
    else found.push([i, i]);
  });
  return found;
}

function band(points, name, top) {
  const y = (value) => top + (1 - value) * RATES;
  return runs(points, (point) => point[name].value !== null).flatMap(([a, b]) => {
    const part = points.slice(a, b + 1);
    const sure = part.filter((point) => point[name].low !== null);
    const xy = (point, value) => `${across(point.threshold)},${y(value)}`;
    const edge = [...sure.map((point) => xy(point, point[name].high)), ...sure.toReversed().map((point) => xy(point, point[name].low))];
    return [
      s("polygon", { class: `band ${name}`, points: edge.join(" ") }),
      s("polyline", { class: `curve ${name}`, points: part.map((point) => xy(point, point[name].value)).join(" ") }),
    ];
  });
}
