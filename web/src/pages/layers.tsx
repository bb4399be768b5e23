/** The modules and parameters as a tree, each with the course of one measure as a strip of colours. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { Heat, HeatScale, scaleOf, type HeatRow, type Scale } from "../charts/heatrow";
import { Lines } from "../charts/lines";
import { content, curve, type Row } from "../content";
import { extent, range } from "../state";
import { counted, shown } from "../words";

const layers = content.layers ?? { measures: [], rows: [], left_out: 0 };
const MOST_ROWS = 300;
const ENOUGH_ROWS = 40; // the tree opens as deep as stays below this
const NAMES: Record<string, string> = { gradient_norm: "Gradient norm", update_ratio: "Update ratio", parameter_norm: "Parameter norm" };
const MEANINGS: Record<string, string> = {
  gradient_norm: "The length of the gradient that the optimizer stepped on.",
  update_ratio: "How far a step moves the numbers, relative to their size: 0.001 moves them by a thousandth. In healthy training most layers are near 0.001 and not far from each other. What began at zero has moved by 1.",
  parameter_norm: "The length of the vector of all its numbers.",
};

interface Node { row: Row; number: number; parts: number[]; parent: number }

const nodes: Node[] = [];
{
  const path: number[] = [];
  layers.rows.forEach((row, number) => {
    path.length = row.depth;
    const parent = path[row.depth - 1] ?? -1;
    nodes.push({ row, number, parts: [], parent });
    nodes[parent]?.parts.push(number);
    path[row.depth] = number;
  });
}

export function LayersPage(): JSX.Element {
  const [measure, setMeasure] = useState(layers.measures[0]?.name ?? "");
  const [wanted, setWanted] = useState("");
  const [closed, setClosed] = useState(() => closedAtFirst());
  const [chosen, setChosen] = useState<number | null>(null);
  const strips = useMemo(() => stripsOf(measure), [measure]);
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const visible = words.length ? nodes.filter(({ row }) => words.every((w) => `${row.name} ${row.kind}`.toLowerCase().includes(w))) : nodes.filter((n) => isOpen(n, closed));
  const shownRows = visible.slice(0, MOST_ROWS);
  const scale = useMemo(() => scaleOf([...strips.values()]), [strips]);
  const toggle = (number: number) => {
    const next = new Set(closed);
    if (!next.delete(number)) next.add(number);
    setClosed(next);
  };
  if (!nodes.length) return <><h1>Layers</h1><p>No module was seen in this run.</p></>;
  return (
    <>
      <h1>Layers</h1>
      <p class="intro">
        Each row is a module or a parameter, each strip its course from the first step to the last: the largest value in each
        stretch of steps. A module shows the largest of its parameters. Choose a row for its curves.
      </p>
      <div class="controls">
        {layers.measures.length > 1 ? (
          <label>colour shows{" "}
            <select value={measure} onChange={(event) => { setMeasure(event.currentTarget.value); }}>
              {layers.measures.map(({ name }) => <option key={name} value={name}>{NAMES[name] ?? name}</option>)}
            </select>
          </label>
        ) : null}
        <label>name contains <input type="search" value={wanted} onInput={(event) => { setWanted(event.currentTarget.value); }} /></label>
        <button type="button" onClick={() => { setClosed(new Set()); }}>Open all</button>
        <button type="button" onClick={() => { setClosed(new Set(nodes.filter((n) => n.parts.length && n.row.depth > 0).map((n) => n.number))); }}>Close all</button>
      </div>
      {MEANINGS[measure] ? <p class="sentence">{MEANINGS[measure]}</p> : null}
      {scale ? <Key scale={scale} measure={NAMES[measure] ?? measure} /> : <p class="note">No measure of single layers was taken in this run.</p>}
      {scale ? <Rarely steps={mostSeen(measure)} /> : null}
      <p role="status" class="note">{visible.length > MOST_ROWS ? `${visible.length} rows; the first ${MOST_ROWS} are shown, search to see others.` : `${counted(visible.length, "row")} of ${nodes.length}.`}</p>
      <div class="wide" role="region" aria-label="Layers" tabIndex={0}>
        <table class="layers">
          <thead><tr><th scope="col">layer</th><th scope="col">kind</th><th scope="col">numbers</th><th scope="col">shape out</th>{scale ? <><th scope="col">steps {(range.value ?? extent.value).map(Math.round).join(" – ")}</th><th scope="col">last</th></> : null}</tr></thead>
          <tbody>
            {shownRows.map((node) => (
              <LayerRow key={node.number} node={node} isFlat={words.length > 0} isClosed={closed.has(node.number)} strip={strips.get(node.number)} scale={scale}
                isChosen={chosen === node.number} onToggle={() => { toggle(node.number); }} onChoose={() => { setChosen(chosen === node.number ? null : node.number); }} />
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

/** That few steps were measured, and what measures more. */
function Rarely({ steps }: { steps: number }): JSX.Element | null {
  const all = content.verdict.report.subject.steps;
  if (steps * 4 >= all) return null;
  return (
    <p class="note">
      Measured at {steps} of {all} steps, so that watching costs little time; a larger <code>--overhead</code> than 0.01 measures more often.
    </p>
  );
}

function mostSeen(measure: string): number {
  return Math.max(0, ...layers.rows.flatMap(({ series }) => content.series[series[measure] ?? -1]?.count ?? []));
}

function Key({ scale, measure }: { scale: Scale; measure: string }): JSX.Element {
  return (
    <p class="key">
      {measure}: {shown(scale.low)} <HeatScale /> {shown(scale.high)}
      {scale.isLog ? " (logarithmic)" : ""} <span class="nan" aria-hidden="true" /> not finite <span class="zero" aria-hidden="true" /> exactly 0
    </p>
  );
}

