/** The part of `vscode.l10n` that sentences are made with, so that what makes them can run without an editor. */
export interface Words {
  t(message: string, ...values: (string | number | boolean)[]): string;
}
