// The rows, column by column, as Python packed them.

const MISSING = 255;

/** Reads what Python's `packed` wrote. */
export class Table {
  constructor(told, buffers) {
    this.rows = told.rows;
    this.columns = told.columns.map((column, place) => decoded(column, buffers[place]));
    this.byName = new Map(this.columns.map((column) => [column.name, column]));
    this.keys = JSON.parse(text(buffers[told.columns.length]));
    this.texts = this.columns.filter((column) => column.kind === "text");
    this.titles = this.byName.get("title")?.data ?? this.keys;
    this.lower = null;
  }

  /** All words of each row in lower case, made with the first search. */
  searchable() {
    this.lower ??= Array.from({ length: this.rows }, (_, row) =>
      this.texts.map((column) => column.data[row]).join("\n").toLowerCase(),
    );
    return this.lower;
  }

  /** What a row holds in a column of chips, in words; null where it is missing. */
  value(name, row) {
    const column = this.byName.get(name);
    if (!column) return null;
    if (column.kind === "chips") return column.data[row] === MISSING ? null : column.values[column.data[row]];
    if (column.kind === "number") return Number.isNaN(column.data[row]) ? null : column.data[row];
    if (column.kind === "names") return column.values.filter((_, bit) => column.data[row] & (1 << bit));
    return column.data[row];
  }
}

function decoded(column, buffer) {
  if (column.kind === "chips") return { ...column, data: new Uint8Array(bytes(buffer)) };
  if (column.kind === "names") return { ...column, data: new Uint32Array(bytes(buffer)) };
  if (column.kind === "number") return numbers(column, new Float32Array(bytes(buffer)));
  return { ...column, data: JSON.parse(text(buffer)) };
}

function numbers(column, data) {
  let low = Infinity;
  let high = -Infinity;
  for (const value of data) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { ...column, data, low, high };
}

/** A copy, since a view into a message need not begin where a Float32Array may. */
export function bytes(view) {
  return view.buffer ? view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength) : view;
}

const text = (view) => new TextDecoder().decode(bytes(view));

/** 0/1 per row: which fit one filter. */
export function mask(column, wanted, rows) {
  const fits = new Uint8Array(rows);
  if (column.kind === "number") {
    const [low, high] = [Math.fround(wanted.low), Math.fround(wanted.high)];
    for (let row = 0; row < rows; row += 1) fits[row] = column.data[row] >= low && column.data[row] <= high ? 1 : 0;
    return fits;
  }
  if (column.kind === "chips") {
    const chosen = new Uint8Array(256);
    for (const value of wanted) chosen[value === null ? MISSING : column.values.indexOf(value)] = 1;
    for (let row = 0; row < rows; row += 1) fits[row] = chosen[column.data[row]];
    return fits;
  }
  let bits = 0;
  for (const value of wanted) if (value !== null) bits |= 1 << column.values.indexOf(value);
  const none = wanted.includes(null);
  for (let row = 0; row < rows; row += 1) {
    const data = column.data[row];
    fits[row] = (data & bits) !== 0 || (none && data === 0) ? 1 : 0;
  }
  return fits;
}

/** 0/1 per row: whose texts hold every word. */
export function searched(table, search) {
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = new Uint8Array(table.rows).fill(1);
  if (!words.length) return fits;
  const texts = table.searchable();
  for (let row = 0; row < table.rows; row += 1) fits[row] = words.every((word) => texts[row].includes(word)) ? 1 : 0;
  return fits;
}
