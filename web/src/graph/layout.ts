/** Asks the worker for the places of nodes and edges. */
import source from "./worker.ts?text";

export interface Asked { nodes: { width: number; height: number }[]; edges: [number, number][] }
export interface Laid { width: number; height: number; nodes: { x: number; y: number }[]; edges: { x: number; y: number }[][] }

let worker: Worker | null = null;
let tickets = 0;
const waiting = new Map<number, (laid: Laid) => void>();

function started(): Worker {
  if (worker) return worker;
  // The only worker that a file without an address may start; its text is part of the script that the policy knows.
  const address = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  worker = new Worker(address);
  worker.onmessage = (event: MessageEvent<{ ticket: number; laid: Laid }>) => {
    waiting.get(event.data.ticket)?.(event.data.laid);
    waiting.delete(event.data.ticket);
  };
  return worker;
}

export function laidOut(asked: Asked): Promise<Laid> {
  const ticket = ++tickets;
  return new Promise((resolve, reject) => {
    waiting.set(ticket, resolve);
    try {
      const running = started();
      running.onerror = () => { reject(new Error("the layout failed")); };
      running.postMessage({ ...asked, ticket });
    } catch (error) {
      reject(error instanceof Error ? error : new Error("no worker can be started"));
    }
  });
}
