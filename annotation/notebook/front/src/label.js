// Answers by keys: one key per answer, the next item at once, everything stored as it is given.

import { h } from "./dom.js";

const KEYS = [["y", "suitable"], ["n", "not suitable"], ["s", "skip"], ["1–9", "failure"], ["t", "title"], ["o", "note"], ["z", "undo"], ["← →", "move"]];

export class Label {
  constructor(app, pictures) {
    this.app = app;
    this.pictures = pictures;
    this.modes = new Set();
    this.element = h("div", { class: "panel-body label", tabindex: "-1", onkeydown: (event) => this.#key(event) });
    this.said = h("p", { class: "said", role: "status", "aria-live": "polite" });
    this.saving = Promise.resolve();
    app.on("rows", () => this.draw());
    app.on("cursor", () => this.draw());
    app.on("hidden", () => this.again());
    app.on("mine", () => this.#counts());
  }

  /** Draws the same item anew. */
  again() {
    this.row = undefined;
    this.draw();
  }

  /** Keys answer from now on. */
  focus() {
    this.again();
    this.card?.focus({ preventScroll: true });
  }

  draw() {
    const { app } = this;
    if (!app.table || app.state.panel !== "label") return;
    const { labels } = app.told;
    if (labels.off) {
      this.element.replaceChildren(h("p", { class: "note" }, labels.off));
      return;
    }
    if (!labels.annotator) {
      this.#askName();
      return;
    }
    if (app.row === null) {
      this.element.replaceChildren(h("p", { class: "note" }, "No item fits the filters, so there is nothing to answer."));
      return;
    }
    if (app.row !== this.row) this.#show(app.row);
  }

  #askName() {
    const name = h("input", { type: "text", "aria-label": "Your name or address", placeholder: "anna@example.com", autocomplete: "off" });
    const wrong = h("p", { class: "error", role: "alert" });
    const go = async (event) => {
      event.preventDefault();
      try {
        const { answer } = await this.app.link.ask("annotator", { name: name.value });
        this.#named(answer);
      } catch (error) {
        wrong.textContent = error.message;
      }
    };
    this.element.replaceChildren(h("form", { class: "who", onsubmit: go }, h("h3", {}, "Who answers?"),
      h("p", { class: "about" }, "Each answer carries the name of the person who gave it."), name, h("button", { class: "button strong" }, "Begin"), wrong));
    name.focus({ preventScroll: true });
  }

  #named(answer) {
    const { app } = this;
    app.told.labels = answer.labels;
    for (const row of answer.seen) app.seen[row] = 1;
    app.answered(answer.mine);
    this.focus();
  }

  #show(row) {
    const { app } = this;
    const had = this.element.contains(document.activeElement);
    const mine = app.mine.get(row);
    this.row = row;
    this.began = performance.now();
    this.modes = new Set(mine?.modes ?? []);
    this.title = h("input", { type: "text", class: "better", "aria-label": "Better title", value: app.table.titles[row] });
    this.note = h("input", { type: "text", "aria-label": "Note", placeholder: "Note (o)", value: mine?.note ?? "" });
    for (const input of [this.title, this.note]) input.addEventListener("keydown", (event) => this.#typed(event));
    const frame = h("div", { class: "whole waiting" });
    this.buttons = app.told.labels.modes.map(([id, words], i) =>
      h("button", { class: "mode", title: words, "aria-pressed": String(this.modes.has(id)), onclick: () => this.#mode(i) },
        i < 9 ? h("kbd", {}, String(i + 1)) : "", id.replaceAll("_", " ")));
    this.count = h("span", { class: "n" });
    this.undo = h("button", { class: "button", onclick: () => this.#undo() }, "Undo ", h("kbd", {}, "z"));
    const answer = (approved, word, key, tone) => h("button", { class: `button ${tone}`, "aria-pressed": String(mine ? mine.approved === approved : false), onclick: () => this.#save(approved) }, word, " ", h("kbd", {}, key));
    this.card = h("div", { class: "card", tabindex: "0", role: "group", "aria-label": `Answer about ${app.table.titles[row]}. y suitable, n not suitable, s skip, digits name failures, z undo.` },
      frame,
      h("div", { class: "row" }, answer(true, "Suitable", "y", "yes"), answer(false, "Not suitable", "n", "no"), answer(null, "Skip", "s", "")),
      h("div", { class: "modes", role: "group", "aria-label": "Failures" }, this.buttons),
      this.title, this.#aspects(row), this.note);
    this.element.replaceChildren(this.#head(), this.card, this.said, h("div", { class: "row foot" }, this.undo, this.count), this.#keys());
    this.#counts();
    this.#picture(frame, row);
    if (had) this.card.focus({ preventScroll: true });
  }

  #head() {
    const { app } = this;
    const { annotator, rubric } = app.told.labels;
    const who = h("p", { class: "about" }, "Answering as ", h("strong", {}, annotator), ` by ${rubric}. `,
      h("button", { class: "link", onclick: () => this.#askName() }, "Somebody else"));
    if (app.blind(this.row)) return who;
    const why = app.state.hidden
      ? "The judge's answer to this one was on the screen before, or a filter tells it: your answer is kept as not blind, and is not counted in what approvals are worth."
      : "You see the judge's answers: yours are kept as not blind, and are not counted in what approvals are worth.";
    return h("div", {}, who, h("p", { class: "note" }, why, " ",
      app.state.hidden ? null : h("button", { class: "link", onclick: () => app.change({ hidden: true }) }, "Hide the judge")));
  }

  #aspects(row) {
    const told = this.app.table.value("aspects", row);
    return told ? h("p", { class: "about" }, told) : null;
  }

  #keys() {
    return h("p", { class: "keys" }, KEYS.flatMap(([key, word]) => [h("kbd", {}, key), ` ${word}  `]));
  }

  async #picture(frame, row) {
    if (!this.app.told.pictures) {
      frame.remove();
      return;
    }
    try {
      const url = await this.pictures.whole(row);
      frame.replaceChildren(h("img", { src: url, alt: "", onload: () => URL.revokeObjectURL(url) }));
    } catch (error) {
      frame.replaceChildren(h("p", { class: "error" }, error.message));
    }
    frame.classList.remove("waiting");
  }

  #counts() {
    if (!this.count) return;
    const { app } = this;
    const left = app.shown.reduce((sum, row) => sum + (app.mine.has(row) ? 0 : 1), 0);
    this.count.textContent = `${app.mine.size} answered by you, ${left} left here`;
    this.undo.disabled = app.undoable === 0;
  }

  #key(event) {
    if (event.target.tagName === "INPUT" || event.ctrlKey || event.metaKey || event.altKey || !this.card?.isConnected) return;
    const { app } = this;
    const key = event.key.toLowerCase();
    if (key === "y") this.#save(true);
    else if (key === "n") this.#save(false);
    else if (key === "s") this.#save(null);
    else if (key === "z") this.#undo();
    else if (key >= "1" && key <= "9") this.#mode(Number(key) - 1);
    else if (key === "t") this.title.select();
    else if (key === "o") this.note.focus();
    else if (event.key === "ArrowRight" || event.key === "ArrowDown") app.move(app.cursor + 1);
    else if (event.key === "ArrowLeft" || event.key === "ArrowUp") app.move(app.cursor - 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #typed(event) {
    event.stopPropagation();
    if (event.key === "Escape" && event.target === this.title) this.title.value = this.app.table.titles[this.row];
    if (event.key === "Escape" || event.key === "Enter") {
      this.card.focus({ preventScroll: true });
      event.preventDefault();
    }
  }

  #mode(place) {
    const mode = this.app.told.labels.modes[place];
    if (!mode) return;
    if (!this.modes.delete(mode[0])) this.modes.add(mode[0]);
    this.buttons[place].setAttribute("aria-pressed", String(this.modes.has(mode[0])));
  }

  #save(approved) {
    const { app, row } = this;
    const word = {
      rows: [row], approved, failure_modes: [...this.modes], note: this.note.value.trim(), blind: app.blind(row),
      title: this.title.value.trim() === app.table.titles[row] ? null : this.title.value.trim(),
      seconds: (performance.now() - this.began) / 1000,
    };
    const before = app.mine.get(row);
    app.mine.set(row, { approved, modes: word.failure_modes, note: word.note });
    // The next item at once: who is fast answers it while this one is being stored. One after another, so
    // that undo takes back the latest.
    this.saving = this.saving.then(() => this.#stored(row, word, before));
    this.#next();
  }

  async #stored(row, word, before) {
    const { app } = this;
    try {
      const { answer } = await app.link.ask("label", word);
      const others = answer.others.length ? ` ${answer.others.join(", ")} answered it too: both answers are kept.` : "";
      const told = word.approved === null ? "skipped" : word.approved ? "suitable" : "not suitable";
      const rest = app.shown.every((one) => app.mine.has(one)) ? " All that is shown here is answered." : "";
      this.#say(`Saved: ${app.table.titles[row].slice(0, 60)} – ${told}.${others}${rest}`);
      app.unweighed = (app.unweighed ?? 0) + 1;
      app.merge(row, answer.mine);
    } catch (error) {
      if (before) app.mine.set(row, before);
      else app.mine.delete(row);
      app.tell("mine");
      app.open(row);
      this.again();
      this.#say(`Not saved: ${error.message}`, "error");
    }
  }

  #say(words, tone = "") {
    this.said.className = `said ${tone}`;
    this.said.textContent = words;
  }

  /** The next item that I have not answered, from here on and round; else the next one. */
  #next() {
    const { app } = this;
    const total = app.shown.length;
    for (let step = 1; step < total; step += 1) {
      const place = (app.cursor + step) % total;
      if (!app.mine.has(app.shown[place])) {
        app.move(place);
        return;
      }
    }
    app.move(app.cursor + 1);
    this.again();
    this.card.focus({ preventScroll: true });
  }

  #undo() {
    this.saving = this.saving.then(async () => {
      const { app } = this;
      try {
        const { answer } = await app.link.ask("undo");
        app.answered(answer.mine);
        if (answer.key === null) return;
        this.row = undefined;
        const place = app.shown.indexOf(app.table.keys.indexOf(answer.key));
        if (place >= 0) app.move(place);
        this.draw();
        this.card?.focus({ preventScroll: true });
        this.#say("Taken back.");
      } catch (error) {
        this.#say(`Not taken back: ${error.message}`, "error");
      }
    });
  }
}
