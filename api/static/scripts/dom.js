// Helpers for elements, icons and screen-reader messages. Knows nothing of jobs.

const SVG = "http://www.w3.org/2000/svg";
const ICONS = {
  play: '<path class="solid" d="M7 4.500v15l12.500-7.500z"/>',
  pause: '<path class="solid" d="M7 5h3.500v14H7zM13.500 5H17v14h-3.500z"/>',
  back: '<path d="M5 12a7 7 0 1 0 2.200-5.100M7 3v4h4"/>',
  forward: '<path d="M19 12a7 7 0 1 1-2.200-5.100M17 3v4h-4"/>',
  download: '<path d="M12 4v11M7 11l5 5 5-5M5 20h14"/>',
  stop: '<path d="M6 6l12 12M18 6L6 18"/>',
  again: '<path d="M4 12a8 8 0 0 1 14-5.300L20 9M20 4v5h-5M20 12a8 8 0 0 1-14 5.300L4 15M4 20v-5h5"/>',
  bin: '<path d="M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13"/>',
  pencil: '<path d="M4 20l1-4L16.500 4.500l3 3L8 19zM14.500 6.500l3 3"/>',
  check: '<path d="M5 12.500l4.500 4.500L19 7.500"/>',
  warn: '<path d="M12 4l9 16H3zM12 10v4.500M12 17.500v.100"/>',
  clock: '<path d="M12 7v5l3 2M21 12a9 9 0 1 1-18 0 9 9 0 0 1 18 0z"/>',
  wave: '<path d="M4 10v4M8 7v10M12 4v16M16 8v8M20 10v4"/>',
  mic: '<path d="M12 3a3 3 0 0 1 3 3v6a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM6 11v1a6 6 0 0 0 12 0v-1M12 18v3"/>',
  page: '<path d="M6 3h8l4 4v14H6zM14 3v4h4M9 12h6M9 16h6"/>',
};

/** Make an element: `on…` are listeners, false and null attributes are left out. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element.value = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make an icon; its meaning must be in the text beside it or in the button's name. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.classList.add("icon");
  svg.innerHTML = ICONS[name]; // from the table above, never from data
  return svg;
}

/** Announce something to screen readers; repeating the same words announces them again. */
export function announce(text) {
  const announcer = document.getElementById("announcer");
  announcer.textContent = "";
  setTimeout(() => { announcer.textContent = text; }, 50);
}

/** Replace text only if it differs, so as not to disturb selections and screen readers. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A number derived from a text, for example for the colour of a cover. */
export function hueOf(text) {
  let hash = 7;
  for (const character of text) hash = (hash * 31 + character.codePointAt(0)) % 360;
  return hash;
}

/** A label, control, help text and error, linked for screen readers. */
export function field(label, control, { help = "", id } = {}) {
  control.id = id;
  const helpId = `${id}-help`;
  const below = h("p", { class: "help", id: helpId }, help);
  control.setAttribute("aria-describedby", helpId);
  const box = h("div", { class: "field" }, h("label", { for: id }, label), control, below);
  box.fault = (text) => {
    below.textContent = text || help;
    below.classList.toggle("fault", Boolean(text));
    if (text) control.setAttribute("aria-invalid", "true");
    else control.removeAttribute("aria-invalid");
  };
  return box;
}

/** A choice of one among a few, as a row of chips. */
export function chips(legend, name, options, chosen, onchange, { isHidden = false } = {}) {
  const inputs = options.map(([value, text]) =>
    h("label", {}, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => onchange(value) }), h("span", {}, text)));
  return h("fieldset", {}, h("legend", { class: isHidden ? "unseen" : null }, legend), h("div", { class: "chips" }, inputs));
}
