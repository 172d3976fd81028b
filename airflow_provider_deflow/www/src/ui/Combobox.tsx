// SPDX-License-Identifier: Apache-2.0
// A text field with suggestions under it. The focus stays in the field; screen readers are told which one is meant.
import { type ReactNode, useEffect, useId, useRef, useState } from "react";
import { CLOSED, type Listing, pressed } from "./combobox";
import styles from "./Combobox.module.css";

export interface Suggestion {
  key: string;
  content: ReactNode;
}

interface Props {
  /** The field's id and what describes it. */
  ids: { id: string; "aria-describedby"?: string; "aria-invalid"?: true };
  /** What the list is of: "Algorithms". */
  listName: string;
  text: string;
  placeholder?: string;
  suggestions: readonly Suggestion[];
  /** Instead of suggestions, or above them: that they are on their way, that there are none, why not. */
  message: ReactNode;
  onText: (text: string) => void;
  onTake: (key: string) => void;
  onOpen?: () => void;
  onLeave?: () => void;
}

export function Combobox({ ids, listName, text, placeholder, suggestions, message, onText, onTake, onOpen, onLeave }: Props) {
  const list = useId();
  const [listing, setListing] = useState<Listing>(CLOSED);
  const shown = useRef<HTMLUListElement>(null);
  const popup = useRef<HTMLDivElement>(null);
  const { isOpen, active } = listing;
  const optionId = (index: number) => `${list}-${index}`;
  const open = () => {
    if (!isOpen) onOpen?.();
    setListing((now) => ({ ...now, isOpen: true }));
  };
  const take = (index: number) => {
    const chosen = suggestions[index];
    setListing(CLOSED);
    if (chosen) onTake(chosen.key);
  };
  useEffect(() => {
    if (isOpen) popup.current?.scrollIntoView({ block: "nearest" });
  }, [isOpen, suggestions.length]);
  useEffect(() => {
    shown.current?.children[active]?.scrollIntoView({ block: "nearest" });
  }, [active]);
  return (
    <div className={styles.combobox}>
      <input
        {...ids}
        className="df-input"
        role="combobox"
        aria-expanded={isOpen}
        aria-controls={list}
        aria-autocomplete="list"
        aria-activedescendant={isOpen && suggestions[active] ? optionId(active) : undefined}
        autoComplete="off"
        spellCheck={false}
        value={text}
        placeholder={placeholder}
        // A whole DID is replaced by what is typed next.
        onFocus={(event) => event.target.select()}
        onClick={open}
        onChange={(event) => {
          onText(event.target.value);
          open();
          setListing({ isOpen: true, active: -1 });
        }}
        onKeyDown={(event) => {
          // While one looks for something, Enter sends no form.
          if (event.key === "Enter" && isOpen) event.preventDefault();
          const done = pressed(event.key, listing, suggestions.length);
          if (done.does === "nothing") return;
          // Escape closes the list, not the dialog around it; the arrows are not the canvas's.
          event.preventDefault();
          event.stopPropagation();
          if (done.does === "take") take(done.index);
          else {
            if (done.listing.isOpen && !isOpen) onOpen?.();
            setListing(done.listing);
          }
        }}
        onBlur={() => {
          setListing(CLOSED);
          onLeave?.();
        }}
      />
      <div ref={popup} className={styles.popup} hidden={!isOpen}>
        <ul ref={shown} id={list} role="listbox" aria-label={listName} className={styles.list}>
          {suggestions.map(({ key, content }, index) => (
            <li
              key={key}
              id={optionId(index)}
              role="option"
              aria-selected={index === active}
              // Before the field loses the focus, and with it the list.
              onMouseDown={(event) => {
                event.preventDefault();
                take(index);
              }}
            >
              {content}
            </li>
          ))}
        </ul>
        <div className={styles.message} role="status">
          {message}
        </div>
      </div>
    </div>
  );
}
