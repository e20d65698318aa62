// A grid of equal cards of which only the visible rows are in the document.

import { h } from "./dom.js";

const GAP_PX = 16;
const SPARE_ROWS = 2;

export class Grid {
  #make;
  #needMore;
  #items = [];
  #hasMore = false;
  #cards = new Map(); // id -> element
  #window = h("div", { class: "window" });
  #onscroll = () => this.#draw();

  /** `make(id)` makes a card; `needMore()` is called when the end comes into view. */
  constructor(label, { make, needMore }) {
    this.#make = make;
    this.#needMore = needMore;
    this.element = h("div", { class: "bookshelf", role: "list", "aria-label": label }, this.#window);
    this.#window.setAttribute("role", "presentation");
    addEventListener("scroll", this.#onscroll, { passive: true });
    addEventListener("resize", this.#onscroll);
  }

  close() {
    removeEventListener("scroll", this.#onscroll);
    removeEventListener("resize", this.#onscroll);
  }

  /** Show these items, by id; cards that stay keep their elements. */
  show(ids, hasMore) {
    this.#items = ids;
    this.#hasMore = hasMore;
    const kept = new Set(ids);
    for (const id of [...this.#cards.keys()]) if (!kept.has(id)) this.#cards.delete(id);
    this.#draw();
  }

  card(id) {
    return this.#cards.get(id) ?? null;
  }

  #draw() {
    if (!this.element.isConnected) return;
    const style = getComputedStyle(this.element);
    const columns = Number(style.getPropertyValue("--columns"));
    const rowPx = parseFloat(style.getPropertyValue("--card")) + GAP_PX;
    const count = this.#items.length + (this.#hasMore ? columns : 0);
    const rows = Math.ceil(count / columns);
    this.element.style.height = `${Math.max(rows * rowPx - GAP_PX, 0)}px`;
    const top = this.element.getBoundingClientRect().top;
    const first = Math.max(0, Math.floor(-top / rowPx) - SPARE_ROWS);
    const last = Math.min(rows, Math.ceil((innerHeight - top) / rowPx) + SPARE_ROWS);
    this.#window.style.top = `${first * rowPx}px`;
    this.#fill(this.#items.slice(first * columns, last * columns), first * columns, columns);
    if (this.#hasMore && last * columns >= this.#items.length) this.#needMore();
  }

  #fill(ids, offset, columns) {
    const focused = document.activeElement?.closest?.(".card")?.dataset.id;
    const shown = ids.map((id, index) => {
      if (!this.#cards.has(id)) this.#cards.set(id, this.#make(id));
      const card = this.#cards.get(id);
      card.setAttribute("aria-posinset", offset + index + 1);
      card.setAttribute("aria-setsize", this.#hasMore ? -1 : this.#items.length);
      return card;
    });
    if (this.#hasMore && offset + ids.length >= this.#items.length) {
      for (let spare = 0; spare < columns; spare += 1) shown.push(waiting());
    }
    const isSame = shown.length === this.#window.children.length && shown.every((card, index) => card === this.#window.children[index]);
    if (isSame) return;
    // Move only cards that are out of place: a moved card loses its focus.
    const stays = new Set(shown);
    for (const child of [...this.#window.children]) if (!stays.has(child)) child.remove();
    shown.forEach((card, index) => {
      if (this.#window.children[index] !== card) this.#window.insertBefore(card, this.#window.children[index] ?? null);
    });
    for (const [id, card] of this.#cards) if (!card.isConnected && id !== focused) this.#cards.delete(id);
  }
}

/** A placeholder for a card that is not loaded yet. */
export function waiting() {
  return h("div", { class: "card waiting", "aria-hidden": "true" });
}
