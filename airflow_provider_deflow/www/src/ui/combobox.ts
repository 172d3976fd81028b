// SPDX-License-Identifier: Apache-2.0
/** What the keys do in a combobox: a text field with a list of suggestions under it, as WAI-ARIA describes it. */

export interface Listing {
  isOpen: boolean;
  /** The suggestion that Enter takes; -1 = none, the field's own text counts. */
  active: number;
}

export const CLOSED: Listing = { isOpen: false, active: -1 };

export type Pressed =
  | { does: "nothing" }
  | { does: "show"; listing: Listing }
  | { does: "take"; index: number };

/** What a key does to a list of `count` suggestions; all other keys belong to the text. */
export function pressed(key: string, { isOpen, active }: Listing, count: number): Pressed {
  switch (key) {
    case "ArrowDown":
      if (count === 0) return { does: "show", listing: { isOpen: true, active: -1 } };
      return { does: "show", listing: { isOpen: true, active: isOpen ? (active + 1) % count : 0 } };
    case "ArrowUp":
      if (count === 0) return { does: "show", listing: { isOpen: true, active: -1 } };
      return { does: "show", listing: { isOpen: true, active: isOpen && active > 0 ? active - 1 : count - 1 } };
    case "Enter":
      return isOpen && active >= 0 && active < count ? { does: "take", index: active } : { does: "nothing" };
    case "Escape":
      return isOpen ? { does: "show", listing: CLOSED } : { does: "nothing" };
    default:
      return { does: "nothing" };
  }
}
