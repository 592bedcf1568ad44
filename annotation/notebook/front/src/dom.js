// Elements from plain values. Text is always text: nothing here reads markup.

const SVG = "http://www.w3.org/2000/svg";

/** An HTML element; `on…` are listeners, other attributes are set as they are (null and false: not). */
export function h(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function s(tag, attributes = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), attributes, children);
}

function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Whole numbers with separators; shares with three digits as the pages show them. */
export const count = (number) => number.toLocaleString("en");

const places = (number) => (Math.abs(number) >= 0.9995 || number === 0 ? 2 : 3);
export const share = (number) => number.toFixed(Math.max(2, places(number)));

/** "0.880 (0.762 to 0.944), n = 50", or why there is no number. */
export function estimate(found) {
  if (!found) return "—";
  if (found.value === null) return found.reason ?? "—";
  if (found.low === null) return `${share(found.value)} (${found.reason})`;
  return `${share(found.value)} (${share(found.low)} to ${share(found.high)}), n = ${count(found.n)}`;
}

/** Calls `work` at most once per frame, with the latest arguments. */
export function perFrame(work) {
  let waiting = 0;
  let latest = [];
  return (...given) => {
    latest = given;
    waiting ||= requestAnimationFrame(() => {
      waiting = 0;
      work(...latest);
    });
  };
}
