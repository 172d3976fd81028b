// SPDX-License-Identifier: Apache-2.0
// Airflow's colour mode: a class on <html>, which its own switch changes.
import { useSyncExternalStore } from "react";

export type ColorMode = "light" | "dark";

function current(): ColorMode {
  return document.documentElement.classList.contains("dark") ? "dark" : "light";
}

function subscribe(changed: () => void): () => void {
  const observer = new MutationObserver(changed);
  observer.observe(document.documentElement, { attributes: true, attributeFilter: ["class"] });
  return () => observer.disconnect();
}

export function useColorMode(): ColorMode {
  return useSyncExternalStore(subscribe, current);
}
