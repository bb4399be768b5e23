/** What the reader has chosen; the address holds it, so that a link shows the same. */
import { computed, effect, signal } from "@preact/signals";
import { options } from "preact";
import { content } from "./content";

export interface PageName { id: string; title: string }

const all: PageName[] = [
  { id: "verdict", title: "Verdict" },
  { id: "timeline", title: "Timeline" },
  { id: "layers", title: "Layers" },
  { id: "graph", title: "Graph" },
  { id: "preflight", title: "Pre-flight" },
  { id: "data", title: "Data" },
];

/** The pages that have something to show. */
export const pages = all.filter(({ id }) => Boolean(content[id as keyof typeof content]));

export const page = signal("verdict");
/** Steps that all charts show; null for all. */
export const range = signal<[number, number] | null>(null);
/** The step that is pointed at. */
export const cursor = signal<number | null>(null);
/** The finding that is open on the page of the verdict. */
export const opened = signal<number | null>(null);
/** Light, dark, or as the system says. */
export const theme = signal<"light" | "dark" | null>(null);

const system = window.matchMedia("(prefers-color-scheme: dark)");
const systemIsDark = signal(system.matches);
system.addEventListener("change", (event) => { systemIsDark.value = event.matches; });
export const isDark = computed(() => (theme.value ? theme.value === "dark" : systemIsDark.value));
/** On paper every page is shown, one after the other, with everything open. */
export const isPrinting = signal(false);

/** Goes over to paper or back. A printer waits for no frame: what a change draws is then drawn at once. */
export function paper(isPaper: boolean): void {
  if (isPaper) options.requestAnimationFrame = queueMicrotask;
  else delete options.requestAnimationFrame;
  isPrinting.value = isPaper;
}

window.addEventListener("beforeprint", () => { paper(true); });
window.addEventListener("afterprint", () => { paper(false); });
window.matchMedia("print").addEventListener("change", (event) => { paper(event.matches); });

/** First and last step of any series of the whole program. */
export const extent = computed<[number, number]>(() => {
  const steps = content.verdict.report.subject.steps;
  return [0, Math.max(1, steps)];
});

/** An address within the file. */
export function address(id: string, more: Record<string, string | number> = {}): string {
  const query = new URLSearchParams(Object.entries(more).map(([key, value]) => [key, String(value)])).toString();
  return `#${id}${query ? `?${query}` : ""}`;
}

function follow(): void {
  choose(location.hash);
}

function choose(hash: string): void {
  const [id = "", query = ""] = hash.slice(1).split("?");
  const given = new URLSearchParams(query);
  const [from, to] = [Number(given.get("from") ?? NaN), Number(given.get("to") ?? NaN)];
  page.value = pages.some((known) => known.id === id) ? id : "verdict";
  range.value = from < to ? [from, to] : null;
  opened.value = given.has("finding") ? Number(given.get("finding")) : null;
}

follow();
window.addEventListener("hashchange", follow);

effect(() => {
  if (!range.value && !location.hash) return;
  const kept: Record<string, number> = {};
  if (range.value) [kept["from"], kept["to"]] = [Math.round(range.value[0]), Math.round(range.value[1])];
  if (opened.value !== null && page.value === "verdict") kept["finding"] = opened.value;
  remember(address(page.value, kept));
});

/** A frame in a notebook has no address of its own to hold anything. */
function remember(text: string): void {
  try { history.replaceState(null, "", text); } catch { /* what was chosen is still chosen */ }
}

/** Follows a link to a place in this file, where links lead elsewhere too. */
export function go(event: Event): void {
  const target = event.target instanceof Element ? event.target.closest("a[href^='#']")?.getAttribute("href") : null;
  if (!target || window === window.parent) return;
  event.preventDefault();
  choose(target);
}

effect(() => {
  if (theme.value) document.documentElement.dataset["theme"] = theme.value;
  else delete document.documentElement.dataset["theme"];
});
