/** How numbers and courses are put into words. */
import type { Curve } from "./content";

/** Four significant digits; whole numbers in full below a billion. */
export function shown(value: number | string | null | undefined): string {
  if (value === null || value === undefined) return "–";
  if (typeof value === "string") return value;
  if (!Number.isFinite(value)) return Number.isNaN(value) ? "NaN" : value > 0 ? "inf" : "-inf";
  if (Number.isInteger(value) && Math.abs(value) < 1e9) return String(value);
  const size = Math.abs(value);
  const text = size >= 1e-4 && size < 1e6 ? String(Number(value.toPrecision(4))) : value.toExponential(2);
  return text.replace("e+", "e");
}

const SCALES: [number, string][] = [[1 << 30, "GB"], [1 << 20, "MB"], [1 << 10, "kB"]];

/** A number with its unit, in the size in which people read it. */
export function measured(value: number | string | null, unit: string | null): string {
  if (typeof value === "number" && Number.isFinite(value)) {
    if (unit === "bytes") {
      const scale = SCALES.find(([size]) => Math.abs(value) >= size);
      return scale ? `${(value / scale[0]).toFixed(1)} ${scale[1]}` : `${value} bytes`;
    }
    if (unit === "seconds" && Math.abs(value) < 1 && value !== 0) return `${shown(Number((value * 1000).toPrecision(3)))} ms`;
    if (unit === "seconds") return `${shown(value)} s`;
    if (unit === "ratio" && Math.abs(value) <= 1) return `${Number((value * 100).toPrecision(3))} %`;
  }
  return unit && unit !== "ratio" && unit !== "per step" ? `${shown(value)} ${unit}` : shown(value);
}

export function counted(amount: number, noun: string, plural = `${noun}s`): string {
  return amount === 1 ? `1 ${noun}` : `${amount} ${plural}`;
}

interface Extremes { low: number; lowAt: number; high: number; highAt: number; first: number; last: number; from: number; to: number }

/** Smallest and largest finite value with their steps, and the first and last; null if nothing is finite. */
export function extremes(curve: Curve): Extremes | null {
  let found: Extremes | null = null;
  curve.at.forEach((step, i) => {
    const low = curve.low[i] ?? NaN, high = curve.high[i] ?? NaN, mean = curve.mean[i] ?? NaN;
    if (!Number.isFinite(mean)) return;
    found ??= { low, lowAt: step, high, highAt: step, first: mean, last: mean, from: step, to: step };
    if (low < found.low) [found.low, found.lowAt] = [low, step];
    if (high > found.high) [found.high, found.highAt] = [high, step];
    [found.last, found.to] = [mean, step];
  });
  return found;
}

/** The course of a series in one sentence. */
export function sentence(name: string, curve: Curve, axis = "step"): string {
  const seen = extremes(curve);
  const odd = oddities(curve, axis);
  if (!seen) return `${name}: no finite value${odd}.`;
  const say = (value: number) => measured(value, curve.unit);
  if (seen.from === seen.to) return `${name} is ${say(seen.first)} at ${axis} ${seen.from}${odd}.`;
  if (seen.low === seen.high) return `${name} stays at ${say(seen.low)} from ${axis} ${seen.from} to ${seen.to}${odd}.`;
  const verb = seen.last > seen.first ? "goes up" : seen.last < seen.first ? "goes down" : "ends where it began,";
  const way = seen.last === seen.first ? `${verb} at ${say(seen.last)}` : `${verb} from ${say(seen.first)} to ${say(seen.last)}`;
  const range = `lowest ${say(seen.low)} (${axis} ${seen.lowAt}), highest ${say(seen.high)} (${axis} ${seen.highAt})`;
  return `${name} ${way} between ${axis} ${seen.from} and ${seen.to}; ${range}${odd}.`;
}

function oddities(curve: Curve, axis: string): string {
  const kinds: [string, number[]][] = [["NaN", curve.nan], ["infinite", curve.up], ["minus infinity", curve.down]];
  const parts = kinds.flatMap(([word, places]) => (places.length ? [`${word} from ${axis} ${curve.at[places[0] ?? 0] ?? 0} on`] : []));
  return parts.length ? `; values are ${parts.join(", ")}` : "";
}
