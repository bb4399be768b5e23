/** Series over the steps: the mean as a line, smallest to largest as a band, and marks for NaN and infinity. */
import { useSignalEffect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import type { Curve } from "../content";
import { cursor, extent, isDark, isPrinting, range } from "../state";
import { counted, extremes, measured, sentence, shown } from "../words";
import { inks, lineColor } from "./colors";
import { Figure, ON_PAPER } from "./figure";
import { marks, type Pin } from "./marks";

const HEIGHT = 170;
const LOG_FROM = 1_000; // ratio of largest to smallest from which a linear axis hides the small ones
const TABLE_ROWS = 600;
const APART = 18; // pixels between labels above each other
const DIGIT = 7.2, BESIDE = 16; // pixels of an axis label


interface Given { title: string; curves: Curve[]; pins?: Pin[]; visits?: number[]; height?: number; isLinked?: boolean; compact?: boolean; axis?: string }

export function Lines({ title, curves, pins = [], visits = [], height = HEIGHT, isLinked = true, compact = false, axis = "step" }: Given): JSX.Element {
  const isLog = spansMagnitudes(curves);
  const text = curves.map((c) => sentence(curves.length > 1 ? c.label : title, c, axis)).slice(0, compact ? 1 : 3).join(" ");
  const band = curves.some((c) => c.isBand) ? "line: mean, band: smallest to largest" : "";
  if (curves.every((c) => c.at.length < 2)) return <Single title={title} sentence={text} />;
  const note = [isLog ? "logarithmic scale" : "", compact ? "" : band, isLinked ? sampled(curves) : ""].filter(Boolean).join("; ");
  return (
    <Figure title={title} note={note ? `(${note})` : ""} sentence={text} height={height} compact={compact}
      table={{ head: tableHead(curves, axis), rows: () => tableRows(curves) }}>
      <Plot curves={curves} pins={pins} visits={visits} height={height} isLog={isLog} isLinked={isLinked} axis={axis} />
      {curves.length > 1 ? <Legend curves={curves} /> : null}
    </Figure>
  );
}

/** One value is no course: the sentence says it all. */
function Single({ title, sentence: text }: { title: string; sentence: string }): JSX.Element {
  return <figure class="single"><figcaption><strong>{title}</strong></figcaption><p class="sentence">{text}</p></figure>;
}

/** That only a few of the steps were looked at, which a line between them does not tell. */
function sampled(curves: Curve[]): string {
  const most = Math.max(...curves.map((c) => c.count));
  const [first, last] = extent.peek();
  return most * 4 < last - first ? `sampled: ${counted(most, "value")}` : "";
}

function Legend({ curves }: { curves: Curve[] }): JSX.Element {
  return (
    <ul class="legend">
      {curves.map((c, i) => <li key={c.name}><span class="swatch" style={{ background: lineColor(i) }} />{c.label}</li>)}
    </ul>
  );
}

function Plot({ curves, pins, visits, height, isLog, isLinked, axis }: Required<Pick<Given, "curves" | "pins" | "visits" | "height" | "isLinked" | "axis">> & { isLog: boolean }): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  const drawn = useRef<uPlot | null>(null);
  const [dark, printing] = [isDark.value, isPrinting.value];
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const width = () => (printing ? ON_PAPER : Math.max(160, element.clientWidth));
    const plot = new uPlot(options(curves, pins, visits, width(), height, isLog, isLinked, axis), aligned(curves, isLog), element);
    drawn.current = plot;
    plot.root.setAttribute("aria-hidden", "true");
    const observer = new ResizeObserver(() => {
      if (Math.abs(plot.width - width()) > 1) plot.setSize({ width: width(), height });
    });
    observer.observe(element);
    return () => { observer.disconnect(); plot.destroy(); drawn.current = null; };
  }, [curves, height, isLog, dark, printing]);
  useSignalEffect(() => {
    const [from, to] = range.value ?? extent.value;
    const plot = drawn.current;
    if (plot && isLinked && (plot.scales["x"]?.min !== from || plot.scales["x"].max !== to)) plot.setScale("x", { min: from, max: to });
  });
  useSignalEffect(() => {
    const plot = drawn.current;
    const step = cursor.value;
    if (!plot || !isLinked) return;
    plot.setCursor({ left: step === null ? -10 : plot.valToPos(step, "x"), top: step === null ? -10 : 4 }, false);
  });
  return <div ref={place} />;
}

