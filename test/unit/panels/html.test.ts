import { describe, expect, it } from 'vitest';
import { contentSecurityPolicy, escapeHtml, newNonce, pageHtml } from '../../../src/views/panels/html.ts';

const options = {
  cspSource: 'https://*.vscode-cdn.net',
  script: 'https://file.vscode-cdn.net/dist/webview/dashboard.js',
  style: 'https://file.vscode-cdn.net/dist/webview/dashboard.css',
};
const page = (title: string, nonce = newNonce()) => pageHtml({ ...options, title, nonce });

describe('the page of a webview', () => {
  it('shows a hostile title as text', () => {
    const title = `</title><script>alert("1")</script><img src=x onerror='alert(2)'>&amp;`;
    const html = page(title);
    expect(html).toContain(`<title>${escapeHtml(title)}</title>`);
    expect(html.match(/<script/g)).toHaveLength(1);
    expect(html).not.toContain('<img');
    expect(escapeHtml(`<>&"'`)).toBe('&lt;&gt;&amp;&quot;&#39;');
  });

  it('cannot be broken out of by the URIs either', () => {
    const html = pageHtml({ ...options, title: '', nonce: newNonce(), script: 'x"><script>alert(1)</script>' });
    expect(html.match(/<script/g)).toHaveLength(1);
  });

  it('runs the one script that has its nonce, which no other page has', () => {
    const nonces = Array.from({ length: 100 }, newNonce);
    expect(new Set(nonces).size).toBe(100);
    for (const nonce of nonces) expect(nonce).toMatch(/^[\w-]{22}$/);
    const html = page('a', nonces[0]);
    expect(html).toContain(`<script type="module" nonce="${nonces[0]}" src="${options.script}">`);
    expect(html).toContain(`script-src &#39;nonce-${nonces[0]}&#39;`);
    expect(html).toContain(`<meta property="csp-nonce" content="${nonces[0]}">`);
  });

  it('allows nothing but what is named, and nothing unsafe', () => {
    const policy = contentSecurityPolicy({ cspSource: options.cspSource, nonce: 'N' });
    const directives = new Map(policy.split('; ').map((one) => [one.split(' ')[0], one.split(' ').slice(1)]));
    expect(Object.fromEntries(directives)).toEqual({
      'default-src': ["'none'"],
      'img-src': [options.cspSource, 'blob:', 'data:'],
      'media-src': [options.cspSource, 'blob:'],
      'style-src': [options.cspSource, "'nonce-N'"],
      'font-src': [options.cspSource],
      'script-src': ["'nonce-N'"],
      'connect-src': [options.cspSource],
      'base-uri': ["'none'"],
      'form-action': ["'none'"],
    });
    expect(policy).not.toContain('unsafe');
  });

  it('says its language', () => {
    expect(page('a')).toContain('<html lang="en">');
  });
});
