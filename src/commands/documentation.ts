import * as vscode from 'vscode';
import type { CommandContext } from './context.ts';

/** Opens a page of the documentation that comes with the extension, rendered, at one of its headings. */
export async function openDocumentation(context: CommandContext, page: unknown, anchor: unknown): Promise<void> {
  if (typeof page !== 'string' || !/^[\w-]+\.md$/.test(page)) return;
  const file = vscode.Uri.joinPath(context.context.extensionUri, 'docs', page);
  const place = typeof anchor === 'string' ? file.with({ fragment: anchor }) : file;
  await vscode.commands.executeCommand('markdown.showPreviewToSide', place);
}
