// SPDX-License-Identifier: Apache-2.0
// The page without Airflow around it, for `npm run dev`.
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router-dom";
import DeFlow from "../src/main";

const dark = new URLSearchParams(location.search).has("dark");
document.documentElement.classList.toggle("dark", dark);
document.documentElement.style.colorScheme = dark ? "dark" : "light";
if (location.pathname === "/") {
  history.replaceState(null, "", `/plugin/deflow${location.search}`);
}
createRoot(document.getElementById("root") as HTMLElement).render(
  <BrowserRouter>
    <DeFlow />
  </BrowserRouter>,
);
