/** How large the numbers of one tensor are, by powers of two, step after step. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Histogram } from "../content";
import { isDark, isPrinting } from "../state";
import { shown } from "../words";
import { heat, inks } from "./colors";
import { Figure, ON_PAPER } from "./figure";

const HEIGHT = 190;
const LEFT = 62, BOTTOM = 34, TOP = 8;

export function Sizes({ of }: { of: Histogram }): JSX.Element {
  const title = of.name.startsWith("loss_input") ? `First argument of the loss${of.name.includes(":") ? ` at ${of.name.slice(of.name.indexOf(":") + 1)}` : ""}` : of.name;
  return (
    <Figure title={title} note="(by step; yellow: the most frequent size, empty: none)" sentence={described(of)} height={HEIGHT}
      table={{ head: ["step", "smallest", "median size", "largest", "negative", "zero", "NaN", "infinite"], rows: () => of.steps.map((_, i) => row(of, i)) }}>
      <Drawing of={of} />
    </Figure>
  );
}

function described(of: Histogram): string {
  const last = of.steps.length - 1;
  const words = (i: number) => `half of the numbers are below ${size(median(of, i))} in size, ${percent(of.negatives[i] ?? 0, total(of, i))} are negative`;
  const first = `At step ${of.steps[0] ?? 0} ${words(0)}`;
  return last > 0 ? `${first}; at step ${of.steps[last] ?? 0} ${words(last)}.` : `${first}.`;
}

function total(of: Histogram, i: number): number {
  return (of.bins[i] ?? []).reduce((sum, n) => sum + n, 0) + (of.zeros[i] ?? 0);
}

function percent(part: number, whole: number): string {
  return whole ? `${Math.round((100 * part) / whole)} %` : "0 %";
}

/** The power of two below which half of the numbers lie. */
function median(of: Histogram, i: number): number {
  const half = total(of, i) / 2;
  let sum = of.zeros[i] ?? 0;
  const counts = of.bins[i] ?? [];
  const place = counts.findIndex((n) => (sum += n) >= half);
  return of.power + (place < 0 ? counts.length : place + 1);
}

function size(power: number): string {
  return shown(Number((2 ** power).toPrecision(2)));
}

function row(of: Histogram, i: number): string[] {
  const counts = of.bins[i] ?? [];
  const first = counts.findIndex(Boolean), last = counts.findLastIndex(Boolean);
  const edges = first < 0 ? ["–", "–", "–"] : [`≥ ${size(of.power + first)}`, `≈ ${size(median(of, i))}`, `< ${size(of.power + last + 1)}`];
  return [shown(of.steps[i]), ...edges, shown(of.negatives[i]), shown(of.zeros[i]), shown(of.nans[i]), shown(of.infinities[i])];
}

function Drawing({ of }: { of: Histogram }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [dark, printing] = [isDark.value, isPrinting.value];
  useEffect(() => {
    const element = canvas.current;
    const parent = element?.parentElement;
    if (!element || !parent) return;
    const paint = () => { draw(element, printing ? ON_PAPER : parent.clientWidth, of); };
    const observer = new ResizeObserver(paint);
    if (printing) paint();
    observer.observe(parent);
    return () => { observer.disconnect(); };
  }, [of, dark, printing]);
  return <canvas ref={canvas} aria-hidden="true" />;
}

function draw(element: HTMLCanvasElement, width: number, of: Histogram): void {
  const ratio = devicePixelRatio;
  element.width = width * ratio;
  element.height = HEIGHT * ratio;
  element.style.width = `${width}px`;
  element.style.height = `${HEIGHT}px`;
  const ctx = element.getContext("2d");
  const rows = of.bins[0]?.length ?? 0;
  if (!ctx || !rows) return;
  ctx.scale(ratio, ratio);
  const w = (width - LEFT - 8) / of.steps.length, h = (HEIGHT - TOP - BOTTOM) / rows;
  of.bins.forEach((counts, i) => {
    const most = Math.max(...counts, 1);
    counts.forEach((n, k) => {
      if (!n) return;
      ctx.fillStyle = heat(n / most);
      ctx.fillRect(LEFT + i * w, TOP + (rows - 1 - k) * h, Math.ceil(w), Math.ceil(h));
    });
  });
  labels(ctx, of, w, h, rows);
}

function labels(ctx: CanvasRenderingContext2D, of: Histogram, w: number, h: number, rows: number): void {
  ctx.fillStyle = inks().text;
  ctx.font = "12px system-ui, sans-serif";
  ctx.textAlign = "right";
  ctx.textBaseline = "middle";
  const every = Math.max(1, Math.ceil(18 / h));
  for (let k = 0; k < rows; k += every) ctx.fillText(size(of.power + k), LEFT - 6, TOP + (rows - 0.5 - k) * h);
  ctx.textAlign = "center";
  ctx.textBaseline = "top";
  const stride = Math.max(1, Math.ceil(70 / w));
  of.steps.forEach((step, i) => {
    if (i % stride === 0) ctx.fillText(shown(step), LEFT + (i + 0.5) * w, HEIGHT - BOTTOM + 4);
  });
  ctx.fillText("step", LEFT + (of.steps.length * w) / 2, HEIGHT - 14);
}
