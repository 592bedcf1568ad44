// One item from all sides: its picture, what is known of it, and how its attempts went on.

import { h } from "./dom.js";

const TAGS = { same: "span", gone: "del", new: "ins" };

export class Item {
  constructor(app, pictures) {
    this.app = app;
    this.pictures = pictures;
    this.element = h("div", { class: "panel-body" });
    const again = () => this.draw();
    for (const name of ["rows", "cursor", "mine"]) app.on(name, again);
    app.on("hidden", again);
  }

  #what() {
    return `${this.app.row} ${this.app.state.hidden} ${this.app.mine.size}`;
  }

  async draw() {
    const { app } = this;
    if (!app.table || app.state.panel !== "item") return;
    const { row } = app;
    this.told = this.#what();
    if (row === null) {
      this.element.replaceChildren(h("p", { class: "note" }, "No item fits the filters."));
      return;
    }
    const { told } = this;
    try {
      const { answer } = await app.link.ask("item", { rows: [row] });
      if (told === this.#what()) this.#show(row, answer);
    } catch (error) {
      this.element.replaceChildren(h("p", { class: "error", role: "alert" }, error.message));
    }
  }

  #show(row, item) {
    const { app } = this;
    const { hidden } = app.state;
    const frame = h("div", { class: "whole waiting" });
    const judge = hidden ? [] : [["judge", app.table.value("judge", row)], ["confidence", app.table.value("confidence", row)?.toFixed(3)], ["people", app.table.value("people", row)]];
    const named = hidden ? [] : ["judge named", "people named"].map((name) => [name, (app.table.value(name, row) ?? []).join(", ").replaceAll("_", " ")]);
    const scores = hidden ? [] : item.scores.map(([name, value]) => [name, String(value)]);
    const facts = [...item.facts, ...judge, ...named].filter(([, value]) => value);
    const line = ([name, value]) => h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, value));
    this.element.replaceChildren(
      frame, h("h3", {}, item.title),
      ...(item.better ? [h("p", { class: "about" }, "Your better title: ", h("ins", {}, item.better))] : []),
      h("table", { class: "facts" }, h("tbody", {}, facts.map(line))),
      ...(scores.length ? [h("h3", {}, "Scores"), h("table", { class: "facts" }, h("tbody", {}, scores.map(line)))] : []),
      ...(hidden ? [] : this.#others(item.others)), ...this.#attempts(item.attempts, row),
    );
    this.#picture(frame, row);
  }

  #others(others) {
    if (!others.length) return [];
    const line = (one) => h("li", {}, h("strong", {}, one.by), `: ${one.approved === null ? "skipped" : one.approved ? "suitable" : "not suitable"}`,
      one.named.length ? ` – ${one.named.join(", ").replaceAll("_", " ")}` : "", one.simulated ? " (simulated)" : "", one.note ? h("q", {}, one.note) : "");
    return [h("h3", {}, "What others said"), h("ul", {}, others.map(line))];
  }

  #attempts(attempts, row) {
    if (!attempts.length) return [];
    const { app } = this;
    const one = (attempt, i) => {
      const frame = h("div", { class: "small" });
      const url = app.told.pictures ? this.pictures.get(attempt.row) : "";
      if (url) frame.append(h("img", { src: url, alt: "" }));
      else if (app.told.pictures) this.pictures.whole(attempt.row).then((whole) => frame.replaceChildren(h("img", { src: whole, alt: "", onload: () => URL.revokeObjectURL(whole) })), () => {});
      const verdict = app.state.hidden ? "" : ` ${attempt.judge}`;
      return h("li", { class: attempt.row === row ? "at" : "" },
        h("button", { class: "link", onclick: () => app.open(attempt.row) }, `Attempt ${i + 1}`), verdict, frame,
        h("p", { class: "diff" }, attempt.diff.map(([kind, text]) => h(TAGS[kind], {}, text))));
    };
    return [h("h3", {}, "Attempts"), h("p", { class: "about" }, "What each changed in the prompt of the one before."), h("ol", { class: "attempts" }, attempts.map(one))];
  }

  async #picture(frame, row) {
    if (!this.app.told.pictures) {
      frame.remove();
      return;
    }
    try {
      const url = await this.pictures.whole(row);
      frame.replaceChildren(h("img", { src: url, alt: this.app.table.titles[row], onload: () => URL.revokeObjectURL(url) }));
    } catch (error) {
      frame.replaceChildren(h("p", { class: "about" }, error.message));
    }
    frame.classList.remove("waiting");
  }
}
