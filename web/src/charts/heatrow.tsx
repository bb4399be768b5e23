/** One row of a heat map: the largest value in each stretch of steps, on the scale of the whole map. */
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { isDark } from "../state";
import { heat, NAN_COLOR } from "./colors";

const CELLS = 160;
const HEIGHT = 18;

/** A row over the steps: `at` first steps, `value` NaN where something is not finite. */
export interface HeatRow { at: number[]; value: number[] }

/** Log or linear between the extremes of all rows. */
export interface Scale { low: number; high: number; isLog: boolean }

export function scaleOf(rows: HeatRow[]): Scale | null {
  const values = rows.flatMap((r) => r.value).filter(Number.isFinite);
  if (!values.length) return null;
  const positive = values.filter((v) => v > 0);
  const isLog = positive.length > 0 && values.every((v) => v >= 0);
  const used = isLog ? positive : values;
  let low = Infinity, high = -Infinity;
  for (const v of used) [low, high] = [Math.min(low, v), Math.max(high, v)];
  return { low, high, isLog };
}

function share(value: number, scale: Scale): number {
  if (scale.high === scale.low) return 0.5;
  if (!scale.isLog) return (value - scale.low) / (scale.high - scale.low);
  return (Math.log(value) - Math.log(scale.low)) / (Math.log(scale.high) - Math.log(scale.low));
}

export function Heat({ row, scale, steps }: { row: HeatRow; scale: Scale; steps: [number, number] }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const dark = isDark.value;
  useEffect(() => {
    const ctx = canvas.current?.getContext("2d");
    if (ctx) paint(ctx, row, scale, steps);
  }, [row, scale, steps[0], steps[1], dark]);
  return <canvas ref={canvas} class="heat" width={CELLS} height={HEIGHT} aria-hidden="true" />;
}

function paint(ctx: CanvasRenderingContext2D, row: HeatRow, scale: Scale, [from, to]: [number, number]): void {
  ctx.clearRect(0, 0, CELLS, HEIGHT);
  const x = (step: number) => ((step - from) / (to - from)) * CELLS;
  const end = (row.at[row.at.length - 1] ?? from) + usualGap(row.at, to - from);
  row.at.forEach((step, i) => {
    const value = row.value[i] ?? NaN;
    const left = Math.floor(x(step));
    const right = Math.ceil(x(row.at[i + 1] ?? end));
    if (right < 0 || left > CELLS) return;
    // A value of 0 has no place on a logarithmic scale: it is left empty, with a line through it.
    if (scale.isLog && value === 0) {
      ctx.fillStyle = "#8a929c";
      ctx.fillRect(left, HEIGHT / 2 - 1, Math.max(1, right - left), 2);
      return;
    }
    ctx.fillStyle = Number.isFinite(value) ? heat(share(value, scale)) : NAN_COLOR;
    ctx.fillRect(left, 0, Math.max(1, right - left), HEIGHT);
    if (!Number.isFinite(value)) {
      ctx.fillStyle = "#ffffff";
      ctx.fillRect(left, HEIGHT / 2 - 1, Math.max(1, right - left), 2);
    }
  });
}

/** How far the last value reaches: as far as values usually lie apart, and no further. */
function usualGap(at: number[], span: number): number {
  const gaps = at.slice(1).map((step, i) => step - (at[i] ?? step)).sort((a, b) => a - b);
  return Math.max(gaps[gaps.length >> 1] ?? 0, span / CELLS);
}

export function HeatScale(): JSX.Element {
  const stops = Array.from({ length: 10 }, (_, i) => heat(i / 9)).join(", ");
  return <span class="heatscale" aria-hidden="true" style={{ background: `linear-gradient(to right, ${stops})` }} />;
}