interface RowGiven { node: Node; isFlat: boolean; isClosed: boolean; strip: HeatRow | undefined; scale: Scale | null; isChosen: boolean; onToggle: () => void; onChoose: () => void }

function LayerRow({ node, isFlat, isClosed, strip, scale, isChosen, onToggle, onChoose }: RowGiven): JSX.Element {
  const { row, parts } = node;
  const isParameter = row.trainable !== undefined;
  const name = isFlat ? row.name : row.label;
  return (
    <>
      <tr class={isParameter ? "parameter" : "module"}>
        <th scope="row" style={{ paddingLeft: isFlat ? "0.4rem" : `calc(0.4rem + ${row.depth} * var(--indent))` }}>
          {parts.length && !isFlat
            ? <button type="button" class="fold" aria-expanded={!isClosed} aria-label={`Parts of ${row.name}`} onClick={onToggle}>{isClosed ? "▸" : "▾"}</button>
            : <span class="fold" />}
          <button type="button" class="link" aria-expanded={isChosen} onClick={onChoose}>{name}</button>
        </th>
        <td>{row.kind || state(row)}</td>
        <td>{elements(node).toLocaleString("en")}</td>
        <td>{(row.outputs ?? []).map((s) => s.join("×")).join(", ")}</td>
        {scale ? <><td class="strip">{strip ? <Heat row={strip} scale={scale} steps={range.value ?? extent.value} /> : null}</td><td>{strip ? shown(strip.value[strip.value.length - 1]) : "–"}</td></> : null}
      </tr>
      {isChosen ? <tr class="drawer"><td colSpan={scale ? 6 : 4}><Drawer node={node} /></td></tr> : null}
    </>
  );
}

function state(row: Row): string {
  if (!row.trainable) return "frozen";
  return row.reached ? "" : "no gradient";
}

/** The numbers that a module and its parts hold; a parameter's own. */
function elements(node: Node): number {
  if (node.row.trainable !== undefined) return node.row.elements;
  const parts = node.parts.map((n) => nodes[n]).filter((n) => n?.row.trainable === undefined);
  return node.row.elements + parts.reduce((sum, part) => sum + (part ? elements(part) : 0), 0);
}

function Drawer({ node }: { node: Node }): JSX.Element {
  const { row } = node;
  const facts: [string, string][] = [
    ["name", row.name],
    ...(row.place ? [["called at", row.place] as [string, string]] : []),
    ...(row.inputs?.length ? [["shapes in", row.inputs.map((s) => s.join("×")).join(", ")] as [string, string]] : []),
    ...(row.outputs?.length ? [["shapes out", row.outputs.map((s) => s.join("×")).join(", ")] as [string, string]] : []),
    ...(row.called === false ? [["called", "never while gradients were recorded"] as [string, string]] : []),
    ...(row.optimizers ? [["in optimizer", row.optimizers.join(", ") || "none"] as [string, string]] : []),
    ...(row.trainable === undefined ? [] : [["gradient", row.trainable ? (row.reached ? "received" : "never received") : "frozen"] as [string, string]]),
  ];
  const below = row.trainable === undefined ? node.parts.map((n) => nodes[n]).filter((n) => n?.row.trainable !== undefined) : [node];
  return (
    <div class="open">
      <dl class="facts">{facts.map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}</dl>
      <div class="panels">
        {layers.measures.map(({ name }) => {
          const curves = below.flatMap((n) => (n?.row.series[name] === undefined ? [] : [{ ...curve(n.row.series[name]), label: n.row.label }]));
          return curves.length ? <Lines key={name} title={NAMES[name] ?? name} curves={curves.slice(0, 6)} height={140} /> : null;
        })}
      </div>
    </div>
  );
}

/** A strip for each row: its own series, or the largest of its parts'. */
function stripsOf(measure: string): Map<number, HeatRow> {
  const strips = new Map<number, HeatRow>();
  for (const { row, number, parts } of [...nodes].reverse()) {
    const own = row.series[measure];
    const below = parts.flatMap((n) => strips.get(n) ?? []);
    if (own !== undefined) strips.set(number, strip(own));
    else if (below.length) strips.set(number, largest(below));
  }
  return strips;
}

function strip(position: number): HeatRow {
  const { at, high, nan, up, down } = curve(position);
  const odd = new Set([...nan, ...up, ...down]);
  return { at: [...at], value: Array.from(high, (v, i) => (odd.has(i) ? NaN : v)) };
}

function largest(rows: HeatRow[]): HeatRow {
  const found = new Map<number, number>();
  for (const { at, value } of rows) {
    at.forEach((step, i) => {
      const [v, known] = [value[i] ?? NaN, found.get(step)];
      found.set(step, known === undefined ? v : Number.isNaN(v) || Number.isNaN(known) ? NaN : Math.max(v, known));
    });
  }
  const at = [...found.keys()].sort((a, b) => a - b);
  return { at, value: at.map((step) => found.get(step) ?? NaN) };
}

function isOpen(node: Node, closed: Set<number>): boolean {
  for (let above = nodes[node.parent]; above; above = nodes[above.parent]) if (closed.has(above.number)) return false;
  return true;
}

/** Closes the tree from the depth at which it would be too long to be seen at once. */
function closedAtFirst(): Set<number> {
  let depth = 1;
  while (nodes.some((n) => n.row.depth > depth) && nodes.filter((n) => n.row.depth <= depth + 1).length <= ENOUGH_ROWS) depth += 1;
  return new Set(nodes.filter((n) => n.parts.length && n.row.depth >= depth).map((n) => n.number));
}
