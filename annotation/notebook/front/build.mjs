// Bundles src/ into ../static/: one module and one sheet of styles, which the wheel ships.
// Their first line says from which sources; a test compares it with the sources, without node.
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { build } from "esbuild";

const hash = createHash("sha256");
const sources = readdirSync("src").filter((name) => /\.(js|css)$/.test(name)).sort();
for (const path of ["package-lock.json", "build.mjs", ...sources.map((name) => `src/${name}`)]) {
  hash.update(path).update("\0").update(readFileSync(path)).update("\0");
}
const built = `/* built by front/build.mjs from sources ${hash.digest("hex")} */`;

await build({
  entryPoints: [
    { in: "src/main.js", out: "view" },
    { in: "src/view.css", out: "view" },
  ],
  outdir: "../static",
  bundle: true,
  format: "esm",
  target: "es2022",
  minify: !process.env.PLAIN,
  legalComments: "none",
  banner: { js: built, css: built },
});
