/** The page around a webview's bundle, and what the page may do. */
import { randomBytes } from 'node:crypto';

export interface PageOptions {
  /** Shown as text, whatever it holds. */
  title: string;
  /** `webview.cspSource`: where the webview's own files come from. */
  cspSource: string;
  /** URIs of the bundle's script and style sheet, as the webview loads them. */
  script: string;
  style: string;
  /** For one page only: see `newNonce`. */
  nonce: string;
}

/** 128 random bits that let a page's own script run and nothing else. */
export function newNonce(): string {
  return randomBytes(16).toString('base64url');
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

/** Text for an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => entities[character]);
}

/** Nothing may be loaded or fetched but the bundle and the images, videos and fonts of the allowed folders; nothing may be sent. */
export function contentSecurityPolicy({ cspSource, nonce }: Pick<PageOptions, 'cspSource' | 'nonce'>): string {
  return [
    `default-src 'none'`,
    `img-src ${cspSource} blob: data:`,
    `media-src ${cspSource} blob:`,
    `style-src ${cspSource} 'nonce-${nonce}'`,
    `font-src ${cspSource}`,
    `script-src 'nonce-${nonce}'`,
    `connect-src ${cspSource}`,
    `base-uri 'none'`,
    `form-action 'none'`,
  ].join('; ');
}

/** The whole page. The bundle mounts into `#root` and gives every <style> that it adds the nonce of `csp-nonce`. */
export function pageHtml(options: PageOptions): string {
  const nonce = escapeHtml(options.nonce);
  return `<!DOCTYPE html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta http-equiv="Content-Security-Policy" content="${escapeHtml(contentSecurityPolicy(options))}">
    <meta property="csp-nonce" content="${nonce}">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>${escapeHtml(options.title)}</title>
    <link rel="stylesheet" href="${escapeHtml(options.style)}">
  </head>
  <body>
    <div id="root"></div>
    <script type="module" nonce="${nonce}" src="${escapeHtml(options.script)}"></script>
  </body>
</html>
`;
}
