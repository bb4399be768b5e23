/** Lays graphs out beside the page, so that the page never waits. */
import { Graph, layout } from "@dagrejs/dagre";
import type { Asked, Laid } from "./layout";

function lay({ nodes, edges }: Asked): Laid {
  const graph = new Graph({ multigraph: false });
  graph.setGraph({ rankdir: "TB", nodesep: 24, ranksep: 34, marginx: 8, marginy: 8 });
  graph.setDefaultEdgeLabel(() => ({}));
  nodes.forEach(({ width, height }, i) => graph.setNode(String(i), { width, height }));
  for (const [a, b] of edges) graph.setEdge(String(a), String(b));
  layout(graph);
  const { width = 0, height = 0 } = graph.graph() as { width?: number; height?: number };
  return {
    width,
    height,
    nodes: nodes.map((_, i) => {
      const { x, y } = graph.node(String(i)) as { x: number; y: number };
      return { x, y };
    }),
    edges: edges.map(([a, b]) => (graph.edge(String(a), String(b)) as { points: { x: number; y: number }[] }).points),
  };
}

self.onmessage = (event: MessageEvent<Asked & { ticket: number }>) => {
  self.postMessage({ ticket: event.data.ticket, laid: lay(event.data) });
};
