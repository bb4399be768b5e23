// Builds the bundle into src/osler/report/assets; `--check` compares instead and fails if it is another.
import { build } from "esbuild";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const target = join(here, "..", "src", "osler", "report", "assets");
const LIMIT = 60_000; // bytes of script and style, compressed, without the text of the worker

const shared = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  write: false,
  charset: "ascii", // the file that holds it is ASCII, and its hash is of these bytes
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
};

const compressed = (text) => gzipSync(text, { level: 9 }).length;
let workers = 0;

// The worker travels as text inside the script, so that the policy's hash covers it as well.
const workerAsText = {
  name: "worker-as-text",
  setup(bundle) {
    bundle.onResolve({ filter: /\?text$/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.replace(/\?text$/, "")),
      namespace: "text",
    }));
    bundle.onLoad({ filter: /.*/, namespace: "text" }, async ({ path }) => {
      const built = await build({ ...shared, entryPoints: [path], format: "iife" });
      workers += compressed(built.outputFiles[0].text);
      return { contents: built.outputFiles[0].text, loader: "text" };
    });
  },
};

const licences = ["preact", "@preact/signals", "@preact/signals-core", "uplot", "@dagrejs/dagre", "@dagrejs/graphlib"];

async function notice() {
  const parts = ["The bundle holds these libraries, unchanged; all are MIT licensed."];
  for (const name of licences) {
    const folder = join(here, "node_modules", name);
    const { version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
    const text = await readFile(join(folder, "LICENSE"), "utf8");
    parts.push(`${name} ${version}\n\n${text.trim()}`);
  }
  return `${parts.join(`\n\n${"-".repeat(80)}\n\n`)}\n`;
}

const built = await build({
  ...shared,
  entryPoints: { report: join(here, "src", "main.tsx") },
  outdir: target,
  format: "iife",
  plugins: [workerAsText],
});
// A control character stands inside a string, if at all, and an escape means the same there.
const visible = (text) => text.replace(/[\x00-\x09\x0b-\x1f\x7f]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, "0")}`);
const outputs = built.outputFiles.map(({ path, text }) => [path, visible(text.trim()) + "\n"]);
const whole = outputs.reduce((sum, [, text]) => sum + compressed(text), 0);
const size = whole - workers;
outputs.push([join(target, "NOTICE.txt"), await notice()]);

for (const [path, text] of outputs.slice(0, -1)) {
  if (/<\/(script|style)|<!--/i.test(text)) throw new Error(`${path} would end the element that holds it`);
}
if (size > LIMIT) throw new Error(`the bundle has ${size} bytes gzip, at most ${LIMIT}`);

if (process.argv.includes("--check")) {
  for (const [path, text] of outputs) {
    const committed = await readFile(path, "utf8").catch(() => "");
    if (committed !== text) throw new Error(`${path} is not what web/ builds: run make web`);
  }
} else {
  await mkdir(target, { recursive: true });
  for (const [path, text] of outputs) await writeFile(path, text);
}
console.log(`report bundle: ${size} of ${LIMIT} bytes gzip, and ${workers} that lay out graphs when they are looked at`);
