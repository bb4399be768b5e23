/** How data flows between modules, the operations behind the loss, and where the gradient is cut. */
import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { content, type Autograd, type Cut } from "../content";
import { Drawing } from "../graph/drawing";
import { folded, MOST_NODES, near, type Drawn, type Edge, type Node } from "../graph/select";
import { Table, Words } from "../text";
import { counted } from "../words";

const graphs = content.graph ?? { modules: { nodes: [], edges: [], calls: [] }, autograd: [], cuts: [] };

export function GraphPage(): JSX.Element {
  const [which, setWhich] = useState(graphs.cuts.some((c) => c.wrong) && graphs.autograd.length + lonely().length ? worst() : "modules");
  const [wanted, setWanted] = useState("");
  const [isFolded, setFolded] = useState(true);
  const [chosen, setChosen] = useState<string | null>(null);
  const [isTable, setTable] = useState(false);
  const whole = useMemo(() => (which === "modules" ? modules() : operations(which)), [which]);
  const folds = whole.nodes.some((n) => (n.times ?? 1) > 1);
  const drawn = useMemo(() => {
    const base = isFolded && !wanted ? folded(whole) : whole;
    const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
    const focus = words.length ? base.nodes.flatMap((n, i) => (words.every((w) => `${n.name} ${n.label} ${n.note}`.toLowerCase().includes(w)) ? [i] : [])) : [];
    return { matches: words.length ? focus.length : null, ...near(base, focus, words.length ? 60 : MOST_NODES), all: base.nodes.length };
  }, [whole, wanted, isFolded]);
  if (!graphs.modules.nodes.length && !graphs.autograd.length && !graphs.cuts.length) return <><h1>Graph</h1><p>No graph was seen in this run.</p></>;
  const sentence = `${which === "modules" ? "Modules" : "Operations"}: ${counted(drawn.nodes.length, "node")} and ${counted(drawn.edges.length, "edge")}${drawn.nodes.length < drawn.all ? ` of ${drawn.all} nodes` : ""}.`;
  const detail = drawn.nodes.find((n) => n.name === chosen);
  const table = (
    <Table caption="Nodes" head={["node", "what it is", "passes on to"]}
      rows={drawn.nodes.map((n, i) => [n.name, [n.note, n.detail].filter(Boolean).join("; "), drawn.edges.filter((e) => e.from === i).map((e) => drawn.nodes[e.to]?.name ?? "").join(", ") || "–"])} />
  );
  return (
    <>
      <h1>Graph</h1>
      {graphs.cuts.length ? <Cuts /> : null}
      <div class="controls">
        <label>show{" "}
          <select value={which} onChange={(event) => { setWhich(event.currentTarget.value); setWanted(""); setChosen(null); }}>
            <option value="modules">modules with parameters</option>
            {graphs.autograd.map((g, i) => <option key={i} value={String(i)}>operations behind {g.place || "the loss"}</option>)}
            {lonely().map((c) => <option key={c.backward} value={`cut ${c.backward}`}>what {c.backward} cannot reach</option>)}
          </select>
        </label>
        <label>name contains <input type="search" value={wanted} onInput={(event) => { setWanted(event.currentTarget.value); }} /></label>
        {folds ? <button type="button" aria-pressed={isFolded} onClick={() => { setFolded(!isFolded); }}>Equal blocks as one</button> : null}
        <button type="button" aria-pressed={isTable} onClick={() => { setTable(!isTable); }}>Table</button>
      </div>
      <p class="intro">{which === "modules" ? legendOfModules() : "Data flows downwards to the loss, gradients go the other way. Boxes with corners use parameters."}</p>
      <p class="note" role="status">{sentence}{drawn.matches === null ? "" : ` ${counted(drawn.matches, "match", "matches")} and what lies around.`}</p>
      {detail ? <p class="chosen"><strong>{detail.name}</strong> {detail.detail}</p> : null}
      {isTable ? table : <Drawing drawn={drawn} sentence={sentence} chosen={chosen} instead={table} onChoose={(name) => { setChosen(name === chosen ? null : name); }} />}
    </>
  );
}

function legendOfModules(): string {
  const calls = graphs.modules.calls.length ? " Dashed lines only say what was called next: no gradient was seen to flow there." : "";
  return `Lines follow the gradient of the first loss: from a module to one that uses what it computed, with whatever has no parameters left out. Round boxes join what several modules computed.${calls}`;
}

/** Cuts whose backward has no graph of its own, because nothing is left of it. */
function lonely(): Cut[] {
  const known = new Set(graphs.autograd.map((g) => g.place));
  const seen = new Map(graphs.cuts.filter((c) => !known.has(c.backward)).map((c) => [c.backward, c]));
  return [...seen.values()];
}

