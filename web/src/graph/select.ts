/** Which part of a graph is drawn: blocks that are alike as one, and never more nodes than a reader can follow. */

export const MOST_NODES = 300;

export interface Node { name: string; label: string; note: string; detail: string; kind: "plain" | "named" | "loss" | "cut" | "lost"; fold?: string; times?: number }
export interface Edge { from: number; to: number; kind: "flow" | "call" | "cut"; label?: string }
export interface Drawn { nodes: Node[]; edges: Edge[] }

/** Nodes with the same `fold` become one; edges inside them vanish, and so do those back to an earlier block. */
export function folded({ nodes, edges }: Drawn): Drawn {
  const places = new Map<string, number>();
  const kept: Node[] = [];
  const numbers = nodes.map((node) => {
    const key = node.fold ?? node.name;
    const known = places.get(key);
    if (known !== undefined) return known;
    places.set(key, kept.length);
    kept.push({ ...node, label: node.times && node.times > 1 ? `${node.label} ×${node.times}` : node.label });
    return kept.length - 1;
  });
  const seen = new Set<string>();
  const moved = edges.flatMap((edge) => {
    const from = numbers[edge.from] ?? 0, to = numbers[edge.to] ?? 0;
    const key = `${from} ${to}`;
    const isBack = from === to || ((nodes[edge.from]?.times ?? 1) > 1 && to <= from && (nodes[edge.to]?.times ?? 1) > 1);
    if (isBack || seen.has(key)) return [];
    seen.add(key);
    return [{ ...edge, from, to }];
  });
  return { nodes: kept, edges: moved };
}

/** The nodes nearest to one of them, in either direction, at most so many. */
export function near({ nodes, edges }: Drawn, focus: number[], most = MOST_NODES): Drawn {
  if (nodes.length <= most && !focus.length) return { nodes, edges };
  const beside = new Map<number, number[]>();
  for (const { from, to } of edges) {
    beside.set(from, [...(beside.get(from) ?? []), to]);
    beside.set(to, [...(beside.get(to) ?? []), from]);
  }
  const start = focus.length ? focus : [0];
  const kept = new Set(start.slice(0, most));
  const queue = [...kept];
  for (let at = 0; at < queue.length && kept.size < most; at++) {
    for (const next of beside.get(queue[at] ?? 0) ?? []) {
      if (kept.size < most && !kept.has(next)) { kept.add(next); queue.push(next); }
    }
  }
  const order = [...kept].sort((a, b) => a - b);
  const places = new Map(order.map((n, i) => [n, i]));
  return {
    nodes: order.flatMap((n) => nodes[n] ?? []),
    edges: edges.flatMap((e) => {
      const from = places.get(e.from), to = places.get(e.to);
      return from === undefined || to === undefined ? [] : [{ ...e, from, to }];
    }),
  };
}
