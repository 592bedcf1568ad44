// Questions to Python over the widget's channel, each answered once; and what Python says by itself.

const PATIENCE = 120_000;

export class Link {
  constructor(model) {
    this.model = model;
    this.waiting = new Map();
    this.heard = new Map();
    this.number = 0;
    this.prefix = Math.random().toString(36).slice(2);
    this.receive = (message, buffers) => this.#receive(message, buffers);
    model.on("msg:custom", this.receive);
  }

  /** Resolves to `{answer, buffers}`; rejects with Python's sentence. */
  ask(kind, content = {}, buffers = []) {
    const id = `${this.prefix}:${(this.number += 1)}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Error("Python does not answer: is the kernel busy, or was it restarted? Run the cell again."));
      }, PATIENCE);
      this.waiting.set(id, { resolve, reject, timer });
      this.model.send({ ...content, id, kind }, undefined, buffers);
    });
  }

  /** Hear what Python says of `kind` without being asked. */
  on(kind, work) {
    this.heard.set(kind, work);
  }

  close() {
    this.model.off("msg:custom", this.receive);
    for (const { timer } of this.waiting.values()) clearTimeout(timer);
  }

  #receive(message, buffers) {
    const asked = this.waiting.get(message.id);
    if (asked) {
      this.waiting.delete(message.id);
      clearTimeout(asked.timer);
      if (message.error !== undefined) asked.reject(new Error(message.error));
      else asked.resolve({ answer: message.answer, buffers: buffers ?? [] });
    } else if (message.id === undefined) this.heard.get(message.kind)?.(message, buffers ?? []);
  }
}