function options(curves: Curve[], pins: Pin[], visits: number[], width: number, height: number, isLog: boolean, isLinked: boolean, name: string): uPlot.Options {
  const ink = inks();
  const axis = { stroke: ink.text, grid: { stroke: ink.grid, width: 1 }, ticks: { stroke: ink.grid, width: 1 }, font: "12px system-ui, sans-serif" };
  const [from, to] = (isLinked ? range.peek() : null) ?? extentOf(curves, isLinked);
  const unit = curves[0]?.unit ?? "";
  return {
    width,
    height,
    pxAlign: 1,
    legend: { show: false },
    cursor: {
      drag: { x: isLinked, y: false, setScale: false },
      points: { size: 6 },
      bind: { dblclick: () => () => { if (isLinked) range.value = null; return null; } },
    },
    select: { show: isLinked, left: 0, top: 0, width: 0, height: 0 },
    scales: {
      x: { time: false, auto: false, min: from, max: to },
      y: { distr: isLog ? 3 : 1, range: isLog ? undefined : (_: uPlot, low: number, high: number) => padded(low, high) },
    },
    axes: [
      { ...axis, size: 34, label: name, labelSize: 16, labelFont: "12px system-ui, sans-serif", values: (_, ticks) => ticks.map((t) => (Number.isInteger(t) ? shown(t) : "")) },
      { ...axis, ...(isLog ? decadesOnly(axis) : {}), space: height < HEIGHT ? 18 : 26, size: (_: uPlot, labels: string[] | null) => BESIDE + DIGIT * Math.max(3, ...(labels ?? []).map((l) => l.length)), values: (_, ticks) => ticks.map((t) => tick(t, unit, isLog)) },
    ],
    series: [{}, ...curves.flatMap((c, i) => seriesOf(c, lineColor(i)))],
    bands: bandsOf(curves),
    hooks: {
      drawClear: [(plot) => { marks.visits(plot, visits); }],
      draw: [(plot) => { marks.oddities(plot, curves); marks.pins(plot, pins); }],
      setSelect: [(plot) => {
        if (plot.select.width < 4) return;
        range.value = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
        plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
      }],
      setCursor: [(plot) => {
        if (!isLinked || !plot.cursor.event) return; // moved by us
        const left = plot.cursor.left ?? -1;
        cursor.value = left < 0 ? null : Math.round(plot.posToVal(left, "x"));
      }],
    },
  };
}

function extentOf(curves: Curve[], isLinked: boolean): [number, number] {
  if (isLinked) return extent.peek();
  const firsts = curves.map((c) => c.at[0] ?? 0), lasts = curves.map((c) => c.at[c.at.length - 1] ?? 1);
  const [from, to] = [Math.min(...firsts), Math.max(...lasts)];
  return from < to ? [from, to] : [from - 1, to + 1];
}

function padded(low: number, high: number): [number, number] {
  const room = (high - low) * 0.08 || Math.abs(high) * 0.1 || 1;
  return [low - room, high + room];
}

/** On a logarithmic axis only powers of ten have a line and a label, and of many only as many as have room. */
function decadesOnly(axis: uPlot.Axis): uPlot.Axis {
  const filter: uPlot.Axis.Filter = (plot, splits) => {
    const powers = splits.map((v) => Math.log10(Math.abs(v)));
    const whole = powers.filter(isWhole);
    const stride = Math.max(1, Math.ceil((whole.length * APART * devicePixelRatio) / plot.bbox.height));
    return splits.map((v, i) => (isWhole(powers[i] ?? NaN) && Math.round(powers[i] ?? 0) % stride === 0 ? v : null));
  };
  return { filter, grid: { ...axis.grid, filter }, ticks: { ...axis.ticks, filter } };
}

