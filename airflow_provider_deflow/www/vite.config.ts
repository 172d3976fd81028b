// SPDX-License-Identifier: Apache-2.0
// One file for Airflow's loader: it imports the bundle and takes `globalThis.AirflowPlugin`. React and the router
// are Airflow's own, so that there is one of each on the page; all else, the styles too, is in the bundle.
import { resolve } from "node:path";
import react from "@vitejs/plugin-react";
import { esmExternalRequirePlugin } from "vite";
import cssInjectedByJs from "vite-plugin-css-injected-by-js";
import { defineConfig } from "vitest/config";

const globals = {
  react: "React",
  "react-dom": "ReactDOM",
  "react-router-dom": "ReactRouterDOM",
  "react/jsx-runtime": "ReactJSXRuntime",
};

export default defineConfig(({ command }) => ({
  // React Flow's store requires React the CommonJS way; esmExternalRequirePlugin makes that an import.
  // An `external` in rolldownOptions would win over it and leave `require("react")` in the bundle.
  plugins:
    command === "build"
      ? [react(), esmExternalRequirePlugin({ external: Object.keys(globals) }), cssInjectedByJs()]
      : [react()],
  define: command === "build" ? { "process.env.NODE_ENV": JSON.stringify("production") } : {},
  build: {
    target: "es2022",
    // One file, written over: a page that is loading it meanwhile finds one.
    emptyOutDir: false,
    chunkSizeWarningLimit: 1200,
    lib: {
      entry: resolve(import.meta.dirname, "src/main.tsx"),
      formats: ["umd"],
      name: "AirflowPlugin",
      // .cjs would be served as application/octet-stream, which browsers refuse to run.
      fileName: () => "deflow.js",
    },
    rolldownOptions: { output: { exports: "default", globals } },
  },
  // `npm run dev`: the page alone, its API from a running `deflow up`.
  root: command === "serve" && !process.env.VITEST ? resolve(import.meta.dirname, "dev") : import.meta.dirname,
  server: { proxy: { "/deflow": process.env.DEFLOW_URL ?? "http://localhost:8080" } },
  test: { include: ["src/**/*.test.ts"], environment: "node" },
}));
