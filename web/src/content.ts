/** What Osler tells the page: the values of `osler.report.page`, and how its packed numbers are read. */

export interface Place { file: string | null; line: number | null; step: number | null; subject: string | null; cell: string | null }
export interface Evidence { measure: string; value: number | string; expected: string | null; unit: string | null; step: number | null }
export interface Finding {
  check: string; severity: "error" | "warning" | "hint"; confidence: "certain" | "likely" | "possible";
  message: string; expected: string; why: string; fix: string; place: Place;
  related: { file: string | null; line: number | null; label: string }[];
  evidence: Evidence[]; seen_by: string[]; suppressed: boolean;
}
export interface Report {
  subject: { command: string; script: string | null; steps: number; exit_code: number | null; run: string | null };
  coverage: { modules_seen: number; modules_total: number; blind: string[] };
  overhead: { limit: number; measured: number };
  diagnoses: { cause: number; symptoms: number[] }[];
  findings: Finding[];
  checked: string[];
  not_applicable: { check: string; reason: string }[];
  failed: { check: string; reason: string }[];
}
export interface Line { number: number; text: string; guilty: boolean; label: string }
export interface Excerpt { file: string; lines: Line[] }
export interface Verdict {
  report: Report; opening: string[]; summary: string[]; places: string[]; excerpts: Excerpt[][]; charts: (number | null)[];
}
export interface Series {
  name: string; label: string; measure: string; subject: string; unit: string; title: string; width: number; count: number;
  at: string; mean: string; low?: string; high?: string; nan: number[]; up: number[]; down: number[];
}
export interface Timeline {
  panels: { title: string; unit: string; series: number[] }[];
  pins: { step: number; finding: number }[];
  evaluations: number[];
  more: number[];
}
export interface Row {
  name: string; label: string; depth: number; kind: string; elements: number; series: Record<string, number>;
  inputs?: number[][]; outputs?: number[][]; place?: string; called?: boolean;
  trainable?: boolean; reached?: boolean; optimizers?: string[];
}
export interface Layers { measures: { name: string; title: string }[]; rows: Row[]; left_out: number }
export interface ModuleNode { name: string; kind: string; elements: number; outputs: number[][]; place: string; fold: string; times: number; join: string; own: boolean }
export interface Operation { name: string; module: string; parameters: string[]; place: string }
export interface Autograd { place: string; complete: boolean; nodes: Operation[]; edges: [number, number][] }
export interface Cut { operation: string; place: string; backward: string; parameters: string[]; unreached: string[]; wrong: boolean }
export interface Graphs {
  modules: { nodes: ModuleNode[]; edges: [number, number][]; calls: [number, number][] };
  autograd: Autograd[];
  cuts: Cut[];
}
export interface Loader {
  name: string; use: string; samples: number | null; batch_size: number | null; batches: number | null; last: number | null;
  order: string; begun: number;
}
export interface LossInput {
  function: string; place: string; rows: number; classes: number; lowest: number | string; highest: number | string;
  sum_low: number | string; sum_high: number | string; are: string; made_by: string; made_at: string;
}
export interface Histogram {
  name: string; steps: number[]; power: number; bins: number[][]; zeros: number[]; negatives: number[]; nans: number[];
  infinities: number[];
}
export interface Data {
  loaders: Loader[]; sizes: number[]; scales: number[];
  classes: { name: string; seen: number; share: number; series: number | null }[];
  losses: LossInput[]; histograms: Histogram[];
}
/** A curve that an experiment measured; values that JSON lacks are words. */
export interface Trace { name: string; measure: string; x: number[]; y: (number | string)[] }
export interface Experiment {
  name: string; question: string; answer: string; seconds: number; values: Record<string, number | string>; skipped: string | null;
  traces: Trace[];
}
export interface Layer {
  name: string; kind: string; place: string; outputs: number[][]; elements: number; trainable: number; shared: number; calls: number;
  share: number;
}
export interface Network { model: string; elements: number; trainable: number; seconds: number; layers: Layer[]; left_out: number }
export interface Content {
  schema: string; version: string;
  run: { id?: string; started?: string; left_out?: number };
  verdict: Verdict; timeline?: Timeline; layers?: Layers; graph?: Graphs; data?: Data;
  preflight?: { experiments: Experiment[]; networks: Network[] };
  samples?: Samples[];
  series: Series[];
}

/** The first samples that a model was trained on; `pixels` are shades in base64, row by row. */
export interface Samples {
  model: string; place: string; step: number; shape: number[]; dtype: string; rows: number; lowest: number | string; highest: number | string;
  height: number; width: number; channels: number; items: { label: string; numbers: (number | string)[]; pixels: string }[];
}

/** A series as numbers; `mean`, `low` and `high` have NaN where nothing finite is. */
export interface Curve {
  name: string; label: string; unit: string; title: string; width: number; count: number;
  at: Float64Array; mean: Float64Array; low: Float64Array; high: Float64Array; isBand: boolean;
  nan: number[]; up: number[]; down: number[];
}

function read(): Content {
  const text = document.getElementById("content")?.textContent ?? "";
  return JSON.parse(text) as Content;
}

export const content = read();
const decoded = new Map<number, Curve>();

/** The series at a position of the file; decoded when it is first asked for. */
export function curve(position: number): Curve {
  const known = decoded.get(position);
  if (known) return known;
  const packed = content.series[position];
  if (!packed) throw new RangeError(`there is no series ${position}`);
  const mean = numbers(packed.mean);
  const isBand = packed.low !== undefined && packed.high !== undefined;
  const made: Curve = {
    name: packed.name, label: packed.label, unit: packed.unit, title: packed.title,
    width: packed.width, count: packed.count, at: numbers(packed.at), mean, isBand,
    low: packed.low === undefined ? mean : numbers(packed.low),
    high: packed.high === undefined ? mean : numbers(packed.high),
    nan: packed.nan, up: packed.up, down: packed.down,
  };
  decoded.set(position, made);
  return made;
}

/** `every:first,distance,amount`, or `f4:` or `f8:` and the bytes as base64, little endian. */
export function numbers(text: string): Float64Array {
  const end = text.indexOf(":");
  const [kind, body] = [text.slice(0, end), text.slice(end + 1)];
  if (kind === "every") {
    const [first = 0, distance = 1, amount = 0] = body.split(",").map(Number);
    return Float64Array.from({ length: amount }, (_, i) => first + i * distance);
  }
  const bytes = Uint8Array.from(atob(body), (c) => c.charCodeAt(0));
  return kind === "f4" ? Float64Array.from(new Float32Array(bytes.buffer)) : new Float64Array(bytes.buffer);
}
