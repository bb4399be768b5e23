/** What is drawn over and under the lines: findings, evaluations, and values that are no numbers. */
import type uPlot from "uplot";
import type { Curve } from "../content";
import { inks } from "./colors";

export interface Pin { step: number; shape: string }

/** An x of the canvas for a step, null outside the part that is shown. */
function across(plot: uPlot, step: number): number | null {
  const { min, max } = plot.scales["x"] ?? {};
  if (min === undefined || max === undefined || step < min || step > max) return null;
  return Math.round(plot.valToPos(step, "x", true));
}

function visits(plot: uPlot, steps: number[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.fillStyle = inks().visit;
  const width = Math.max(2, Math.round(3 * devicePixelRatio));
  for (const step of steps) {
    const x = across(plot, step);
    if (x !== null) ctx.fillRect(x - width / 2, bbox.top, width, bbox.height);
  }
  ctx.restore();
}

function pins(plot: uPlot, given: Pin[]): void {
  const { ctx, bbox } = plot;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = inks().pin;
  ctx.lineWidth = devicePixelRatio;
  ctx.font = `${Math.round(12 * devicePixelRatio)}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "bottom";
  ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
  let labelled = -Infinity;
  for (const { step, shape } of [...given].sort((a, b) => a.step - b.step)) {
    const x = across(plot, step);
    if (x === null) continue;
    ctx.beginPath();
    ctx.moveTo(x + 0.5, bbox.top);
    ctx.lineTo(x + 0.5, bbox.top + bbox.height);
    ctx.stroke();
    if (x - labelled < 11 * devicePixelRatio) continue;
    ctx.fillText(shape, x, bbox.top + 1);
    labelled = x;
  }
  ctx.restore();
}

/** NaN as a cross at the bottom, infinity as a triangle at the top, minus infinity as one at the bottom. */
function oddities(plot: uPlot, curves: Curve[]): void {
  const { ctx, bbox } = plot;
  const bottom = bbox.top + bbox.height, size = 4 * devicePixelRatio;
  const kinds: [(c: Curve) => number[], string, number][] = [
    [(c) => c.nan, "×", bottom - size],
    [(c) => c.up, "▲", bbox.top + 2 * size],
    [(c) => c.down, "▼", bottom - size],
  ];
  ctx.save();
  ctx.fillStyle = inks().pin;
  ctx.font = `bold ${Math.round(13 * devicePixelRatio)}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  ctx.textBaseline = "middle";
  for (const curve of curves) {
    for (const [places, sign, y] of kinds) {
      let before = -Infinity;
      for (const place of places(curve)) {
        const x = across(plot, curve.at[place] ?? 0);
        if (x === null || x - before < 2 * size) continue;
        ctx.fillText(sign, x, y);
        before = x;
      }
    }
  }
  ctx.restore();
}

export const marks = { visits, pins, oddities };
