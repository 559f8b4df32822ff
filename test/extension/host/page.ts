/** A panel as VS Code gives it back after a reload, with all that the extension and the page in it say to each other. */
import * as vscode from 'vscode';
import { eventually, studio } from './studio.ts';

type Message = { type: string };
type Kind = 'dashboard' | 'compare' | 'schedule';

export interface Page<Told extends Message> {
  readonly panel: vscode.WebviewPanel;
  /** What the page was told. */
  readonly told: readonly Told[];
  readonly closed: boolean;
  /** What it was told last of a type, as soon as that fits. */
  isTold<Type extends Told['type']>(
    type: Type,
    fits?: (message: Extract<Told, { type: Type }>) => boolean,
  ): Promise<Extract<Told, { type: Type }>>;
  /** The page in it, which is the real one, has said that it is there. */
  says(type: string): Promise<void>;
}

const pages: vscode.WebviewPanel[] = [];

/**
 * Closes the panels that were revived. The extension knows of it at once; a tab that is closed may be gone before it has
 * heard of that.
 */
export function closePages(): void {
  for (const panel of pages.splice(0)) panel.dispose();
}

/** Revives a panel from what its page has kept. */
export async function revive<Told extends Message>(kind: Kind, state: unknown): Promise<Page<Told>> {
  const { serializers } = await studio();
  const panel = vscode.window.createWebviewPanel(`sage.${kind}`, 'revived', vscode.ViewColumn.Active, {});
  pages.push(panel);
  const told: Told[] = [];
  const said: string[] = [];
  const { webview } = panel;
  const post = webview.postMessage.bind(webview);
  webview.postMessage = (message: Told) => {
    told.push(message);
    return post(message);
  };
  webview.onDidReceiveMessage(({ type }: Message) => said.push(type));
  let closed = false;
  panel.onDidDispose(() => (closed = true));
  await serializers[kind].deserializeWebviewPanel(panel, state);
  return {
    panel,
    told,
    get closed() {
      return closed;
    },
    isTold<Type extends Told['type']>(
      type: Type,
      fits: (message: Extract<Told, { type: Type }>) => boolean = () => true,
    ) {
      type Wanted = Extract<Told, { type: Type }>;
      return eventually(`the page is told of ${type}`, () => {
        const last = told.findLast((message): message is Wanted => message.type === type);
        if (last !== undefined && fits(last)) return last;
        throw new Error(
          `it is ${closed ? 'closed' : 'open'}, said ${said.join()}, was told ${told.map((m) => m.type).join()}`,
        );
      });
    },
    says: async (type) => void (await eventually(`the page says ${type}`, () => said.includes(type))),
  };
}
