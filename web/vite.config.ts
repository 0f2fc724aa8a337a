// SPDX-License-Identifier: MIT
import { defineConfig } from "vite";

// Three files of fixed names: the server carries them in its binary and puts the token to their addresses,
// and the saved page takes them as they are. Relative addresses: the page may stand behind a prefix.
export default defineConfig({
  base: "./",
  publicDir: false,
  esbuild: { jsx: "automatic", jsxImportSource: "preact", legalComments: "none" },
  build: {
    target: "es2022",
    modulePreload: false,
    assetsInlineLimit: 0,
    cssCodeSplit: false,
    rollupOptions: {
      output: {
        inlineDynamicImports: true,
        entryFileNames: "assets/page.js",
        assetFileNames: (asset) =>
          asset.names.some((name) => name.endsWith(".css")) ? "assets/page.css" : "assets/[name][extname]",
      },
    },
  },
  test: { include: ["test/**/*.test.ts"], environment: "node" },
} as Parameters<typeof defineConfig>[0]);
