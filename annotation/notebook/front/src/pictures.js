// Small pictures: asked for in batches, only for what is on the screen, the latest kept.

import { bytes } from "./table.js";

const KEPT = 1500;
const BATCH = 48;

export class Pictures {
  constructor(link) {
    this.link = link;
    this.urls = new Map();
    this.wanted = new Map();
    this.asking = 0;
    this.contents = new Uint32Array(0);
    this.arrived = () => {};
  }

  /** Takes which content each row shows, shape (rows,): rows of one content share a picture. */
  fill(contents) {
    this.contents = contents;
  }

  /** The picture's address; null until it is there, and `""` where there is none. */
  get(row) {
    const content = this.contents[row];
    const url = this.urls.get(content);
    if (url === undefined) return null;
    this.urls.delete(content);
    this.urls.set(content, url);
    return url;
  }

  /** Asks for rows, in place of what was asked for and has not been sent yet; `arrived` is called after each batch. */
  want(rows, arrived) {
    this.wanted = new Map(rows.map((row) => [this.contents[row], row]).filter(([content]) => !this.urls.has(content)));
    this.arrived = arrived;
    this.#next();
  }

  async #next() {
    if (this.asking || !this.wanted.size) return;
    const batch = [...this.wanted].slice(0, BATCH);
    for (const [content] of batch) this.wanted.delete(content);
    this.asking = 1;
    try {
      const { buffers } = await this.link.ask("pictures", { rows: batch.map(([, row]) => row) });
      batch.forEach(([content], place) => {
        const data = bytes(buffers[place]);
        this.#keep(content, data.byteLength ? URL.createObjectURL(new Blob([data], { type: "image/jpeg" })) : "");
      });
    } catch {
      for (const [content] of batch) this.#keep(content, "");
    }
    this.asking = 0;
    this.arrived();
    this.#next();
  }

  #keep(content, url) {
    this.urls.set(content, url);
    for (const [oldest, old] of this.urls) {
      if (this.urls.size <= KEPT) break;
      this.urls.delete(oldest);
      if (old) URL.revokeObjectURL(old);
    }
  }

  /** The picture of one row as large as it is shown alone. */
  async whole(row) {
    const { buffers } = await this.link.ask("whole", { rows: [row] });
    return URL.createObjectURL(new Blob([bytes(buffers[0])], { type: "image/jpeg" }));
  }

  close() {
    for (const url of this.urls.values()) if (url) URL.revokeObjectURL(url);
    this.urls.clear();
    this.wanted.clear();
  }
}