function isWhole(power: number): boolean {
  return Math.abs(power - Math.round(power)) < 1e-6;
}

/** A label of an axis; uPlot leaves out labels of a logarithmic one by giving null. */
function tick(value: number | null, unit: string, isLog: boolean): string {
  if (value === null) return "";
  if (isLog && Math.abs(Math.log10(Math.abs(value)) % 1) > 1e-6) return "";
  return measured(Number(value.toPrecision(12)), unit === "bytes" || unit === "seconds" || unit === "ratio" ? unit : "");
}

/** Three series for a curve with a band, one without: their order is that of `aligned`. */
function seriesOf(curve: Curve, color: string): uPlot.Series[] {
  const line: uPlot.Series = { stroke: color, width: 1.5, points: { show: curve.at.length < 60, size: 5, stroke: color, fill: color } };
  const edge: uPlot.Series = { stroke: `${color}66`, width: 0.75, points: { show: false } };
  return curve.isBand ? [line, edge, edge] : [line];
}

function bandsOf(curves: Curve[]): uPlot.Band[] {
  let number = 1;
  return curves.flatMap((c, i) => {
    const first = number;
    number += c.isBand ? 3 : 1;
    return c.isBand ? [{ series: [first + 2, first + 1] as [number, number], fill: `${lineColor(i)}2e` }] : [];
  });
}

/** The columns over the steps of all curves; null is a gap, undefined a step that another curve has. */
function aligned(curves: Curve[], isLog: boolean): uPlot.AlignedData {
  const tables = curves.map((c): uPlot.AlignedData => {
    const columns = (c.isBand ? [c.mean, c.low, c.high] : [c.mean]).map((column) => drawable(column, isLog));
    return [c.at, ...columns];
  });
  const [first] = tables;
  return tables.length === 1 && first ? first : uPlot.join(tables, tables.map((t) => t.map(() => 2 as const)));
}

function drawable(column: Float64Array, isLog: boolean): (number | null)[] {
  return Array.from(column, (value) => (Number.isFinite(value) && (!isLog || value > 0) ? value : null));
}

function spansMagnitudes(curves: Curve[]): boolean {
  const seen = curves.flatMap((c) => extremes(c) ?? []);
  if (!seen.length) return false;
  const lowest = Math.min(...seen.map((e) => e.low)), highest = Math.max(...seen.map((e) => e.high));
  return lowest > 0 && highest / lowest >= LOG_FROM;
}

function tableHead(curves: Curve[], axis: string): string[] {
  return ["series", `${axis}s`, "mean", "smallest", "largest", ...(curves.some((c) => c.nan.length + c.up.length + c.down.length) ? ["not finite"] : [])];
}

function tableRows(curves: Curve[]): string[][] {
  const each = Math.floor(TABLE_ROWS / Math.max(1, curves.length));
  return curves.flatMap((c) => {
    const odd = oddPlaces(c);
    const stride = Math.ceil(c.at.length / each);
    return Array.from(c.at, (_, i) => i).filter((i) => i % stride === 0 || odd.has(i)).map((i) => {
      const from = c.at[i] ?? 0;
      const steps = c.width > 1 ? `${from} – ${from + c.width - 1}` : shown(from);
      const cells = [c.label, steps, shown(c.mean[i]), shown(c.low[i]), shown(c.high[i])];
      return odd.size ? [...cells, odd.get(i) ?? ""] : cells;
    });
  });
}

function oddPlaces(curve: Curve): Map<number, string> {
  const found = new Map<number, string>();
  const note = (places: number[], word: string) => { for (const i of places) found.set(i, [found.get(i), word].filter(Boolean).join(", ")); };
  note(curve.nan, "NaN");
  note(curve.up, "inf");
  note(curve.down, "-inf");
  return found;
}
