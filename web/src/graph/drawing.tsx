/** A graph as a picture that can be moved and made larger. */
import type { JSX } from "preact";
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { isPrinting } from "../state";
import { laidOut, type Laid } from "./layout";
import type { Drawn, Edge, Node } from "./select";

const CHARACTER = 7.4, PADDING = 22, LINE = 16;
const WIDEST = 34; // characters of a label

interface State { drawn: Drawn; laid: Laid | null; fault: boolean }

interface Given { drawn: Drawn; sentence: string; chosen: string | null; onChoose: (name: string) => void; instead: ComponentChildren }

export function Drawing({ drawn, sentence, chosen, onChoose, instead }: Given): JSX.Element {
  const [state, setState] = useState<State>({ drawn, laid: null, fault: false });
  const [zoom, setZoom] = useState(1);
  useEffect(() => {
    let isWanted = true;
    const asked = { nodes: drawn.nodes.map(sizeOf), edges: drawn.edges.map(({ from, to }): [number, number] => [from, to]) };
    laidOut(asked).then(
      (laid) => { if (isWanted) setState({ drawn, laid, fault: false }); },
      () => { if (isWanted) setState({ drawn, laid: null, fault: true }); },
    );
    return () => { isWanted = false; };
  }, [drawn]);
  const canvas = useRef<HTMLDivElement>(null);
  const { laid } = state;
  useEffect(() => {
    if (laid && canvas.current) show(canvas.current, state.drawn, laid);
  }, [laid]);
  if (state.fault) return <><p>This browser does not lay out the picture. The table holds the same.</p>{instead}</>;
  return (
    <div class="graph">
      <div class="controls">
        <button type="button" onClick={() => { setZoom(Math.min(3, zoom * 1.25)); }}>Larger</button>
        <button type="button" onClick={() => { setZoom(Math.max(0.2, zoom / 1.25)); }}>Smaller</button>
      </div>
      <div ref={canvas} class="canvas" role="region" aria-label="Graph" tabIndex={0}>
        {laid ? (
          <svg role="img" aria-label={sentence} width={laid.width * zoom} height={laid.height * zoom} viewBox={`0 0 ${laid.width} ${laid.height}`}>
            <defs>
              <marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0 8 4 0 8z" /></marker>
              <marker id="cuthead" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="cuthead" d="M0 0 8 4 0 8z" /></marker>
            </defs>
            {state.drawn.edges.map((edge, i) => <Way key={i} edge={edge} points={laid.edges[i] ?? []} />)}
            {state.drawn.nodes.map((node, i) => <Box key={node.name} node={node} at={laid.nodes[i] ?? { x: 0, y: 0 }} isChosen={chosen === node.name} onChoose={onChoose} />)}
          </svg>
        ) : <p role="status">Laying out…</p>}
      </div>
      {isPrinting.value && !laid ? instead : null}
    </div>
  );
}

/** Moves the picture so that a cut is seen, else the loss, else its middle. */
function show(canvas: HTMLElement, drawn: Drawn, laid: Laid): void {
  const wanted = (["cut", "loss"] as const).map((kind) => drawn.nodes.findIndex((n) => n.kind === kind)).find((i) => i >= 0);
  const at = laid.nodes[wanted ?? -1];
  canvas.scrollLeft = (at?.x ?? laid.width / 2) - canvas.clientWidth / 2;
  canvas.scrollTop = at ? at.y - canvas.clientHeight / 2 : 0;
}

function clipped(text: string): string {
  return text.length > WIDEST ? `${text.slice(0, 12)}…${text.slice(-(WIDEST - 13))}` : text;
}

function sizeOf(node: Node): { width: number; height: number } {
  const longest = Math.max(...[node.label, node.note].map((t) => clipped(t).length));
  return { width: longest * CHARACTER + PADDING, height: node.note ? 2 * LINE + 14 : LINE + 14 };
}

function Box({ node, at, isChosen, onChoose }: { node: Node; at: { x: number; y: number }; isChosen: boolean; onChoose: (name: string) => void }): JSX.Element {
  const { width, height } = sizeOf(node);
  const first = node.note ? -2 : 5;
  return (
    <g class={`node ${node.kind}${isChosen ? " chosen" : ""}`} transform={`translate(${at.x} ${at.y})`} onClick={() => { onChoose(node.name); }}>
      <rect x={-width / 2} y={-height / 2} width={width} height={height} rx={node.kind === "plain" ? 12 : 4} />
      <text y={first}>{clipped(node.label)}</text>
      {node.note ? <text class="small" y={first + LINE}>{clipped(node.note)}</text> : null}
    </g>
  );
}

function Way({ edge, points }: { edge: Edge; points: { x: number; y: number }[] }): JSX.Element {
  const path = points.map(({ x, y }, i) => `${i ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");
  return <path class={`edge ${edge.kind}`} d={path} marker-end={edge.kind === "cut" ? "url(#cuthead)" : "url(#head)"} />;
}