function worst(): string {
  const cut = graphs.cuts.find((c) => c.wrong);
  const place = graphs.autograd.findIndex((g) => g.place === cut?.backward);
  return place >= 0 ? String(place) : cut ? `cut ${cut.backward}` : "modules";
}

function Cuts(): JSX.Element {
  const wrong = graphs.cuts.filter((c) => c.wrong), rest = graphs.cuts.filter((c) => !c.wrong);
  return (
    <section class={wrong.length ? "cuts wrong" : "cuts"}>
      <h2>{wrong.length ? "The gradient is cut" : "Cuts"}</h2>
      <ul>
        {wrong.map((c, i) => <li key={i}><strong><Words text={c.operation} /></strong> at <strong class="where">{c.place || "an unknown line"}</strong> stops the gradient of {c.backward || "the loss"} before {counted(c.unreached.length, "parameter")}: {listed(c.unreached)}</li>)}
        {rest.map((c, i) => <li key={i} class="note"><Words text={c.operation} /> at {c.place || "an unknown line"}: not to blame for what was found</li>)}
      </ul>
    </section>
  );
}

function listed(names: string[]): string {
  return names.length > 4 ? `${names.slice(0, 4).join(", ")} and ${names.length - 4} more` : names.join(", ");
}

function modules(): Drawn {
  const { nodes, edges, calls } = graphs.modules;
  const lost = new Set(graphs.cuts.filter((c) => c.wrong).flatMap((c) => c.unreached.map((p) => p.slice(0, p.lastIndexOf(".")))));
  return {
    nodes: nodes.map((n): Node => ({
      name: n.name,
      label: n.join || n.name,
      note: n.own ? "its own parameters" : [n.kind, n.outputs.map((s) => s.join("×")).join(", ")].filter(Boolean).join(" → "),
      detail: n.join ? "what several modules computed meets here" : [n.kind, `${n.elements.toLocaleString("en")} numbers`, n.place ? `called at ${n.place}` : "", lost.has(n.name) ? "behind a cut: no gradient arrives" : ""].filter(Boolean).join(", "),
      kind: n.join ? "plain" : lost.has(n.name) ? "lost" : "named",
      fold: n.fold,
      times: n.times,
    })),
    edges: [
      ...edges.map(([from, to]): Edge => ({ from, to, kind: "flow" })),
      ...calls.map(([from, to]): Edge => ({ from, to, kind: "call" })),
    ],
  };
}

const NOTHING: Autograd = { place: "", complete: true, nodes: [], edges: [] };

function operations(which: string): Drawn {
  const isLonely = which.startsWith("cut ");
  const graph = isLonely ? { ...NOTHING, place: which.slice(4) } : (graphs.autograd[Number(which)] ?? NOTHING);
  const nodes: Node[] = graph.nodes.map((n, i) => ({
    name: `${n.name} #${i + 1}`,
    label: n.module ? `${n.name} · ${n.module}` : n.name,
    note: n.place,
    detail: [n.place ? `called at ${n.place}` : "", n.parameters.length ? `uses ${n.parameters.join(", ")}` : "no parameters", i === 0 ? `backward() is called at ${graph.place}` : ""].filter(Boolean).join("; "),
    kind: i === 0 ? "loss" : n.parameters.length ? "named" : "plain",
  }));
  if (!nodes.length) nodes.push({ name: "loss", label: "loss", note: graph.place, detail: "nothing with a gradient lies behind it", kind: "loss" });
  const edges = graph.edges.map(([from, to]): Edge => ({ from, to, kind: "flow" }));
  graphs.cuts.filter((c) => c.backward === graph.place).forEach((c, i) => {
    const [cut, behind] = [nodes.length, nodes.length + 1];
    nodes.push({ name: `cut ${i + 1}`, label: c.operation.replaceAll("`", ""), note: c.place, detail: "the gradient ends here", kind: c.wrong ? "cut" : "plain" });
    nodes.push({ name: `behind cut ${i + 1}`, label: counted(c.parameters.length, "parameter"), note: prefix(c.parameters), detail: c.parameters.join(", "), kind: c.wrong ? "lost" : "plain" });
    edges.push({ from: behind, to: cut, kind: c.wrong ? "cut" : "call" }, { from: cut, to: 0, kind: c.wrong ? "cut" : "call" });
  });
  return { nodes, edges };
}

/** What all names begin with, up to a dot. */
function prefix(names: string[]): string {
  const [first = [], ...rest] = names.map((n) => n.split("."));
  const same = first.findIndex((piece, i) => rest.some((other) => other[i] !== piece));
  const kept = first.slice(0, same < 0 ? first.length : same).join(".");
  return kept ? `${kept}.*` : names.slice(0, 2).join(", ");
}
